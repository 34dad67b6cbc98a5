"""Verbs for those who contribute, and for those who take contributions in."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from verbs.options import Out

app = typer.Typer()


@app.command()
def new(
    form: Annotated[Literal["skill", "topic", "graded"], typer.Argument(help="What to contribute.")],
    name: Annotated[str, typer.Argument(help="Its name; of graded texts, what they are.", show_default=False)],
    by: Annotated[
        str | None, typer.Option(help="'Name <mail or @handle>': signs it off.  [default: a blank]", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="The folder of contributions.")] = Path("contrib"),
) -> None:
    """Write the form of a contribution, to fill in. CONTRIBUTING.md tells the rest."""
    from datasets_builder.contribute_new import write_form

    path = write_form(form, name, by, folder)
    print(f"{path}: fill in its blanks, then: dskill check {path}")


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of contributions.", show_default=False)],
    base: Annotated[str | None, typer.Option(help="A git revision: check changed files only.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="A dataset folder that texts must neither repeat nor leak.")
    ] = None,
    grader: Annotated[
        str | None, typer.Option(help="A model that grades a sample anew.  [default: the catalogue's program, if any]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge contributions: one line for each fault, exit code 2 where there is any."""
    from datasets_builder.contribute import check as judge

    verdict = judge(paths, base=base, against=against, grader=grader)
    print(verdict.as_json() if as_json else verdict)
    raise typer.Exit(2 if verdict.faults else 0)


@app.command()
def merge(
    dataset: Annotated[Path, typer.Argument(help="A finished dataset folder.", show_default=False)],
    out: Out,
    contributions: Annotated[Path, typer.Option(help="The folder of contributions.")] = Path("contrib"),
) -> None:
    """Add the contributed texts of its catalogue to a dataset: another folder, with a card that names who gave them."""
    from cards.dataset_card import make_dataset_card
    from datasets_builder.contribute_merge import merge_contributions

    manifest = merge_contributions(
        dataset, contributions, out, lambda manifest, rows: make_dataset_card(manifest.model_dump(), rows)
    )
    print(f"{out}: texts by {', '.join(f'{name} {count:,}' for name, count in manifest.contributors.items())}")
