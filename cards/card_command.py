"""``dskill card``: the README of a dataset's folder or a model's, made again from what is known of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cards.dataset_notes import FILE, Notes, Release, count_changes, read_faults, read_notes, write_notes
from cards.evidence import read_evidence
from datasets_builder.manifest import read_manifest
from datasets_builder.skillmix.config import check_config
from datasets_builder.skillmix.errors import UsageError


class Options(NamedTuple):
    """The command's options; those of a dataset, then those of a model."""

    repository: str | None = None
    evidence: Sequence[Path] = ()
    faults: Path | None = None
    release: str | None = None
    date: str | None = None
    note: str = ""
    previous: Path | None = None
    results: Sequence[Path] = ()
    dataset: str | None = None
    recipe: Path | None = None
    benchmark: str | None = None
    licence: str | None = None


OF_DATASET = ("evidence", "faults", "release", "date", "note", "previous")
OF_MODEL = ("results", "dataset", "recipe", "benchmark", "licence")


def make_card(folder: Path, options: Options) -> list[str]:
    """Writes the card of a folder, and what goes with it; tells the files.

    Raises:
        UsageError: The folder is neither a finished dataset nor a model, or an option is wrong for it.
    """
    if (folder / "manifest.json").is_file():
        _refuse(folder, "dataset", options, OF_MODEL)
        return _card_dataset(folder, options)
    if (folder / "config.json").is_file():
        _refuse(folder, "model", options, OF_DATASET)
        return _card_model(folder, options)
    raise UsageError(
        f"{folder}: has neither the manifest.json of a finished dataset nor the config.json of a model; give the --out "
        "of dskill build, or the output_dir of a finished training"
    )


def _card_dataset(folder: Path, options: Options) -> list[str]:
    from cards.dataset_card import make_dataset_card
    from datasets_builder.readme import write_readme

    manifest = read_manifest(folder)
    assert manifest is not None
    notes = _update_notes(folder, options)
    card = make_dataset_card(manifest.model_dump(), manifest.samples, notes)
    write_notes(folder, notes)
    write_readme(folder, manifest, card)
    return ["README.md", *card[1], *([FILE] if (folder / FILE).exists() else [])]


def _update_notes(folder: Path, given: Options) -> Notes:
    """The notes of a folder, or else of the release before, with what the command line gave put in.

    Raises:
        UsageError: An option is wrong, or what it names cannot be read.
    """
    own = folder / FILE
    notes = read_notes(folder if own.exists() or not given.previous else given.previous)
    changes: dict[str, Any] = {
        "repository": given.repository or notes.repository,
        "faults": read_faults(given.faults) if given.faults else notes.faults,
        "evidence": read_evidence(given.evidence) if given.evidence else notes.evidence,
    }
    notes = check_config(Notes, dict(notes) | changes, "dskill card")
    return notes.with_release(_release(folder, given)) if _is_release(given) else notes


def _is_release(given: Options) -> bool:
    """Whether the changelog gets an entry.

    Raises:
        UsageError: One half of what makes an entry is missing.
    """
    if bool(given.release) != bool(given.date):
        raise UsageError("--release and --date go together, such as --release v1.0.0 --date 2026-03-01")
    if not given.release and (given.note or given.previous):
        raise UsageError("--note and --previous belong to an entry of the changelog; add --release and --date")
    return given.release is not None


def _release(folder: Path, given: Options) -> Release:
    added, removed = count_changes(folder, given.previous)
    content = {"version": given.release, "date": given.date, "added": added, "removed": removed, "note": given.note}
    return check_config(Release, content, "dskill card")


def _card_model(folder: Path, options: Options) -> list[str]:
    from cards.model_card import Trained, write_model_card

    wanted = ("results", "dataset", "recipe", "licence", "repository")
    if missing := [name for name in wanted if not getattr(options, name)]:
        raise UsageError(f"{folder}: a model's card needs {', '.join(f'--{name}' for name in missing)}")
    trained = Trained.of(
        options.repository or "", options.dataset or "", options.recipe or Path(), options.licence or ""
    )
    return write_model_card(folder, trained, options.results, options.benchmark)


def _refuse(folder: Path, kind: str, options: Options, names: Sequence[str]) -> None:
    if wrong := next((name for name in names if getattr(options, name)), None):
        other = "model" if kind == "dataset" else "dataset"
        raise UsageError(f"{folder}: is a {kind}, and --{wrong} is for the card of a {other}; leave it out")
