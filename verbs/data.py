"""Verbs that make, show and release data."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from verbs.options import Out, Recipe, Seed

app = typer.Typer()


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


@app.command()
def card(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder, or a model's.", show_default=False)],
    repository: Annotated[str | None, typer.Option(help="Its name on the Hub, org/name.")] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(help="Dataset: results of dskill eval to show; may be repeated.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Dataset: a file of known faults, one a line.")] = None,
    release: Annotated[str | None, typer.Option(help="Dataset: a version for the changelog, vX.Y.Z.")] = None,
    date: Annotated[str | None, typer.Option(help="Dataset: the day of that version, YYYY-MM-DD.")] = None,
    note: Annotated[str, typer.Option(help="Dataset: what that version changes.")] = "",
    previous: Annotated[Path | None, typer.Option(help="Dataset: the release before, to count rows against.")] = None,
    results: Annotated[
        list[Path] | None, typer.Option(help="Model: its results of dskill eval, then those of others to compare.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Model: what it was trained on, org/name@revision.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Model: its training recipe.")] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Model: the benchmark's dataset on the Hub; writes .eval_results as well.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Model: its licence, an SPDX name or llama2, llama3.1, ...")
    ] = None,
) -> None:
    """Write the card of a dataset or a model, from its numbers. What is not given again stays."""
    from cards.card_command import Options, make_card

    written = make_card(
        folder,
        Options(
            repository=repository,
            evidence=evidence or (),
            faults=faults,
            release=release,
            date=date,
            note=note,
            previous=previous,
            results=results or (),
            dataset=dataset,
            recipe=recipe,
            benchmark=benchmark,
            licence=licence,
        ),
    )
    print(f"{folder}: {', '.join(written)}")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder, or a model's.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The repository on the Hub: org/name.", show_default=False)],
    version: Annotated[
        str | None, typer.Option(help="The tag.  [default: the next, minor where data changed]", show_default=False)
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is not public.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show card, files and faults, and stop.")] = False,
) -> None:
    """Publish a folder on the Hub: pull request, compare, merge, tag. The same command again continues."""
    from datasets_builder.publish import publish as publish_folder
    from datasets_builder.publish import show_release

    if dry_run:
        show_release(folder, name, version=version)
    else:
        publish_folder(folder, name, version=version, private=private)
