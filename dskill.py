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
    out: Out,
    seed: Seed = None,
    runner: Annotated[
        Literal["stream", "stock"], typer.Option(help="stream: one process, row by row; stock: distilabel's own.")
    ] = "stream",
    limit: Annotated[int | None, typer.Option(min=1, help="Ask for so many texts only: a preview.")] = None,
) -> None:
    """Make a dataset folder from a data recipe: generate, revise, screen, grade, select."""
    from cards.dataset_card import render_dataset_card
    from datasets_builder.build import build_dataset
    from datasets_builder.pipeline import DataRecipe
    from datasets_builder.skillmix.config import read_config

    content = read_config(DataRecipe, recipe)
    content = content if seed is None else content.with_seed(seed)
    manifest = build_dataset(
        content,
        recipe,
        out,
        runner=runner,
        card=lambda manifest, rows: render_dataset_card(manifest.model_dump(), rows),
        limit=limit,
        progress=lambda p: _show(p.done, p.total, f"kept {p.kept}, {p.rows_per_second:.0f} rows/s"),
    )
    kept, asked = (sum(getattr(c, name) for c in manifest.counts.values()) for name in ("kept", "generated"))
    print(f"{out}: {kept} texts kept of {asked} ({kept / asked:.0%}), configs {', '.join(manifest.configs)}")


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
