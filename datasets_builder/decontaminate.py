"""Rows that an evaluation has met: the same skills and topic, or a run of words of one of its texts.

A recipe names the files: ``decontaminate: {files: [evaluations/base/results-0123456789abcdef.json], words: 8}``. A file
is what ``dskill eval`` leaves (results-*.json), or Parquet or JSON lines with ``text``, or ``skills`` and ``topic``, or
all three; other columns do not matter.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from datasets_builder.dedup import BLOCK, shingle
from datasets_builder.skillmix.combinations import Key
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError, near

COLUMNS = ("text", "skills", "topic")


class DecontaminateConfig(Strict):
    """What the data must not share with an evaluation: key ``decontaminate`` of a data recipe."""

    files: tuple[str, ...] = Field(min_length=1)
    words: int = Field(default=8, ge=3, le=50)


class Evaluated(NamedTuple):
    """What evaluations have asked and got."""

    combinations: Mapping[Key, str]  # -> the name of the file that has it
    runs: NDArray[np.int64]  # hashes of all runs of words of its texts, sorted
    files: tuple[str, ...]  # the file of each run


def read_evaluated(config: DecontaminateConfig) -> Evaluated:
    """The combinations and texts in the files of a recipe.

    Raises:
        UsageError: A file is missing, broken, or holds neither texts nor combinations; the message names it.
    """
    return _read(config, tuple(_digest(Path(name)) for name in config.files))


def hash_evaluated(config: DecontaminateConfig) -> str:
    """12 hex digits that name the content of the files and the length of a run, wherever the files lie."""
    digests = [_digest(Path(name)) for name in config.files]
    return hashlib.sha256(json.dumps([sorted(digests), config.words]).encode()).hexdigest()[:12]


def met_combination(evaluated: Evaluated, skills: Sequence[str], topic: str) -> str | None:
    """What is wrong with asking for this combination, or None."""
    file = evaluated.combinations.get((frozenset(skills), topic))
    return f"the combination is one of {file}" if file else None


def met_texts(evaluated: Evaluated, texts: Sequence[str], words: int) -> list[str | None]:
    """What is wrong with each text, or None."""
    faults: list[str | None] = [None] * len(texts)
    for first in range(0, len(texts) if len(evaluated.runs) else 0, BLOCK):
        block = shingle(texts[first : first + BLOCK], words)
        shared = np.flatnonzero(np.isin(block.indices, evaluated.runs))
        rows = np.searchsorted(block.indptr, shared, side="right") - 1
        places = np.searchsorted(evaluated.runs, block.indices[shared])
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            faults[first + row] = f"{words} words in a row are those of a text in {evaluated.files[place]}"
    return faults


@lru_cache(maxsize=2)
def _read(config: DecontaminateConfig, digests: tuple[str, ...]) -> Evaluated:
    """``digests`` are part of the key, so that an edited file is read anew."""
    combinations: dict[Key, str] = {}
    runs: dict[int, str] = {}
    for path in map(Path, config.files):
        found = list(_rows_of(path))
        if not found:
            raise UsageError(f"{path}: key 'decontaminate.files': holds no rows with {' or '.join(COLUMNS)}")
        for row in found:
            if row.get("skills") and row.get("topic"):
                combinations.setdefault((frozenset(row["skills"]), row["topic"]), path.name)
        texts = [row["text"] for row in found if row.get("text")]
        runs |= dict.fromkeys(shingle(texts, config.words).indices.tolist(), path.name)
    ordered = sorted(runs)
    return Evaluated(combinations, np.array(ordered, dtype=np.int64), tuple(runs[run] for run in ordered))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UsageError(
            f"{path}: key 'decontaminate.files': no such file{near(path.name, siblings)}; give results-*.json of "
            "dskill eval, Parquet or JSON lines"
        ) from None


def _rows_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, with those of ``COLUMNS`` that it has, checked: contributed files hold anything."""
    try:
        for row in _parse(path):
            known = {name: row[name] for name in COLUMNS if row.get(name)}
            if known:
                yield _check(known)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, pl.exceptions.PolarsError) as error:
        fault = " ".join(str(error).split())[:120]
        raise UsageError(
            f"{path}: key 'decontaminate.files': not results of dskill eval, Parquet or JSON lines ({fault})"
        ) from None


def _parse(path: Path) -> Iterable[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        wanted = [name for name in pl.read_parquet_schema(path) if name in COLUMNS]
        return pl.read_parquet(path, columns=wanted).iter_rows(named=True)
    if path.suffix == ".json":
        return (row for cell in json.loads(path.read_bytes())["cells"] for row in cell["rows"])
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _check(row: Mapping[str, Any]) -> Mapping[str, Any]:
    skills = row.get("skills", [])
    if not isinstance(skills, list) or not all(
        isinstance(name, str) for name in (*skills, *map(row.get, set(row) - {"skills"}))
    ):
        raise TypeError("'text' and 'topic' must be text, 'skills' a list of names")
    return row
