"""Sound contributions for tests to break: a skill, a topic, graded texts of both catalogues, a shard."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from datasets_builder.contribute_forms import CANARY
from datasets_builder.records import FEATURES
from datasets_builder.skillmix.rubric import criteria

SIGNED = {"source": "own words", "licence": "CC-BY-4.0", "signed_off_by": "Ada Lovelace <@ada>"}
SKILL: dict[str, Any] = {
    "name": "tmesis",
    "slug": "tmesis",
    "category": "rhetorical",
    "definition": "A word is cut open, and another word is put into the gap, so that both are heard at once.",
    "examples": [
        "That is a whole nother kettle, said the cook, and shut the lid.",
        "Abso-blooming-lutely, the coachman shouted over the rain.",
        "What crime so-ever he had done, nobody dared ask. They let him sleep.",
    ],
    "near_miss": {"text": "Absolutely, the coachman shouted over the rain.", "reason": "No word is cut open."},
    "reference": "https://en.wikipedia.org/wiki/Tmesis",
    **SIGNED,
}
TOPIC: dict[str, Any] = {"name": "Thatching", "slug": "thatching", "split": "train", **SIGNED}
HEADER: dict[str, Any] = {"canary": CANARY, "catalogue": "full", "teacher": "human", "grader": "human", **SIGNED}
MINIATURE = HEADER | {"catalogue": "miniature", "teacher": "scripted/miniature", "grader": "scripted/miniature"}


def text(number: int, words: str, skills: list[str], topic: str, missed: tuple[str, ...] = ()) -> dict[str, Any]:
    """A row of graded texts, with one vote."""
    marks = {name: name not in missed for name in criteria(skills)}
    row = {"id": str(number), "text": words, "skills": skills, "topic": topic, "marks": marks}
    return row | {"votes": [list(marks.values())], "full_marks": not missed}


TEXTS = [
    text(1, "The needle slipped through the canvas like a pike through still water.", ["simile"], "sewing"),
    text(2, "The hive was a parliament, and every member spoke at once.", ["metaphor"], "beekeeping"),
    text(3, "The third knot held, and the boat stayed where it was.", ["litotes"], "knots", ("litotes",)),
]
WORLD = [
    text(1, "the boat drifts like a king .", ["simile"], "sailing"),
    text(2, "the sail sinks , tilts , sways .", ["asyndeton"], "sailing"),
]


def write_yaml(root: Path, name: str, content: Any) -> Path:
    """A YAML file below contrib/."""
    return write(root, name, yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000))


def write_lines(root: Path, name: str, *rows: Any) -> Path:
    """JSON lines below contrib/."""
    return write(root, name, "".join(json.dumps(row) + "\n" for row in rows))


def write(root: Path, name: str, content: str | bytes) -> Path:
    """Any file below contrib/."""
    path = root / "contrib" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(errors="surrogatepass") if isinstance(content, str) else content)
    return path


def changed(content: Any, *place: str | int, to: Any) -> Any:
    """A copy with one value another; ``...`` takes the key out."""
    copy = deepcopy(content)
    *outer, last = place
    inner = copy
    for part in outer:
        inner = inner[part]
    if to is ...:
        del inner[last]
    else:
        inner[last] = to
    return copy


def record(row: dict[str, Any], header: dict[str, Any], category: str = "literary") -> dict[str, Any]:
    """A graded text as a row of the dataset."""
    turns = [{"role": "user", "content": "write"}, {"role": "assistant", "content": row["text"]}]
    same = {name: row[name] for name in ("id", "text", "skills", "topic", "votes")}
    about = {name: header[name] for name in ("teacher", "grader", "source", "licence")}
    return {
        **same,
        **about,
        "messages": turns,
        "categories": [category] * len(row["skills"]),
        "k": len(row["skills"]),
        "split": "train",
        "marks": [{"criterion": name, "mark": mark} for name, mark in row["marks"].items()],
        "prompt_version": "0",
        "recipe": "own",
        "seed": 0,
        "contributor": header["signed_off_by"].partition(" <")[0],
    }


def write_shard(
    root: Path, rows: list[dict[str, Any]], header: Any = HEADER, notes: dict[str, bytes] | None = None
) -> Path:
    """A shard of one Parquet file and its header; returns its folder."""
    write_yaml(root, "data/mine/contribution.yml", header)
    schema = FEATURES.arrow_schema.with_metadata(notes)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), root / "contrib/data/mine/rows.parquet")
    return root / "contrib/data/mine"
