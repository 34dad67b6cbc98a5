"""A grader held against a reference: how often it is wrong, and what full marks are once that is taken into account.

Example: a grader gives full marks to 40 % of 1,000 texts. People who mark 200 of these find that it passes 95 % of the
good texts (sensitivity) and refuses 83 % of the others (specificity). False marks on so many poor texts make 30 % look
like 40 %: ``Estimate.ppi`` says 0.30 (0.25, 0.35), and stands beside the raw share.

The reference may know every text (a program) or a random sample of them (people); a sample of texts chosen for what the
grader said of them would bias every figure here. Intervals are at 95 %, and take the texts of a combination, and the
skills of a text, as alike. docs/judges.md has the formulas and how often the intervals hold the truth.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_builder.model_names import public_name
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.verifiers import GRADERS
from eval_harness.raters import (
    FULL,
    KINDS,
    Kind,
    Place,
    Rater,
    check_same_texts,
    grader_of,
    is_program,
    kind_of,
    majority_of_people,
    program_of,
)
from eval_harness.results import EvalRun, read_run
from eval_harness.stats import Interval, cluster_interval, effective_wilson, t_quantile, wilson

MIN_YOUDEN = 0.1  # sensitivity + specificity - 1, below which Rogan and Gladen multiply noise more than tenfold

Floats = NDArray[np.float64]


class Share(Strict):
    """A share from 0 to 1 with its 95 % interval."""

    value: float
    low: float
    high: float


class AuditRow(Strict):
    """One kind of criterion, on texts that both marked. A rate is None where the reference has no such mark."""

    criterion: Kind
    k: int | None  # None: all k together
    n: int  # marks
    prevalence: float  # share that the reference awards
    sensitivity: float | None  # of the marks that the reference awards, the share that the grader awards
    sensitivity_low: float | None
    sensitivity_high: float | None
    specificity: float | None  # of those that it refuses, the share that the grader refuses
    specificity_low: float | None
    specificity_high: float | None
    false_positives: int  # marks that the grader awards and the reference refuses
    false_negatives: int


class Estimate(Strict):
    """Full marks by the grader, by the reference alone, and corrected; as shares of texts."""

    k: int | None  # None: all k together
    n_texts: int  # that the grader scored
    n_reference: int  # of these, those that the reference knows
    raw: Share
    reference: Share
    ppi: Share
    rogan_gladen: Share | None  # None where the grader tells good from poor texts too badly


class Audit(Strict):
    """One grader against one reference."""

    grader: str
    reference: str
    texts: str  # whose texts
    rows: tuple[AuditRow, ...]
    full_marks_raw: float
    full_marks_corrected: float  # by PPI++, with its interval
    low: float
    high: float
    estimates: tuple[Estimate, ...] = ()  # all k together, then k by k
    unscored: int = 0  # texts that the grader left unscored; they stand nowhere here


class _Pair(NamedTuple):
    """What the reference and the grader say of one criterion of one text."""

    place: Place
    kind: Kind
    truth: bool
    given: bool


def find_reference(name: str, run: EvalRun) -> Rater:
    """A program by its name, people by their folder of labels, another grader by its run over the same texts.

    Raises:
        UsageError: There is nothing of that name, or it knows none of the run's texts.
    """
    path = Path(name)
    if is_program(name):
        return program_of(name, run)
    if path.is_dir() and not any(path.glob("results-*.json")):
        from eval_harness.human.labels import read_labels

        people = majority_of_people(read_labels(path), run)
        if not people.marks:
            raise UsageError(f"{path}: no label is of a text of this run; label it (dskill annotate), or give its run")
        return people
    if not path.exists():
        known = f"known programs: {', '.join(GRADERS)}"
        raise UsageError(f"reference {name!r}: no program{near(name, GRADERS)} ({known}), folder of labels or run")
    other = read_run(path)
    check_same_texts([run, other], ["the run", name])
    return grader_of(other)


def audit_run(run: EvalRun, reference: Rater) -> Audit:
    """A run's grader against a reference, by kind of criterion and by k.

    Raises:
        UsageError: They share no text.
    """
    grader = grader_of(run)
    pairs = list(_pair_up(grader, reference))
    if not any(pair.kind == FULL for pair in pairs):
        raise UsageError(f"{reference.label} and {grader.label} share no text that both marked on every criterion")
    sizes = sorted({pair.place.k for pair in pairs if pair.kind == FULL})
    scopes = [None, *sizes] if len(sizes) > 1 else [None]
    estimates = tuple(_estimate(grader, reference, k) for k in scopes)
    rows = [
        (kind, k, [p for p in pairs if p.kind == kind and k in (None, p.place.k)]) for kind in KINDS for k in scopes
    ]
    return Audit(
        grader=grader.label,
        reference=reference.label,
        texts=public_name(run.model),
        rows=tuple(_row(kind, k, found) for kind, k, found in rows if found),
        full_marks_raw=estimates[0].raw.value,
        full_marks_corrected=estimates[0].ppi.value,
        low=estimates[0].ppi.low,
        high=estimates[0].ppi.high,
        estimates=estimates,
        unscored=sum(cell.unscored for cell in run.cells),
    )


def ppi_mean(truth: Floats, given: Floats, units: Sequence[str]) -> Share:
    """The mean of the truth, known of some texts, with the help of a grader's marks on all of them: PPI++.

    With y and f on the n texts of the reference, f alone on the N others:
    theta = mean(y) + w (mean_N(f) - mean_n(f)), w = cov_n(y, f) / ((1 + n / N) var(f)), kept within [0, 1].
    A useless grader gets w = 0, which leaves the reference's own mean. The variance is that of the two means, by
    combination; the interval is Wilson at the n of 0/1 values with that variance: at 4 % theta +- z s covers 0.90.

    Source: Angelopoulos, Duchi and Zrnic, PPI++ (arXiv 2311.01453), the mean.

    Args:
        truth: NaN where the reference does not know.
        given: The grader's marks, 0 or 1.
        units: The combination of each text.
    """
    known = ~np.isnan(truth)
    y, f, rest = truth[known], given[known], given[~known]
    weight = 0.0
    if len(rest) and len(y) > 1 and given.var() > 0:
        weight = float(np.cov(y, f)[0, 1] / ((1 + len(y) / len(rest)) * given.var(ddof=1)))
        weight = min(max(weight, 0.0), 1.0)
    value = float(y.mean() + (weight * (rest.mean() - f.mean()) if weight else 0.0))
    influence = np.zeros(len(truth))
    residual = y - weight * f
    influence[known] = (residual - residual.mean()) / len(y)
    if weight:
        influence[~known] = weight * (rest - rest.mean()) / len(rest)
    return _share_of(value, _variance(influence, units), _count_units(units, known))


def rogan_gladen(truth: Floats, given: Floats, units: Sequence[str]) -> Share | None:
    """The share of texts of full marks behind the share q that the grader gives them: (q + sp - 1) / (se + sp - 1).

    Its variance is that of the influence of every text on q, se and sp at once (delta method), summed by combination,
    so that texts that the reference knows count in all three. None where se + sp - 1 is below ``MIN_YOUDEN``.

    Source: Rogan and Gladen (1978). Arguments as of ``ppi_mean``.
    """
    known = ~np.isnan(truth)
    y, f, n = truth[known], given[known], int(known.sum())
    if not 0 < y.sum() < n:
        return None
    se, sp, q = float(f[y == 1].mean()), 1 - float(f[y == 0].mean()), float(given.mean())
    youden = se + sp - 1
    if youden < MIN_YOUDEN:
        return None
    value = (q + sp - 1) / youden
    influence = (given - q) / len(given)
    of_se, of_sp = y * (f - se) / y.sum(), (1 - y) * (1 - f - sp) / (n - y.sum())
    influence[known] += (1 - value) * of_sp - value * of_se
    error = math.sqrt(_variance(influence / youden, units)) * t_quantile(_count_units(units, known) - 1)
    low, value, high = (min(max(end, 0.0), 1.0) for end in (value - error, value, value + error))
    return Share(value=value, low=low, high=high)


def _pair_up(grader: Rater, reference: Rater) -> Iterator[_Pair]:
    for place in sorted(grader.marks.keys() & reference.marks.keys()):
        given = grader.marks[place]
        for criterion, truth in reference.marks[place].items():
            if criterion in given:
                yield _Pair(place, kind_of(criterion), truth, given[criterion])
    for place in sorted(grader.full_marks.keys() & reference.full_marks.keys()):
        yield _Pair(place, FULL, reference.full_marks[place], grader.full_marks[place])


def _row(kind: Kind, k: int | None, pairs: Sequence[_Pair]) -> AuditRow:
    awarded, refused = [p for p in pairs if p.truth], [p for p in pairs if not p.truth]
    se = _rate([p.given for p in awarded], [_name(p.place) for p in awarded])
    sp = _rate([not p.given for p in refused], [_name(p.place) for p in refused])
    return AuditRow(
        criterion=kind,
        k=k,
        n=len(pairs),
        prevalence=len(awarded) / len(pairs),
        sensitivity=se.value if se else None,
        sensitivity_low=se.low if se else None,
        sensitivity_high=se.high if se else None,
        specificity=sp.value if sp else None,
        specificity_low=sp.low if sp else None,
        specificity_high=sp.high if sp else None,
        false_positives=sum(p.given for p in refused),
        false_negatives=sum(not p.given for p in awarded),
    )


def _estimate(grader: Rater, reference: Rater, k: int | None) -> Estimate:
    places = [place for place in sorted(grader.full_marks) if k in (None, place.k)]
    units = [_name(place) for place in places]
    given = np.array([float(grader.full_marks[place]) for place in places])
    truth = np.array([float(reference.full_marks.get(place, np.nan)) for place in places])
    known = np.flatnonzero(~np.isnan(truth))
    raw, alone = _rate(list(given), units), _rate(list(truth[known]), [units[i] for i in known])
    assert raw and alone  # a scope is made of texts that both marked
    return Estimate(
        k=k,
        n_texts=len(places),
        n_reference=len(known),
        raw=raw,
        reference=alone,
        ppi=ppi_mean(truth, given, units),
        rogan_gladen=rogan_gladen(truth, given, units),
    )


def _rate(values: Sequence[float], units: Sequence[str]) -> Share | None:
    """A share of marks: Wilson, or where combinations have several marks, with the standard error by combination."""
    if not values:
        return None
    several = len(set(units)) < len(values)
    low, high = (several and cluster_interval(values, units)) or wilson(sum(values), len(values))
    return Share(value=float(np.mean(values)), low=low, high=high)


def _name(place: Place) -> str:
    return "/".join(map(str, place.unit))


def _count_units(units: Sequence[str], known: NDArray[np.bool_]) -> int:
    return len({unit for unit, knows in zip(units, known, strict=True) if knows})


def _variance(influence: Floats, units: Sequence[str]) -> float:
    """Of the estimate to which each text adds this much; the texts of one combination go together."""
    sums = np.bincount(np.unique(np.asarray(units), return_inverse=True)[1], weights=influence)
    return float((sums**2).sum() * len(sums) / max(1, len(sums) - 1))


def _share_of(value: float, variance: float, units: int) -> Share:
    value = min(max(value, 0.0), 1.0)
    found: Interval
    if 0 < value < 1 and variance > 0:
        found = effective_wilson(value, variance, units - 1)
    else:
        found = wilson(value * units, units)
    return Share(value=value, low=found.low, high=found.high)
