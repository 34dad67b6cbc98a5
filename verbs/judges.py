"""Verbs that judge the graders, and people's marks."""

from pathlib import Path
from typing import Annotated

import typer

from verbs.options import Out

app = typer.Typer()


@app.command()
def regrade(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    grader: Annotated[str, typer.Option(help="An Inspect model name, or a program: miniature.", show_default=False)],
    out: Out,
    votes: Annotated[int | None, typer.Option(min=1, help="On each text.  [default: 3 by a model]")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many combinations of each cell.")] = None,
    seed: Annotated[int, typer.Option(help="Draws other combinations for --sample.")] = 0,
    base_url: Annotated[str | None, typer.Option(help="The grader's server.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 50,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="USD that it may cost; a higher one later continues.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
) -> None:
    """Have another grader mark a run's texts; the student is not asked again. The same command again continues."""
    from rich.console import Console

    from eval_harness.judges_command import Options
    from eval_harness.judges_command import regrade as grade_again

    options = Options(grader, votes, sample, seed, base_url, connections, budget, prices)
    grade_again(run, out, options, Console())


@app.command()
def agree(
    runs: Annotated[list[Path], typer.Argument(help="A run and its re-grades, of one student or several.")],
    labels: Annotated[Path | None, typer.Option(help="A folder of labels by people (dskill annotate).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how far votes, graders and people agree on the same texts, and whether a family favours its own."""
    from rich.console import Console

    from eval_harness.judges_command import agree as compare_raters

    compare_raters(runs, labels, Console(), as_json=as_json)


@app.command()
def audit(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    reference: Annotated[
        str,
        typer.Option(help="Who is right: a program (miniature), a folder of labels, a re-grade.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how often a run's grader is wrong, and what full marks are once that is taken into account."""
    from rich.console import Console

    from eval_harness.judges_command import audit as hold_against

    hold_against(run, reference, Console(), as_json=as_json)


@app.command()
def annotate(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    n: Annotated[int, typer.Option(min=1, help="Texts to mark.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws other texts.")] = 0,
    overlap: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of them that every annotator marks.")] = 0.25,
    out: Annotated[Path, typer.Option(help="Takes the labels, a parquet file for each annotator.")] = Path("labels"),
    annotator: Annotated[str | None, typer.Option(help="Begin at once under this name, without asking.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Of 127.0.0.1.  [default: a free one]")] = None,
    space: Annotated[Path | None, typer.Option(help="Write the page as the folder of a Space, and stop.")] = None,
) -> None:
    """Open a page on which people mark texts blind. The same command again goes on."""
    from eval_harness.human.command import Options, open_page

    open_page(run, Options(out, n, seed, overlap, annotator, port, space))
