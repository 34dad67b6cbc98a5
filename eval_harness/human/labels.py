"""Labels by people: one parquet file for each annotator, written whole at every save, read back as one table.

Example, one text of k = 1 as one person marked it (some columns):

    item              criterion  mark   annotator  seconds  note
    8f3a0c51d7e2b946  metaphor   true   ada           31.5  a worn picture
    8f3a0c51d7e2b946  topic      null   ada           31.5  a worn picture     unsure: counts as no label
    8f3a0c51d7e2b946  sense      false  ada           31.5  a worn picture
    8f3a0c51d7e2b946  length     true   ada           31.5  a worn picture     by the program's count

Skill marks are as the person saw them: what a program deducts for a text that names its skill is not deducted here.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from datasets_builder.skillmix.catalogue import Slug
from datasets_builder.skillmix.errors import OutsideError, UsageError

SCHEMA: dict[str, type[pl.DataType]] = {
    "item": pl.String,  # item_id of the text
    "combination": pl.String,
    "generation": pl.Int64,
    "split": pl.String,
    "k": pl.Int64,
    "criterion": pl.String,  # a skill's slug, topic, sense or length
    "mark": pl.Boolean,  # null: unsure
    "annotator": pl.String,
    "seconds": pl.Float64,  # from when the text was shown until it was saved
    "labelled_at": pl.String,  # ISO 8601, UTC
    "note": pl.String,
}
LOCK_SECONDS = 30.0  # a save takes milliseconds; who holds the lock for longer is gone or stuck
TEXT = ("item", "split", "k", "combination", "generation")  # the columns that tell which text a label is of


def item_id(split: str, k: int, combination: str, generation: int, text: str) -> str:
    """16 hex digits that name a text, in a run and in every run that grades the same text anew; they tell no model."""
    parts = json.dumps([split, k, combination, generation, text]).encode()
    return hashlib.blake2b(parts, digest_size=8).hexdigest()


def check_annotator(name: str) -> str:
    """The name in the form that files and rows bear it.

    Raises:
        UsageError: It cannot be the name of a file everywhere.
    """
    try:
        return str(_NAME.validate_python(name.strip().lower()))
    except ValidationError:
        raise UsageError(
            f"annotator {name!r:.60}: use letters a to z, digits and -, beginning with a letter, at most 64"
        ) from None


def append_labels(folder: Path, annotator: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds rows of SCHEMA to the annotator's file: once it returns they survive a kill, until then none stands.

    Raises:
        UsageError: The name or the file that is there is no annotator's.
        OutsideError: Another process holds the file, or the disk is full.
    """
    path = folder / f"{check_annotator(annotator)}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{path.stem}.lock", timeout=LOCK_SECONDS):
            part = path.with_name(f".{path.stem}.part")
            pl.concat([_read_file(path), pl.DataFrame(list(rows), SCHEMA)]).write_parquet(part)
            os.replace(part, path)
    except (OSError, Timeout) as error:
        raise OutsideError(f"{path}: the labels cannot be written: {error}") from None


def read_saved(folder: Path) -> pl.DataFrame:
    """Every row that was ever saved, notes and unsure marks included, each annotator's in the order of saving.

    Raises:
        UsageError: A file is broken, or not what ``append_labels`` writes.
    """
    return pl.concat([pl.DataFrame(schema=SCHEMA), *map(_read_file, sorted(folder.glob("*.parquet")))])


def latest(saved: pl.DataFrame) -> pl.DataFrame:
    """The last word of each annotator on each criterion of each text."""
    return saved.unique(["annotator", "item", "criterion"], keep="last", maintain_order=True)


def read_labels(folder: Path) -> pl.DataFrame:
    """The labels that count: the last of each (annotator, item, criterion), without those who were unsure.

    Columns are those of SCHEMA without the note; ``mark`` is never null.

    Raises:
        UsageError: No labels are here, or a file is broken.
    """
    saved = read_saved(folder)
    if saved.is_empty():
        raise UsageError(f"{folder}: no labels (<annotator>.parquet) here; dskill annotate writes them into its --out")
    return latest(saved).drop("note").drop_nulls("mark")


def human_marks(labels: pl.DataFrame) -> pl.DataFrame:
    """One row a text and criterion: ``mark`` by majority of the annotators who marked it, null where they are split.

    Takes what ``read_labels`` gives. Columns: item, split, k, combination, generation, criterion, mark, yes (how many
    said so), annotators (how many marked it). A tie is no mark: as a reference for a grader it would be a coin's.
    """
    counted = labels.group_by(*TEXT, "criterion", maintain_order=True).agg(
        pl.col("mark").sum().cast(pl.Int64).alias("yes"), pl.len().cast(pl.Int64).alias("annotators")
    )
    twice = 2 * pl.col("yes")
    mark = pl.when(twice != pl.col("annotators")).then(twice > pl.col("annotators")).alias("mark")
    return counted.select(*TEXT, "criterion", mark, "yes", "annotators")


def _read_file(path: Path) -> pl.DataFrame:
    if not path.exists():
        return pl.DataFrame(schema=SCHEMA)
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{path}: broken: {' '.join(str(error).split())[:120]}; move it away, or restore it") from None
    if frame.schema != SCHEMA:
        raise UsageError(f"{path}: not a file of labels: it has {', '.join(frame.columns)[:120]}; move it away")
    if frame.drop("mark").null_count().transpose().sum().item():
        raise UsageError(f"{path}: not a file of labels: only a mark may be null; move it away, or restore it")
    if frame["annotator"].ne(path.stem).any():
        raise UsageError(f"{path}: holds labels of another annotator than it is named after; rename it")
    return frame


_NAME: TypeAdapter[str] = TypeAdapter(Slug)
