"""How far raters of the same texts agree: votes of one grader, graders, people; by criterion, always beside chance.

Example: three votes on 300 texts agree on ``sense`` in 97 % of all pairs, yet alpha is 0.21, because 98 % of the marks
are awarded: where nearly all marks are equal, agreement beyond chance rests on a handful of texts.

raw            share of the pairs of marks on a criterion that are equal
Cohen          (raw - chance) / (1 - chance) for two raters, chance from each rater's own rate (Cohen 1960)
Fleiss         the same for any number of raters who all marked, chance from the pooled rate (Fleiss 1971)
Krippendorff   1 - observed / expected disagreement; takes missing marks (Krippendorff 2004)

Intervals are at 95 %: BCa bootstraps over combinations, so that marks on one text never count as independent.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_builder.model_names import public_name
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from eval_harness.raters import FULL, KINDS, Place, Rater, check_same_texts, grader_of, kind_of, people_of, votes_of
from eval_harness.results import EvalRun
from eval_harness.stats import CONFIDENCE

if TYPE_CHECKING:
    import polars as pl

RESAMPLES = 2_000  # of a bootstrap; its own error is then about 0.002 of the interval's ends
FEW = 30  # combinations; on 12, with 95 % of the marks awarded, the bootstrap holds the truth in 84 % only
CELLS = 10_000_000  # numbers that a bootstrap holds at a time

Floats = NDArray[np.float64]
Coefficient = Literal["raw", "cohen", "fleiss", "krippendorff"]


class Agreement(Strict):
    """Agreement on one criterion; a coefficient is None where it says nothing: all marks equal, or no such marks.

    ``prevalence`` is the share of marks that are awarded, 0 to 1. ``intervals`` holds (low, high) by coefficient; there
    is none of Fleiss, which differs from Krippendorff's by a term of order 1/n alone, and none below 30 combinations.
    """

    texts: str  # whose texts
    between: Literal["votes", "raters"]
    raters: tuple[str, ...]
    criterion: str  # skills (all pooled), topic, sense, length, full marks, or the slug of one skill
    n: int  # criteria of texts with two marks or more
    combinations: int
    raw: float
    prevalence: float
    cohen: float | None
    fleiss: float | None
    krippendorff: float | None
    intervals: dict[Coefficient, tuple[float, float]]


class _Item(NamedTuple):
    """The marks that several raters gave one criterion of one text, None where missing."""

    unit: tuple[str, int, str]
    given: tuple[bool | None, ...]

    @property
    def marks(self) -> list[bool]:
        return [mark for mark in self.given if mark is not None]


def agree_runs(
    runs: Sequence[EvalRun], names: Sequence[str], labels: "pl.DataFrame | None" = None
) -> tuple[Agreement, ...]:
    """All agreement among raters of the same texts: between the votes of each grader, between each two, and among all.

    Runs of several models are compared model by model.

    Args:
        names: The graders' names in the result, one for each run.
        labels: Those of people, as ``human.labels.read_labels`` gives them; each annotator is a rater.

    Raises:
        UsageError: Two runs of one model hold different texts, labels are of other texts, or nothing can be compared.
    """
    groups: dict[str, list[tuple[EvalRun, str]]] = defaultdict(list)
    for run, name in zip(runs, names, strict=True):
        groups[run.model].append((run, name))
    people = {model: people_of(labels, group[0][0]) for model, group in groups.items() if labels is not None}
    if labels is not None and not any(people.values()):
        raise UsageError("no label is of a text of these runs; label a run of them (dskill annotate)")
    found: list[Agreement] = []
    for model, group in groups.items():
        check_same_texts(*zip(*group, strict=True))
        found += _agree_graders(model, group, people.get(model, []))
    if not found:
        raise UsageError(
            "nothing to compare: one grader with one vote; give a re-grade of the run too (dskill regrade)"
        )
    return tuple(found)


def agree(raters: Sequence[Rater], texts: str, between: Literal["votes", "raters"] = "raters") -> list[Agreement]:
    """Agreement of these raters by kind of criterion, in the rubric's order, then skill by skill.

    Args:
        texts: Whose texts they are.
        between: "votes" when the raters have no identity: Cohen's coefficient would depend on their order.
    """
    items: dict[str, list[_Item]] = defaultdict(list)
    for criterion, item in _collect(raters):
        items[kind_of(criterion)].append(item)
        if kind_of(criterion) == "skills":
            items[f"skill {criterion}"].append(item)
    named = [*KINDS, *sorted(key for key in items if key.startswith("skill "))]
    common = {"texts": texts, "between": between, "raters": tuple(rater.label for rater in raters)}
    return [_measure(items[key], common | {"criterion": key.removeprefix("skill ")}) for key in named if key in items]


def _agree_graders(model: str, group: Sequence[tuple[EvalRun, str]], people: Sequence[Rater]) -> Iterator[Agreement]:
    texts = public_name(model)
    for run, name in group:
        if votes := votes_of(run):
            yield from agree([vote._replace(label=f"{name}, {vote.label}") for vote in votes], texts, "votes")
    raters = [*(grader_of(run, name) for run, name in group), *people]
    for pair in combinations(raters, 2):
        yield from agree(pair, texts)
    if len(raters) > 2:
        yield from agree(raters, texts)


def _collect(raters: Sequence[Rater]) -> Iterator[tuple[str, _Item]]:
    """Every criterion of every text that two raters marked, or more."""
    for place in _sorted_places(rater.marks for rater in raters):
        marks = [rater.marks.get(place, {}) for rater in raters]
        for criterion in dict.fromkeys(name for given in marks for name in given):
            item = _Item(place.unit, tuple(given.get(criterion) for given in marks))
            if len(item.marks) > 1:
                yield criterion, item
    for place in _sorted_places(rater.full_marks for rater in raters):
        item = _Item(place.unit, tuple(rater.full_marks.get(place) for rater in raters))
        if len(item.marks) > 1:
            yield FULL, item


def _sorted_places(maps: Iterable[Iterable[Place]]) -> list[Place]:
    return sorted({place for places in maps for place in places})


def _measure(items: Sequence[_Item], common: dict[str, Any]) -> Agreement:
    tables = _count(items)
    totals = tables.sum(axis=0)
    varied = 0 < totals[_AWARDED] < totals[_MARKS]
    paired = common["between"] == "raters" and len(common["raters"]) == 2
    defined = {"raw": True, "cohen": paired and varied, "krippendorff": varied}
    return Agreement(
        **common,
        n=len(items),
        combinations=len(tables),
        raw=float(_raw(totals)),
        prevalence=float(totals[_AWARDED] / totals[_MARKS]),
        cohen=_cohen(items) if defined["cohen"] else None,
        fleiss=_fleiss(items) if varied else None,
        krippendorff=_krippendorff(items) if varied else None,
        intervals={name: found for name, of in _OF_SUMS.items() if defined[name] and (found := _bootstrap(tables, of))},
    )


def _cohen(items: Sequence[_Item]) -> float:
    from sklearn.metrics import cohen_kappa_score

    first, second = zip(*(item.given for item in items), strict=True)
    return float(cohen_kappa_score(first, second))


def _fleiss(items: Sequence[_Item]) -> float | None:
    from statsmodels.stats.inter_rater import fleiss_kappa

    awarded = np.array([sum(item.marks) for item in items if None not in item.given])
    raters = len(items[0].given)
    if not 0 < awarded.sum() < raters * len(awarded):
        return None
    return float(fleiss_kappa(np.stack([raters - awarded, awarded], axis=1)))


def _krippendorff(items: Sequence[_Item]) -> float:
    from inspect_ai.scorer import SampleScore, Score, krippendorff_alpha

    measure: Any = krippendorff_alpha()
    return float(measure([SampleScore(score=Score(value=item.marks)) for item in items]))


# What the bootstrap needs of a combination, so that a resample is a sum: these columns, then the 2 x 2 table of the
# first two raters. The tests hold the coefficients from these sums against the libraries' above.
_MARKS, _AWARDED, _PAIRS, _EQUAL, _DISAGREEMENT, _TABLE = 0, 1, 2, 3, 4, slice(5, 9)


def _count(items: Iterable[_Item]) -> Floats:
    """Shape (combinations, 9)."""
    tables: dict[tuple[str, int, str], Floats] = defaultdict(lambda: np.zeros(9))
    for item in items:
        n, awarded = len(item.marks), sum(item.marks)
        unequal = awarded * (n - awarded)  # pairs of marks
        pairs = n * (n - 1) // 2
        table = tables[item.unit]
        table[:5] += n, awarded, pairs, pairs - unequal, 2 * unequal / (n - 1)
        if None not in item.given[:2]:
            table[5 + 2 * bool(item.given[0]) + bool(item.given[1])] += 1
    return np.stack(list(tables.values()))


def _raw(totals: Floats) -> Floats:
    return np.asarray(totals[..., _EQUAL] / totals[..., _PAIRS])


def _alpha(totals: Floats) -> Floats:
    n, awarded = totals[..., _MARKS], totals[..., _AWARDED]
    return _beyond(totals[..., _DISAGREEMENT] / n, 2 * awarded * (n - awarded) / (n * (n - 1)))


def _kappa(totals: Floats) -> Floats:
    table = np.moveaxis(totals[..., _TABLE] / totals[..., _TABLE].sum(axis=-1, keepdims=True), -1, 0)
    first, second = table[2] + table[3], table[1] + table[3]
    chance = first * second + (1 - first) * (1 - second)
    return _beyond(table[1] + table[2], 1 - chance)


def _beyond(observed: Floats, expected: Floats) -> Floats:
    """1 - observed / expected disagreement; 1 where all marks are equal, as they are in some resamples."""
    return np.asarray(1 - np.divide(observed, expected, out=np.zeros_like(observed), where=expected > 0))


_OF_SUMS: Mapping[Coefficient, Callable[[Floats], Floats]] = {"raw": _raw, "cohen": _kappa, "krippendorff": _alpha}


def _bootstrap(tables: Floats, value: Callable[[Floats], Floats]) -> tuple[float, float] | None:
    """BCa over combinations; None where there are too few, or where no resample differs."""
    from scipy import stats

    if len(tables) < FEW:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, where no resample differs: the ends are then not finite
        found = stats.bootstrap(
            (np.arange(len(tables)),),
            lambda index, axis: value(tables[index].sum(axis=-2)),
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            batch=max(1, CELLS // tables.size),
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if np.isfinite([low, high]).all() else None
