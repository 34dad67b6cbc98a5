"""Made-up runs over the miniature's skills: which texts pass is set by a share, and stands for no model.

Example: ``make_run(0.5, {("train", 2): 20})`` has one cell of 20 combinations, half of which get full marks.
"""

from collections.abc import Mapping
from itertools import combinations, islice
from typing import Any

from datasets_builder.skillmix.catalogue import Split, hash_catalogue
from datasets_builder.skillmix.rubric import criteria, score
from eval_harness.draws import load_world
from eval_harness.results import EvalRun, Provenance, TextRow, summarise

CELLS: dict[tuple[Split, int], int] = {("train", 2): 20, ("train", 3): 20, ("held-out", 2): 20}


def make_run(
    share: float,
    cells: Mapping[tuple[Split, int], int] = CELLS,
    generations: int = 1,
    votes: int = 3,
    text: str = "the boat drifts like a king .",
    **provenance: Any,
) -> EvalRun:
    """A run of which this share of the combinations pass, the first of each cell; others miss a skill or the length."""
    facts = Provenance.model_validate(
        {
            "catalogue": "miniature",
            "catalogue_hash": hash_catalogue(load_world("miniature").catalogue),
            "prompts": "ab12cd34ef56",
            "grader": "miniature",
            "votes": max(1, votes),
            "generations": generations,
            "revise": False,
            "name_deduction": True,
            "temperature": 0.7,
            "seed": 0,
            "partition": {},
            "topics": "held-out",
            "created": "2026-01-02T03:04:05Z",
            "versions": {"toolkit": "0.0.0"},
            "logs": [],
        }
        | provenance
    )
    results = [
        summarise(make_rows(split, k, n, share, generations, votes, text), split, k, generations)
        for (split, k), n in cells.items()
    ]
    return EvalRun(
        fingerprint=f"{int(1000 * share):016x}", model="mock/model", suite=None, provenance=facts, cells=tuple(results)
    )


def make_rows(split: Split, k: int, n: int, share: float, generations: int, votes: int, text: str) -> list[TextRow]:
    """The texts of a cell, combination by combination."""
    names = load_world("miniature").catalogue.partition().skills(split)
    requests = list(islice(combinations(names, k), n))
    rows = []
    for number in range(n):
        skills = requests[number % len(requests)]
        for generation in range(1, generations + 1):
            passes = number + 1 <= share * n and generation == 1
            marks = dict.fromkeys(criteria(skills), True) | (
                {} if passes else {(skills[0], "length")[number % 2]: False}
            )
            scores = score(marks, skills)
            rows.append(
                TextRow(
                    combination=f"k{k}-{number:04}",
                    generation=generation,
                    skills=skills,
                    topic=("camping", "market")[number % 2],
                    text=f"{number}: {text}",
                    marks=marks,
                    full_marks=scores.full_marks,
                    all_skills=scores.all_skills,
                    skills_fraction=scores.skills_fraction,
                    shotgun=None,
                    votes=(marks,) * votes,
                )
            )
    return rows


def change_rows(run: EvalRun, cell: int, **changes: Any) -> EvalRun:
    """The run with the first text of one cell changed, and the cell counted anew."""
    old = run.cells[cell]
    rows = (old.rows[0].model_copy(update=changes), *old.rows[1:])
    new = summarise(rows, old.split, old.k, old.generations)
    return run.model_copy(update={"cells": (*run.cells[:cell], new, *run.cells[cell + 1 :])})


UNSCORED = {"marks": None, "full_marks": None, "all_skills": None, "skills_fraction": None}
