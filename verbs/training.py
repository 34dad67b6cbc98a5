"""Verbs of training recipes and of whole experiments."""

from pathlib import Path
from typing import Annotated

import typer

from verbs.options import Recipe, Seed

app = typer.Typer()
recipes = typer.Typer(help="Training recipes: render them from building blocks, check them.", no_args_is_help=True)
app.add_typer(recipes, name="recipe")


@app.command()
def study(
    recipe: Recipe,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run lives.  [default: runs/<name>]")] = None,
    seed: Seed = None,
    axolotl: Annotated[
        Path | None, typer.Option(help="The axolotl program.  [default: .venv-train/bin/axolotl]")
    ] = None,
    train_command: Annotated[
        str | None, typer.Option(help="Hands training over: 'sbatch {launch}/slurm.sh {recipe} {output_dir} {seed}'.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for trainings that were handed over.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print commands, GPU hours and costs, and stop.")] = False,
) -> None:
    """Run a whole experiment: data, training, evaluation, report. The same command again continues."""
    from rich.console import Console

    from study.run import Options, run_studies, show_plan

    options = Options(run_dir, seed, axolotl, train_command, wait)
    if dry_run:
        show_plan(recipe, options, Console())
    else:
        run_studies(recipe, options, Console())


@recipes.command("render")
def render_recipe(
    model: Annotated[str | None, typer.Option(help="A block of axolotl_configs/models.", show_default=False)] = None,
    data: Annotated[str, typer.Option(help="A block of axolotl_configs/data.")] = "k123",
    method: Annotated[str, typer.Option(help="full, lora or qlora.")] = "full",
    hardware: Annotated[str, typer.Option(help="A block of axolotl_configs/hardware.")] = "8x80gb-fsdp2",
    dataset: Annotated[str | None, typer.Option(help="Another repository, or a folder.", show_default=False)] = None,
    steps: Annotated[int, typer.Option(min=1)] = 4000,
    replay: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of rows of pre-training text.")] = 0.1,
    rows: Annotated[int | None, typer.Option(min=1, help="Texts, from every k alike.  [default: all]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.  [default: print it]", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Write all that recipes/train ships.")] = False,
) -> None:
    """Make a training recipe that axolotl runs as it is."""
    from axolotl_configs.command import render, render_all
    from axolotl_configs.render import Choice
    from datasets_builder.skillmix.errors import UsageError

    if every:
        render_all()
        return
    if model is None:
        raise UsageError("--model is missing: a block of axolotl_configs/models, such as mistral-7b-instruct-v0.2")
    blocks = {"model": model, "data": data, "method": method, "hardware": hardware}
    render(Choice(**blocks, dataset=dataset, steps=steps, replay=replay, rows=rows), out)


@recipes.command("check")
def check_recipes(
    paths: Annotated[list[Path], typer.Argument(help="Recipes, or folders of them.", show_default=False)],
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs.  [default: as the recipe tells]")] = None,
    batch: Annotated[
        int | None, typer.Option(min=0, help="Texts a step; 0 for any.  [default: 64 for rendered recipes]")
    ] = None,
    data: Annotated[list[str], typer.Option(help="org/name=folder: where a dataset lies.")] = [],  # noqa: B006
    axolotl: Annotated[
        Path | None, typer.Option(help="The axolotl program.  [default: .venv-train/bin/axolotl]")
    ] = None,
) -> None:
    """Judge training recipes before a GPU is paid for: axolotl's schema with GPUs, and more strictly."""
    from axolotl_configs.check import Target
    from axolotl_configs.command import check, parse_data

    wanted = {"by_hand": False} if batch is None else {"batch": batch or None}
    check(paths, axolotl, Target(gpus=gpus, data=parse_data(data), **wanted))


@recipes.command("stamp")
def stamp_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="The output_dir of a training.", show_default=False)],
    recipe: Annotated[Path, typer.Option(help="What axolotl was given.", show_default=False)],
    data: Annotated[list[str], typer.Option(help="org/name=folder: where a dataset lies.")] = [],  # noqa: B006
) -> None:
    """Keep recipe and dataset revision in a checkpoint, and say what comes next; run it where axolotl ran."""
    from axolotl_configs.command import parse_data
    from study.stamp import show_stamp

    show_stamp(checkpoint, recipe, parse_data(data))
