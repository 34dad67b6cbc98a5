"""Reads a table of graded texts, JSONL or Parquet: the door for every harness that is not SKILL-MIX's own.

One row, of a combination whose first text this is:

    {"combination": "7", "skills": ["metaphor", "belief"], "topic": "sewing", "text": "Ann wrongly thinks ..",
     "marks": {"metaphor": 1, "belief": 1, "topic": 1, "sense": 1, "length": 1}}

``votes``, a list of such marks with null for an unreadable one, may stand in place of ``marks``; ``split`` may say
train or held-out. A further row of the same combination is a further generation. Other columns are not read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.rubric import criteria
from eval_harness.draws import MAX_K
from eval_harness.foreign import ForeignText, Records

SUFFIXES = (".jsonl", ".parquet")
MAX_LINE = 1_000_000  # characters

Marks = dict[str, bool]


class TableRow(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(frozen=True)

    combination: str = Field(min_length=1)
    skills: tuple[str, ...] = Field(min_length=1, max_length=MAX_K)
    topic: str
    text: str
    marks: Marks | None = None
    votes: tuple[Marks | None, ...] = ()
    split: Split = "all"

    @field_validator("marks", "votes", mode="before")
    @classmethod
    def _unpack(cls, value: Any) -> Any:
        """Parquet keeps marks as one struct for all rows, or as a list of (criterion, mark), and no list as null."""
        if isinstance(value, Mapping):
            return {key: mark for key, mark in value.items() if mark is not None}
        if isinstance(value, list) and all(isinstance(one, Mapping) and one.keys() == PAIR for one in value) and value:
            return {one["criterion"]: one["mark"] for one in value}
        if isinstance(value, list):
            return tuple(cls._unpack(one) for one in value)
        return value


PAIR = {"criterion", "mark"}


def read_table(path: Path, model: str, grader: str) -> Records:
    """The texts of one model from a table.

    Raises:
        UsageError: The file, a row or a mark does not fit; names file and row.
    """
    texts: list[ForeignText] = []
    met: dict[str, ForeignText] = {}
    seen: dict[str, int] = {}
    for number, row in enumerate(_rows(path), 1):
        place = f"{path} row {number}"
        key = f"{row.split}/{len(row.skills)}/{row.combination}"
        seen[key] = seen.get(key, 0) + 1
        text = _text(row, place, key, seen[key])
        first = met.setdefault(key, text)
        if (sorted(text.skills), text.topic) != (sorted(first.skills), first.topic):
            raise UsageError(f"{place}: other skills or topic than {first.place}, which has the same 'combination'")
        texts.append(text)
    if not texts:
        raise UsageError(f"{path}: no row")
    return Records(
        model=model,
        grader=grader,
        texts=tuple(texts),
        votes=max(len(text.votes) for text in texts),
        generations=max(seen.values()),
        prompts="unknown",
        revise=False,
        seed=None,
        note="",
    )


def _text(row: TableRow, place: str, key: str, generation: int) -> ForeignText:
    if len(set(row.skills)) != len(row.skills):
        raise UsageError(f"{place}: key 'skills' names a skill twice")
    votes = row.votes or (row.marks,)
    return ForeignText(
        place=place,
        key=key,
        split=row.split,
        generation=generation,
        skills=row.skills,
        topic=row.topic,
        text=row.text.strip(),
        votes=tuple(None if vote is None else _in_order(vote, row.skills, place) for vote in votes),
        too_long=None,
    )


def _in_order(marks: Marks, skills: tuple[str, ...], place: str) -> tuple[bool, ...]:
    expected = criteria(skills)
    for name in marks:
        if name not in expected:
            raise UsageError(f"{place}: unknown criterion {name!r:.60}{near(name, expected)}")
    if missing := [name for name in expected if name not in marks]:
        raise UsageError(f"{place}: no mark for {missing[0]!r:.60}; an unreadable vote is null as a whole")
    return tuple(marks[name] for name in expected)


def _rows(path: Path) -> Iterator[TableRow]:
    read = _read_parquet if path.suffix == ".parquet" else _read_jsonl
    for number, row in enumerate(read(path), 1):
        try:
            found = TableRow.model_validate_json(row) if isinstance(row, str) else TableRow.model_validate(row)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise UsageError(f"{path} row {number}: {f'key {where!r:.60}: ' if where else ''}{fault['msg']}") from None
        yield found


def _read_jsonl(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            while line := file.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    raise UsageError(f"{path}: a line of more than {MAX_LINE} characters; is it JSONL?")
                if line.strip():
                    yield line
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from None


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import polars as pl

    try:
        known = [name for name in pl.read_parquet_schema(path) if name in TableRow.model_fields]
        table = pl.read_parquet(path, columns=known)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]:.200}") from None
    yield from table.iter_rows(named=True)
