"""Compares runs on the same combinations: paired differences, what is tied, and the texts that made them.

    base, tuned = read_run(Path("evaluations/base")), read_run(Path("evaluations/tuned"))
    (comparison,) = compare_runs([base, tuned], ["base", "tuned"])

A difference is that of the later run from the first one. Runs that were not asked, graded and counted alike are
refused, since their difference would be one of grader or prompts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from eval_harness.matching import common_cells, match_runs
from eval_harness.results import CellResult, EvalRun, TextRow, by_combination
from eval_harness.stats import (
    Interval,
    Paired,
    detectable_difference,
    holm,
    paired_difference,
    sign_flip_test,
    unpaired_difference,
)

Metric = Literal[
    "full_marks", "all_skills", "skills_fraction", "full_marks_max", "all_skills_max", "skills_fraction_max"
]


class CellComparison(Strict):
    """Run b against run a in one cell, on the combinations that both have scored; 95 % interval, from -1 to 1."""

    split: Split
    k: int
    metric: Metric
    n: int  # combinations compared
    value_a: float  # on those
    value_b: float
    difference: float  # b - a
    low: float
    high: float
    p_value: float  # exact McNemar for 0/1 values, exchange of a and b on each combination for others
    p_holm: float  # adjusted for all cells of all comparisons made at once
    tied: bool  # the interval holds 0
    detectable: float  # true difference that this many combinations show with 80 % power
    gained: int  # combinations on which b is higher
    lost: int
    left_out: int = 0  # combinations of either run that cannot be compared: unscored texts, or asked of one alone


class Flip(Strict):
    """A combination on which the metric differs, with the text of each run that tells why."""

    split: Split
    k: int
    combination: str
    skills: tuple[str, ...]
    topic: str
    text_a: str
    text_b: str
    marks_a: dict[str, bool]
    marks_b: dict[str, bool]
    gained: bool  # b is higher


class Comparison(Strict):
    """A later run, b, against the first, a."""

    a: str
    b: str
    cells: tuple[CellComparison, ...]
    flips: tuple[Flip, ...]
    allowed: tuple[str, ...] = ()  # what differs and was allowed to, with both values
    only_one: tuple[str, ...] = ()  # cells that one run alone has


class Contrast(Strict):
    """Two cells of one run, such as train against held-out: other combinations, so nothing is paired."""

    a: tuple[Split, int]
    b: tuple[Split, int]
    metric: Metric
    n_a: int
    n_b: int
    difference: float  # b - a
    low: float
    high: float
    p_value: float  # permutation of the combinations between the cells
    tied: bool
    detectable: float
    paired: Literal[False] = False


def compare_runs(
    runs: Sequence[EvalRun], labels: Sequence[str], metric: Metric = "full_marks", allow: Collection[str] = ()
) -> tuple[Comparison, ...]:
    """Each later run against the first, cell by cell.

    Args:
        runs: Two or more.
        labels: One name a run, all different.
        metric: What is compared; ``*_max`` takes the best text of a combination, the others the mean of its texts.
        allow: Settings (``Setting``) that may differ all the same; "combinations" pairs those that both runs share.

    Raises:
        UsageError: Fewer than two runs, labels that do not name them, or runs that do not match; the line says in what.
    """
    if not 2 <= len(runs) == len(labels) == len(set(labels)):
        raise UsageError(
            f"compare needs two runs or more, each with a label of its own (--labels a,b), got {', '.join(labels)}"
        )
    names = [f"{label} (results-{run.fingerprint}.json)" for run, label in zip(runs, labels, strict=True)]
    allowed = [match_runs(runs[0], run, (names[0], name), allow) for run, name in zip(runs[1:], names[1:], strict=True)]
    pairs = [
        _pair_runs(runs[0], run, metric, (labels[0], label)) for run, label in zip(runs[1:], labels[1:], strict=True)
    ]
    adjusted = iter(holm([pair.p_value for found in pairs for pair in found]))
    return tuple(
        Comparison(
            a=labels[0],
            b=label,
            cells=tuple(_compare_cell(pair, metric, next(adjusted)) for pair in found),
            flips=tuple(flip for pair in found for flip in _flips(pair, metric)),
            allowed=told,
            only_one=tuple(sorted(_cells(runs[0]) ^ _cells(run))),
        )
        for run, label, found, told in zip(runs[1:], labels[1:], pairs, allowed, strict=True)
    )


def contrast_cells(run: EvalRun, a: tuple[Split, int], b: tuple[Split, int], metric: Metric = "full_marks") -> Contrast:
    """Cell b of a run against its cell a, unpaired; the cells differ in how hard their skills are, too.

    Raises:
        UsageError: The run has no such cell.
    """
    values = []
    for split, k in (a, b):
        if (cell := run.cell(split, k)) is None:
            have = ", ".join(f"{c.split} k = {c.k}" for c in run.cells)
            raise UsageError(f"results-{run.fingerprint}.json: no cell {split} k = {k} (cells: {have})")
        summary = max if metric.endswith("_max") else fmean
        values.append([float(summary(texts)) for texts in _texts(cell, metric).values()])
    found = unpaired_difference(*values)
    interval = Interval(found.low, found.high)
    tied = interval.low <= 0 <= interval.high
    return Contrast(a=a, b=b, metric=metric, tied=tied, detectable=detectable_difference(interval), **found._asdict())


class _Pair(NamedTuple):
    """One cell of both runs, and what they have on the combinations that both have scored."""

    a: CellResult
    b: CellResult
    values: dict[str, tuple[float, float]]  # of a and b, by combination
    found: Paired
    p_value: float


def _pair_runs(a: EvalRun, b: EvalRun, metric: Metric, labels: tuple[str, str]) -> list[_Pair]:
    pairs = [pair for cells in common_cells(a, b) if (pair := _pair(*cells, metric))]
    if not pairs:
        raise UsageError(f"{labels[0]} and {labels[1]}: no combination that both have scored, so nothing to compare")
    return pairs


def _pair(a: CellResult, b: CellResult, metric: Metric) -> _Pair | None:
    one, two = (_texts(cell, metric) for cell in (a, b))
    summary = max if metric.endswith("_max") else fmean
    shared = [name for name in sorted(one.keys() & two.keys()) if summary is fmean or len(one[name]) == len(two[name])]
    if not shared:
        return None
    values = {name: (float(summary(one[name])), float(summary(two[name]))) for name in shared}
    x, y = zip(*values.values(), strict=True)
    found = paired_difference(x, y)
    return _Pair(a, b, values, found, sign_flip_test(x, y) if found.p_value is None else found.p_value)


def _cells(run: EvalRun) -> set[str]:
    return {f"{cell.split} k = {cell.k}" for cell in run.cells}


def _texts(cell: CellResult, metric: Metric) -> Mapping[str, list[float]]:
    return by_combination(cell.rows, metric.removesuffix("_max"))


def _compare_cell(pair: _Pair, metric: Metric, p_holm: float) -> CellComparison:
    found = pair.found
    asked = {row.combination for cell in (pair.a, pair.b) for row in cell.rows}
    return CellComparison(
        split=pair.a.split,
        k=pair.a.k,
        metric=metric,
        n=found.n,
        value_a=fmean(a for a, _ in pair.values.values()),
        value_b=fmean(b for _, b in pair.values.values()),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=pair.p_value,
        p_holm=p_holm,
        tied=found.tied,
        detectable=detectable_difference(Interval(found.low, found.high)),
        gained=found.gained,
        lost=found.lost,
        left_out=len(asked) - found.n,
    )


def _flips(pair: _Pair, metric: Metric) -> Iterator[Flip]:
    a, b = (_scored(cell) for cell in (pair.a, pair.b))
    for combination, (before, after) in pair.values.items():
        if before != after:
            gained, best = after > before, metric.endswith("_max")
            one = _telling(a[combination], metric, highest=best or not gained)
            two = _telling(b[combination], metric, highest=best or gained)
            yield Flip(
                split=pair.a.split,
                k=pair.a.k,
                combination=combination,
                skills=one.skills,
                topic=one.topic,
                text_a=one.text,
                text_b=two.text,
                marks_a=one.marks or {},
                marks_b=two.marks or {},
                gained=gained,
            )


def _scored(cell: CellResult) -> Mapping[str, list[TextRow]]:
    rows: dict[str, list[TextRow]] = defaultdict(list)
    for row in cell.rows:
        if row.marks is not None:
            rows[row.combination].append(row)
    return rows


def _telling(rows: Sequence[TextRow], metric: Metric, *, highest: bool) -> TextRow:
    """Of several texts on one combination the first that is furthest in the direction of the change."""
    choose = max if highest else min
    return choose(rows, key=lambda row: float(getattr(row, metric.removesuffix("_max"))))
