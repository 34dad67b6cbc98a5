"""``card.yml`` in a dataset's folder: what its card says beyond the manifest, so that the card can be made again.

repository: some-lab/dskill-mix
faults: [Sentences with a semicolon count as one., ...]
releases: [{version: v1.0.0, date: 2026-03-01, added: 9382, removed: 0, note: First release.}]
evidence: ...
"""

from datetime import date
from pathlib import Path
from typing import Annotated

import polars as pl
import yaml
from pydantic import AfterValidator, Field

from cards.evidence import Evidence
from datasets_builder.manifest import read_manifest
from datasets_builder.publish_hub import check_name
from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError

FILE = "card.yml"
VERSION = r"^v\d+\.\d+\.\d+$"
COLUMNS = ("id", "text")  # a row whose text changed counts as removed and added


def _repository(name: str) -> str:
    try:
        return check_name(name)
    except UsageError as error:
        raise ValueError(str(error)) from None


Repository = Annotated[str, AfterValidator(_repository)]
Sentence = Annotated[str, Field(min_length=1, max_length=1000)]


class Release(Strict):
    """An entry of the changelog, with rows against the release before."""

    version: str = Field(pattern=VERSION)
    date: date
    added: int = Field(ge=0)
    removed: int = Field(ge=0)
    note: str = Field(default="", max_length=1000)


class Notes(Strict):
    """What a card says beyond the manifest; the newest release first."""

    repository: Repository | None = None
    faults: tuple[Sentence, ...] = ()
    releases: tuple[Release, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def with_release(self, release: Release) -> "Notes":
        """With one entry more, or another one of the same version."""
        others = [one for one in self.releases if one.version != release.version]
        ordered = sorted([*others, release], key=lambda one: (one.date, one.version), reverse=True)
        return self.model_copy(update={"releases": tuple(ordered)})


def read_notes(folder: Path) -> Notes:
    """The notes in a folder; empty ones where there is no file.

    Raises:
        UsageError: The file has a fault.
    """
    path = folder / FILE
    return read_config(Notes, path) if path.exists() else Notes()


def write_notes(folder: Path, notes: Notes) -> None:
    """Writes the notes; no file where there are none."""
    content = notes.model_dump(mode="json", exclude_defaults=True)
    if content:
        (folder / FILE).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_faults(path: Path) -> tuple[str, ...]:
    """Known faults, one a line; a dash before them is left out.

    Raises:
        UsageError: The file cannot be read, or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    faults = tuple(bare for line in lines if (bare := line.strip().removeprefix("-").strip()))
    if not faults:
        raise UsageError(f"{path}: names no fault; write one a line, or leave --faults out")
    return faults


def count_changes(folder: Path, previous: Path | None) -> tuple[int, int]:
    """Kept rows that were added to an earlier release's folder, and removed from it.

    Raises:
        UsageError: The earlier folder is no finished dataset.
    """
    new = _rows(folder)
    if previous is None:
        return new.height, 0
    if read_manifest(previous) is None:
        raise UsageError(
            f"{previous}: is no finished dataset (it has no manifest.json); name an earlier release's folder"
        )
    old = _rows(previous)
    return new.join(old, on=COLUMNS, how="anti").height, old.join(new, on=COLUMNS, how="anti").height


def _rows(folder: Path) -> pl.DataFrame:
    """The kept rows, by id and text; none where no text was kept."""
    files = sorted(folder.glob("data/*/*.parquet"))
    return (
        pl.read_parquet(files, columns=list(COLUMNS))
        if files
        else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    )
