"""Self-preference: whether graders mark the texts of their own model family higher than graders of another family do.

Example, full marks of the same requests:        grader gpt   grader claude
                                student gpt         0.50          0.44
                                student claude      0.38          0.40
Each grader marks its own family higher than the other one does, by 0.06 and 0.02: the difference in differences is
(0.50 - 0.44) - (0.38 - 0.40) = 0.08. How strict each grader is, and how good each student, cancels out.

It compares graders with each other and does not say which of them is right: that takes a reference (``audit``). Texts
of one family that really suit one grader's reading of the rubric better look the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Literal

from datasets_builder.model_names import family_of
from datasets_builder.skillmix.config import Strict
from eval_harness.raters import Place, grader_of, is_program
from eval_harness.results import EvalRun
from eval_harness.stats import paired_difference, share_interval

By = Literal["student", "teacher"]
Values = Mapping[tuple[str, int, str], float]  # full marks by combination


class FamilyRate(Strict):
    """Full marks that graders of one family give to texts of another, over combinations, 0 to 1."""

    author: str  # family of the student, or of the teacher it learnt from
    grader: str
    n: int  # combinations
    full_marks: float
    low: float
    high: float


class Favour(Strict):
    """Two families as authors and as graders of the same combinations, from -2 to 2; above 0 favours their own."""

    a: str
    b: str
    n: int
    difference: float  # (a by a - a by b) - (b by a - b by b)
    low: float
    high: float


class Preference(Strict):
    """All families of authors against all families of graders, and in words what it shows."""

    by: By
    rates: tuple[FamilyRate, ...]
    favours: tuple[Favour, ...]
    findings: tuple[str, ...]


def find_preference(runs: Sequence[EvalRun], by: By = "student") -> Preference | None:
    """The table over runs of several authors, each graded by several graders; None where no family is both.

    Texts graded by a program count nowhere: it has no family. Runs of one family are averaged by combination.

    Args:
        by: Whose family counts: the model's that wrote, or its teacher's, whose manner it may have learnt.
    """
    table = _tabulate(runs, by)
    authors, graders = ({pair[i] for pair in table} for i in (0, 1))
    both = sorted(authors & graders)
    pairs = [(a, b) for a, b in combinations(both, 2) if all((x, y) in table for x in (a, b) for y in (a, b))]
    favours = [found for pair in pairs if (found := _contrast(table, *pair))]
    if not favours:
        return None
    return Preference(
        by=by,
        rates=tuple(_rate(author, grader, table[author, grader]) for author, grader in sorted(table)),
        favours=tuple(favours),
        findings=tuple(map(_tell, favours)),
    )


def _tabulate(runs: Sequence[EvalRun], by: By) -> dict[tuple[str, str], Values]:
    gathered: dict[tuple[str, str], dict[tuple[str, int, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        author = run.model if by == "student" else run.provenance.teacher
        if author is None or is_program(run.provenance.grader):
            continue
        full: Mapping[Place, bool] = grader_of(run).full_marks
        for place, mark in full.items():
            gathered[family_of(author), family_of(run.provenance.grader)][place.unit].append(float(mark))
    return {pair: {unit: fmean(marks) for unit, marks in found.items()} for pair, found in gathered.items()}


def _contrast(table: Mapping[tuple[str, str], Values], a: str, b: str) -> Favour | None:
    """The difference in differences, paired by combination; None where the four share none."""
    cells = [table[author, grader] for author in (a, b) for grader in (a, b)]
    shared = sorted(set(cells[0]).intersection(*cells[1:]))
    if not shared:
        return None
    a_by_a, a_by_b, b_by_a, b_by_b = ([cell[unit] for unit in shared] for cell in cells)
    lead_a = [(x - y) / 2 for x, y in zip(a_by_a, a_by_b, strict=True)]  # halved, since a difference is within 1
    lead_b = [(x - y) / 2 for x, y in zip(b_by_a, b_by_b, strict=True)]
    found = paired_difference(lead_b, lead_a)
    return Favour(a=a, b=b, n=found.n, difference=2 * found.difference, low=2 * found.low, high=2 * found.high)


def _rate(author: str, grader: str, values: Values) -> FamilyRate:
    low, high = share_interval(list(values.values()))
    return FamilyRate(
        author=author, grader=grader, n=len(values), full_marks=fmean(values.values()), low=low, high=high
    )


def _tell(favour: Favour) -> str:
    figures = f"{100 * favour.difference:+.1f} points, {100 * favour.low:+.1f} to {100 * favour.high:+.1f}"
    where = f"(difference in differences {figures}, {favour.n} combinations)"
    pair = f"graders of {favour.a} and {favour.b}"
    if favour.low > 0:
        return f"{pair} mark their own family's texts higher than each other's {where}; an audit tells who is right"
    if favour.high < 0:
        return f"{pair} mark their own family's texts lower than each other's {where}"
    return f"{pair}: no self-preference is shown {where}; what lies within these limits is not ruled out"
