"""Small runs made by hand: texts with known marks, and graders that err in known ways."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import polars as pl

from datasets_builder.skillmix.catalogue import PartitionConfig
from datasets_builder.skillmix.rubric import criteria, majority, score
from eval_harness.human.labels import SCHEMA, item_id, latest
from eval_harness.results import EvalRun, Provenance, TextRow, summarise

SKILLS = ("simile", "deixis", "litotes", "belief")
Marks = dict[str, bool]
Cast = Callable[[TextRow], Sequence[Marks | None]]


def true_row(i: int, k: int, marks: Marks, generation: int = 1) -> TextRow:
    """A text that carries its true marks as the votes of a grader who knows them."""
    return _row(f"k{k}-{i:04}", generation, SKILLS[:k], f"text {k} {i} {generation}", [marks])


def draw_truth(n: int, k: int, seed: int, awarded: float = 0.7, generations: int = 1) -> list[TextRow]:
    """``n`` combinations, each mark awarded with this chance; no text is too long, as no program finds one to be."""
    rng = Random(f"truth {k} {seed}")

    def draw() -> Marks:
        return {name: rng.random() < awarded or name == "length" for name in criteria(SKILLS[:k])}

    return [true_row(i, k, draw(), g) for i in range(n) for g in range(1, generations + 1)]


def err(false_positive: float, false_negative: float, seed: int, votes: int = 1) -> Cast:
    """A grader whose votes are wrong at these rates, each mark by itself."""
    rng = Random(f"judge {seed}")

    def flip(mark: bool) -> bool:
        return mark ^ (rng.random() < (false_negative if mark else false_positive))

    return lambda row: [{name: flip(mark) for name, mark in truth_of(row).items()} for _ in range(votes)]


def truth_of(row: TextRow) -> Marks:
    """The true marks of a row that ``true_row`` made."""
    (marks,) = row.votes
    assert marks is not None
    return marks


def make_run(
    rows: Sequence[TextRow],
    cast: Cast | None = None,
    grader: str = "judge/one",
    model: str = "student/one",
    **provenance: object,
) -> EvalRun:
    """A run over these texts, by k, as this grader marks them; without one, as they are."""
    judged = [_row(r.combination, r.generation, r.skills, r.text, cast(r)) if cast else r for r in rows]
    cells = [[row for row in judged if len(row.skills) == k] for k in sorted({len(row.skills) for row in judged})]
    facts: dict[str, object] = {
        **{"catalogue": "miniature", "catalogue_hash": "0", "prompts": "0", "grader": grader, "generations": 1},
        **{"votes": max(len(row.votes) for row in judged), "revise": False, "name_deduction": True, "seed": 0},
        **{"temperature": 0.7, "partition": PartitionConfig(), "topics": "held-out", "versions": {}, "logs": ()},
        "created": "2026-01-01T00:00:00+00:00",
    }
    return EvalRun(
        fingerprint="0",
        model=model,
        suite=None,
        provenance=Provenance.model_validate(facts | provenance),
        cells=tuple(
            summarise(found, "train", len(found[0].skills), max(row.generation for row in found)) for found in cells
        ),
    )


def label(rows: Sequence[TextRow], annotator: str) -> pl.DataFrame:
    """The true marks, as a person's labels."""
    found = [
        {
            **{"item": item_id("train", len(row.skills), row.combination, row.generation, row.text)},
            **{"combination": row.combination, "generation": row.generation, "split": "train", "k": len(row.skills)},
            **{"criterion": name, "mark": mark, "annotator": annotator, "seconds": 1.0, "labelled_at": "", "note": ""},
        }
        for row in rows
        for name, mark in truth_of(row).items()
    ]
    return latest(pl.DataFrame(found, SCHEMA)).drop("note")


def _row(
    combination: str, generation: int, skills: tuple[str, ...], text: str, votes: Sequence[Mapping[str, bool] | None]
) -> TextRow:
    marks = majority(votes, skills)
    scored = score(marks, skills) if marks else None
    return TextRow(
        combination=combination,
        generation=generation,
        skills=skills,
        topic="camping",
        text=text,
        marks=marks,
        full_marks=scored.full_marks if scored else None,
        all_skills=scored.all_skills if scored else None,
        skills_fraction=scored.skills_fraction if scored else None,
        shotgun=None,
        votes=tuple(None if vote is None else dict(vote) for vote in votes),
    )
