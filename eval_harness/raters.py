"""Who marked the same texts, side by side: the votes of a grader, graders, a program, people.

One rater of two texts: ``Rater("openai/gpt-5", {place_1: {"simile": True, "topic": True, ...}, place_2: {...}}, ...)``.

Marks are compared as they were given, before a program takes points off: two graders whose length point the same
program overwrites would agree on it whatever they said. Full marks are compared after that, as they count.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from datasets_builder.skillmix.catalogue import Catalogue, Split, load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import Marks, criteria, deduct, majority, score
from datasets_builder.skillmix.verifiers import GRADERS, load_grader
from eval_harness.results import EvalRun, TextRow

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["skills", "topic", "sense", "length", "full marks"]
KINDS: tuple[Kind, ...] = ("skills", "topic", "sense", "length", "full marks")
FULL: Kind = "full marks"


class Place(NamedTuple):
    """Where a text stands in a run."""

    split: Split
    k: int
    combination: str
    generation: int

    @property
    def unit(self) -> tuple[Split, int, str]:
        """What is resampled: all texts of one combination of one cell."""
        return self[:3]


class Rater(NamedTuple):
    """Marks by text. A criterion that the rater was not asked for, or left open, is missing; so is an unread text."""

    label: str
    marks: Mapping[Place, Marks]
    full_marks: Mapping[Place, bool]


def places_of(run: EvalRun) -> dict[Place, TextRow]:
    """Every text of a run, scored or not."""
    return {Place(c.split, c.k, row.combination, row.generation): row for c in run.cells for row in c.rows}


def kind_of(criterion: str) -> Kind:
    """The kind of a criterion: all skills are of one."""
    return next((kind for kind in KINDS if kind == criterion), "skills")


def grader_of(run: EvalRun, label: str | None = None) -> Rater:
    """The grader of a run: the majority of its votes, or the marks that were kept where the votes were not."""
    places = places_of(run)
    cast = {place: _cast(row, run.provenance.votes) for place, row in places.items()}
    full = {place: row.full_marks for place, row in places.items() if row.full_marks is not None}
    return Rater(label or run.provenance.grader, {p: m for p, m in cast.items() if m is not None}, full)


def votes_of(run: EvalRun) -> list[Rater]:
    """The votes of a run's grader, each as a rater of its own; none where there was a single one."""
    places = places_of(run)
    count = max((len(row.votes) for row in places.values()), default=0)
    numbered = (
        {place: row.votes[i] for place, row in places.items() if len(row.votes) > i and row.votes[i] is not None}
        for i in range(count if count > 1 else 0)
    )
    return [_rater(f"vote {i}", run, marks) for i, marks in enumerate(numbered, start=1)]


def program_of(name: str, run: EvalRun) -> Rater:
    """A program's own marks on every text of a run.

    Raises:
        UsageError: No such program, or it knows other skills than the run's catalogue has.
    """
    check_program(name, load_catalogue(catalogue_of(run)))
    grade = load_grader(name)

    def mark(row: TextRow) -> Mapping[str, bool]:
        if not row.text:
            return dict.fromkeys(criteria(row.skills), False)
        return grade(row.text, Combination(row.skills, row.topic))

    return _rater(name, run, {place: mark(row) for place, row in places_of(run).items()})


def people_of(labels: "pl.DataFrame", run: EvalRun) -> list[Rater]:
    """Each annotator of a run's texts. The length is left out: a program counts it, and nobody was asked.

    Args:
        labels: As ``human.labels.read_labels`` gives them.
    """
    return [
        rater
        for name in labels["annotator"].unique().sort()
        if (rater := _person(name, labels.filter(annotator=name), run)).marks
    ]


def majority_of_people(labels: "pl.DataFrame", run: EvalRun) -> Rater:
    """What most annotators say; where they are split, nothing."""
    from eval_harness.human.labels import human_marks

    return _person("people", human_marks(labels).drop_nulls("mark"), run)


def check_program(name: str, catalogue: Catalogue) -> None:
    """Raises a UsageError unless the program knows the catalogue's skills."""
    if catalogue.about.grader != name:
        raise UsageError(
            f"the program {name!r} cannot mark texts of the catalogue {catalogue.about.name!r}: it knows other skills; "
            "name a grader model"
        )


def is_program(name: str) -> bool:
    """Whether a grader is a program: it always votes alike, and is of no model family."""
    return name in GRADERS


def catalogue_of(run: EvalRun) -> str:
    """Where a run's catalogue was read from: a shipped name or a folder."""
    return run.suite.catalogue if run.suite else run.provenance.catalogue


def check_same_texts(runs: Sequence[EvalRun], labels: Sequence[str]) -> None:
    """Raises a UsageError unless all runs hold the same text wherever both have one, and share at least one."""
    first = places_of(runs[0])
    for run, label in zip(runs[1:], labels[1:], strict=True):
        other = places_of(run)
        shared = first.keys() & other.keys()
        changed = next((p for p in sorted(shared) if first[p].text != other[p].text), None)
        if changed or not shared:
            what = f"other texts, first {changed.combination} of {changed.split} k = {changed.k}" if changed else "none"
            raise UsageError(
                f"{label}: of the texts of {labels[0]} it holds {what}; give a run and its re-grades (dskill regrade)"
            )


def _cast(row: TextRow, planned: int) -> Marks | None:
    """The majority's marks; a vote that was not taken, since it could change nothing, is a missing one."""
    votes = [*row.votes, *[None] * (planned - len(row.votes))]
    return majority(votes, row.skills) if row.votes else row.marks


def _person(name: str, marks: "pl.DataFrame", run: EvalRun) -> Rater:
    from eval_harness.human.labels import item_id

    at = {item_id(*place, row.text): place for place, row in places_of(run).items()}
    given: dict[Place, dict[str, bool]] = defaultdict(dict)
    for item, criterion, mark in marks.select("item", "criterion", "mark").iter_rows():
        if item in at and criterion != "length":
            given[at[item]][criterion] = mark
    return _rater(name, run, given)


def _rater(label: str, run: EvalRun, marks: Mapping[Place, Marks | None]) -> Rater:
    """A rater whose full marks follow from its marks and from what the run's program took off."""
    places, deduct_names = places_of(run), run.provenance.name_deduction
    given = {place: found for place, found in marks.items() if found}
    full = {place: _is_full(found, places[place], deduct_names) for place, found in given.items()}
    return Rater(label, given, {place: value for place, value in full.items() if value is not None})


def _is_full(marks: Marks, row: TextRow, deduct_names: bool) -> bool | None:
    """Full marks after the program's deductions; None while a criterion is open. People need not judge the length."""
    complete = {"length": True} | dict(marks)
    if not set(criteria(row.skills)) <= complete.keys():
        return None
    counted = deduct(complete, row.skills, too_long=row.too_long, named=row.named and deduct_names)
    return score(counted, row.skills).full_marks
