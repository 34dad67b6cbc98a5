"""The command line: one verb, one function, one package called. Heavy imports happen inside the verb."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Make, fine-tune on and measure DSKILL-MIX(k): texts that compose k language skills.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130  # exit code after Ctrl-C or SIGTERM

Recipe = Annotated[Path, typer.Argument(help="The recipe, a YAML file of recipes/.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The folder to write.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Replaces the recipe's seed: other split, data and draws.")]


@app.command()
def study(
    recipe: Recipe,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run lives.  [default: runs/<name>]")] = None,
    seed: Seed = None,
    axolotl: Annotated[
        Path | None, typer.Option(help="The axolotl program.  [default: .venv-train/bin/axolotl]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands and stop.")] = False,
) -> None:
    """Run a whole experiment: data, training, evaluation, report. The same command again continues."""
    from rich.console import Console

    from study.run import run_study, show_plan

    if dry_run:
        show_plan(recipe, seed, axolotl, Console())
    else:
        run_study(recipe, run_dir, seed, axolotl, Console())


@app.command()
def build(
    recipe: Recipe,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write.  [required without --dry-run]", show_default=False)
    ] = None,
    seed: Seed = None,
    runner: Annotated[
        Literal["stream", "stock", "ray"],
        typer.Option(help="stream: one process, row by row; stock: distilabel's own; ray: the same on Ray."),
    ] = "stream",
    limit: Annotated[int | None, typer.Option(min=1, help="Ask for so many texts only: a preview.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, tokens and cost, and stop.")] = False,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="USD that the dataset may cost; a higher one later continues.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
) -> None:
    """Make a dataset folder from a data recipe. The same command again continues, and pays for no answer twice."""
    from rich.console import Console

    from cards.dataset_card import make_dataset_card
    from datasets_builder.command import Options, run_build, show_estimate

    options = Options(seed=seed, runner=runner, limit=limit, budget_usd=budget, prices=prices)
    if dry_run:
        show_estimate(recipe, options, Console())
    else:
        run_build(
            recipe, out, options, lambda manifest, rows: make_dataset_card(manifest.model_dump(), rows), Console()
        )


@app.command()
def corpus(recipe: Recipe, out: Out, seed: Seed = None) -> None:
    """Make the miniature's pre-training text, tokenizer and untrained base model."""
    from datasets_builder.corpus import CorpusRecipe, build_corpus
    from datasets_builder.skillmix.config import read_config

    content = read_config(CorpusRecipe, recipe)
    rows = build_corpus(content if seed is None else content.model_copy(update={"seed": seed}), out)
    print(f"{out}: {', '.join(f'{config} {count}' for config, count in rows.items())} rows")


@app.command("eval")
def evaluate(
    recipe: Recipe,
    model: Annotated[
        str, typer.Option(help="An Inspect model name; folder/<path> for a local checkpoint.", show_default=False)
    ],
    out: Out,
    seed: Seed = None,
    exclude: Annotated[Path | None, typer.Option(help="A dataset folder whose combinations must not be asked.")] = None,
    grader: Annotated[
        str | None, typer.Option(help="An Inspect model name, where the suite's grader is 'model'.")
    ] = None,
) -> None:
    """Score a model by SKILL-MIX(k) on every cell of a suite."""
    from datasets_builder.skillmix.config import read_config
    from eval_harness.suite import EvalSuite, run_suite

    suite = read_config(EvalSuite, recipe)
    suite = suite if seed is None else suite.with_seed(seed)
    for cell in run_suite(suite, model, out, exclude=exclude, grader_model=grader, progress=_show_texts):
        interval = f"{cell.full_marks:6.1%} [{cell.low:.1%}, {cell.high:.1%}]"
        scores = f"full marks {interval}  skills fraction {cell.skills_fraction:.2f}"
        print(f"{cell.split:<9} k={cell.k}  {scores}  n = {cell.n_combinations}")


@app.command()
def catalogue(
    name: Annotated[str, typer.Argument(help="A shipped catalogue, or a catalogue's folder.")] = "full",
    split: Annotated[Literal["train", "held-out", "all"], typer.Option(help="Show one side only.")] = "all",
    partition: Annotated[
        Literal["category", "random", "categories"],
        typer.Option(help="The catalogue's own split, or another by a seed: of single skills, of whole categories."),
    ] = "category",
    train: Annotated[
        int | None, typer.Option(min=1, help="Train skills of another split.  [default: as many as in the own split]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Names another split.  [default: 0]")] = None,
    common: Annotated[bool, typer.Option(help="With or without the skills that are in every other text.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with definitions.")] = False,
) -> None:
    """Show a catalogue: its skills by side and category, and its topics."""
    import json
    import shutil

    from datasets_builder.skillmix.catalogue import PartitionConfig, load_catalogue
    from datasets_builder.skillmix.errors import UsageError
    from datasets_builder.skillmix.listing import dump_listing, list_catalogue, show_listing

    if partition == "category" and (train, seed) != (None, None):
        raise UsageError("--train and --seed name another split; add --partition random or --partition categories")
    content = load_catalogue(name)
    if partition != "category":
        train = train or len(content.partition().skills("train"))
    listing = list_catalogue(content, PartitionConfig(by=partition, train=train, seed=seed or 0, common=common), split)
    if as_json:
        print(json.dumps(dump_listing(listing), indent=2))
    else:
        print(show_listing(listing, min(shutil.get_terminal_size().columns, 120)))


def _show_texts(done: int, total: int) -> None:
    """A line every hundred texts."""
    if done % 100 == 0 or done == total:
        _show(done, total, "texts")


def _show(done: int, total: int, note: str) -> None:
    """Progress that a person reads and a study follows: one line that is overwritten on a terminal, lines elsewhere."""
    print(f"progress {done}/{total} {note}", end="\r" if sys.stdout.isatty() and done < total else "\n", flush=True)


def main() -> None:
    """Entry point: a mistake is one line and its exit code, never a traceback (``DSKILL_DEBUG=1`` shows it)."""
    from datasets_builder.skillmix.errors import DskillError

    try:
        app(standalone_mode=True)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt, and says nothing
            print("stopped; the same command continues", file=sys.stderr)
        raise
    except DskillError as error:
        if os.environ.get("DSKILL_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
