"""The rows of a dataset, column by column: those of training, the rejected ones, and the models' own words for both."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from datasets import Features, List, Value

from datasets_builder.licences import DEFAULT
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.rubric import criteria

Row = Mapping[str, Any]
Side = Literal["train", "validation"]
SIDES: tuple[Side, ...] = ("train", "validation")

FEATURES = Features(
    {
        "id": Value("string"),
        "messages": List({"role": Value("string"), "content": Value("string")}),
        "text": Value("string"),
        "skills": List(Value("string")),
        "categories": List(Value("string")),
        "topic": Value("string"),
        "k": Value("int32"),
        "split": Value("string"),
        "marks": List({"criterion": Value("string"), "mark": Value("bool")}),
        "votes": List(List(Value("bool"))),  # in the order of marks; null is a vote that could not be read
        "teacher": Value("string"),
        "grader": Value("string"),
        "prompt_version": Value("string"),
        "recipe": Value("string"),
        "seed": Value("int64"),
        "source": Value("string"),
        "licence": Value("string"),
        "contributor": Value("string"),
    }
)
REJECT_FEATURES = Features({**FEATURES, "reason": Value("string"), "detail": Value("string")})
TRANSCRIPT_FEATURES = Features(
    {
        "id": Value("string"),
        "k": Value("int32"),
        "reason": Value("string"),  # null for a row that was kept
        "reply_generate": Value("string"),
        "reply_revise": Value("string"),
        "reply_grade": List(List(Value("string"))),  # of each vote all tries; the last is the one that was read, if any
        "votes": List(List(Value("bool"))),
    }
)

SOURCE, CONTRIBUTOR = "synthetic", "dskill-mix"  # of a build's own texts; a row that was contributed brings its own


class Origin(NamedTuple):
    """What all rows of a build share."""

    teacher: str
    grader: str
    prompt_version: str
    recipe: str
    seed: int
    validation: float  # share of combinations to set aside
    licence: str = DEFAULT  # of rows that bring none
    prompts: Mapping[str, str] = {}  # template -> SHA-256
    trial: bool = False  # only a part of the recipe's texts was asked for: a k may end without one


def side(combination: str, validation: float) -> Side:
    """The split of a combination: by a hash of its id alone, so that its texts, in every build, stand on one side."""
    place = int.from_bytes(hashlib.blake2b(combination.encode(), digest_size=8).digest()) / 2**64
    return "validation" if place < validation else "train"


def to_record(row: Row, origin: Origin, catalogue: Catalogue) -> dict[str, Any]:
    """A row of the pipeline in the columns of the dataset; ``reason`` and ``detail`` come along where they are."""
    turns = [("user", row["prompt"]), ("assistant", row["text"])]
    names = criteria(row["skills"])
    return {
        "id": row["id"],
        "messages": [{"role": role, "content": content} for role, content in turns if content],
        "text": row["text"],
        "skills": row["skills"],
        "categories": [catalogue.skills[slug].category for slug in row["skills"]],
        "topic": row["topic"],
        "k": row["k"],
        "split": side(row["combination"], origin.validation),
        "marks": [{"criterion": name, "mark": mark} for name, mark in zip(names, row["marks"] or (), strict=False)],
        "votes": row["votes"] or [],
        "teacher": row.get("teacher") or origin.teacher,
        "grader": (row.get("grader") or origin.grader) if row["votes"] else None,
        "prompt_version": origin.prompt_version,
        "recipe": row.get("recipe") or origin.recipe,
        "seed": row.get("seed", origin.seed),
        "source": row.get("source") or SOURCE,
        "licence": row.get("licence") or origin.licence,
        "contributor": row.get("contributor") or CONTRIBUTOR,
        "reason": row["reason"],
        "detail": row["detail"],
    }


def to_transcript(row: Row) -> dict[str, Any]:
    """What the models said about a row, word for word; a stage that it never came to leaves null or an empty list."""
    given = {name: row.get(name) for name in TRANSCRIPT_FEATURES}
    return given | {name: given[name] or [] for name in ("reply_grade", "votes")}
