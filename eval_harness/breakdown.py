"""One run looked at closely: which skills are hard, which pairs collide, and how far its draw of requests decides it.

    for rate in sorted(skill_rates(run, load_catalogue("full")), key=lambda rate: rate.rate)[:5]: ...

The unit is the combination: with several texts of one, its mark is the share of its scored texts that have it. Marks
are those after deductions. Rates are from 0 to 1, intervals 95 %, and hold for these skills, not for others like them.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
from scipy import stats

from datasets_builder.skillmix.catalogue import Catalogue, Side, Split
from datasets_builder.skillmix.config import Strict
from eval_harness.jackknife import leave_one_skill_out
from eval_harness.results import EvalRun
from eval_harness.stats import Floats, cluster_interval, holm, share_interval

MIN_REQUESTS = 5  # for both skills of a pair: fewer could not show a collision, and every pair counts in Holm
DRAWS = 1_000  # of the rates that a pair is expected to have


class SkillRate(Strict):
    """How often a skill is shown when it is asked for, over the cells that were given."""

    skill: str
    category: str
    side: Side
    asked: int  # combinations with a scored text
    shown: float  # of those; a fraction where only some texts of a combination show it
    rate: float
    low: float
    high: float


class CategoryRate(Strict):
    """The same for all skills of a category on one side; a combination counts once, with its mean over these skills."""

    category: str
    side: Side
    skills: int
    asked: int
    shown: float
    rate: float
    low: float
    high: float


class PairRate(Strict):
    """Two skills asked for together: do they get in each other's way?"""

    a: str
    b: str
    texts: int  # combinations that ask for both
    both: float  # share of them that shows both
    expected: float  # the product of what each shows without the other, in the same cells
    p_holm: float  # one-sided, that so few show both, or fewer; adjusted for all pairs listed


class Spread(Strict):
    """How far topics and skills, which combinations share, decide a cell's full marks."""

    split: Split
    k: int
    n: int
    topics: int
    low: float | None  # with the texts of a topic taken as alike; None where one topic was asked for
    high: float | None
    skill: str | None  # whose requests move full marks most when left out; None with fewer than three skills
    change: float | None  # of full marks, then
    growth: float | None  # of the standard error, when skills count as drawn at random
    flagged: bool  # growth is over ``jackknife.GROWTH``, and not by chance


class _Request(NamedTuple):
    """One combination with a scored text."""

    cell: tuple[Split, int]
    skills: tuple[str, ...]
    topic: str
    texts: tuple[Mapping[str, bool], ...]  # the marks of each
    full_marks: float

    def share(self, *skills: str) -> float:
        """Share of the texts that show all these skills."""
        return fmean(all(marks[skill] for skill in skills) for marks in self.texts)


def skill_rates(run: EvalRun, catalogue: Catalogue) -> tuple[SkillRate, ...]:
    """Every skill asked for in any cell of the run, by slug.

    Raises:
        UsageError: The catalogue does not have a skill of the run.
    """
    side_of = _sides(run, catalogue)
    shown = _collect((skill, request.share(skill)) for request in _requests(run) for skill in request.skills)
    catalogue.check(shown, "skill", f"results-{run.fingerprint}.json")
    return tuple(
        SkillRate(skill=skill, category=catalogue.skills[skill].category, side=side_of[skill], **_rate(values))
        for skill, values in sorted(shown.items())
    )


def category_rates(run: EvalRun, catalogue: Catalogue) -> tuple[CategoryRate, ...]:
    """Every category asked for in any cell of the run, by side and name.

    Raises:
        UsageError: The catalogue does not have a skill of the run.
    """
    group_of = {rate.skill: (rate.side, rate.category) for rate in skill_rates(run, catalogue)}
    shown = _collect(
        (group, fmean(request.share(skill) for skill in request.skills if group_of[skill] == group))
        for request in _requests(run)
        for group in {group_of[skill] for skill in request.skills}
    )
    sizes = Counter(group_of.values())
    return tuple(
        CategoryRate(category=category, side=side, skills=sizes[side, category], **_rate(values))
        for (side, category), values in sorted(shown.items(), key=lambda item: (item[0][0] != "train", item[0]))
    )


def pair_rates(run: EvalRun) -> tuple[PairRate, ...]:
    """Pairs asked for together at least ``MIN_REQUESTS`` times, the likeliest collision first.

    What a skill shows without the other is an estimate, too: the p-value is the binomial's, averaged over ``DRAWS``
    draws of both rates in every cell from their Jeffreys posteriors. A text that fails as a whole shows neither
    skill, so independent skills show both more often than expected here: the test errs on the side of no collision.
    """
    index = _collect(((request.cell, skill), request) for request in _requests(run) for skill in request.skills)
    pairs = sorted({pair for request in _requests(run) for pair in combinations(sorted(request.skills), 2)})
    found = [pair for names in pairs if (pair := _count_pair(index, *names)).texts >= MIN_REQUESTS]
    adjusted = holm([pair.p_value() for pair in found])
    rates = [
        PairRate(a=p.a, b=p.b, texts=p.texts, both=p.both / p.texts, expected=p.expected(), p_holm=p_holm)
        for p, p_holm in zip(found, adjusted, strict=True)
    ]
    return tuple(sorted(rates, key=lambda rate: (rate.p_holm, rate.both - rate.expected)))


def spreads(run: EvalRun) -> tuple[Spread, ...]:
    """Every cell of the run, in its order."""
    return tuple(
        _spread(split, k, requests)
        for (split, k), requests in _collect((request.cell, request) for request in _requests(run)).items()
    )


class _Pair(NamedTuple):
    """Counts of a pair: in the cells where each skill was asked for without the other, too."""

    a: str
    b: str
    both: float
    cells: list[tuple[int, list[float], list[float]]]  # requests for both; shares of a without b, of b without a

    @property
    def texts(self) -> int:
        return sum(n for n, _, _ in self.cells)

    def expected(self) -> float:
        return sum(n * fmean(a) * fmean(b) for n, a, b in self.cells) / self.texts

    def p_value(self) -> float:
        rng = np.random.default_rng(0)
        rates = sum(n * _posterior(a, rng) * _posterior(b, rng) for n, a, b in self.cells) / self.texts
        return float(stats.binom.cdf(math.ceil(round(self.both, 9)), self.texts, rates).mean())


def _posterior(shares: Sequence[float], rng: np.random.Generator) -> Floats:
    return rng.beta(sum(shares) + 0.5, len(shares) - sum(shares) + 0.5, DRAWS)


def _count_pair(index: Mapping[tuple[tuple[Split, int], str], Sequence[_Request]], a: str, b: str) -> _Pair:
    pair = _Pair(a, b, 0.0, [])
    for cell in dict.fromkeys(cell for cell, _ in index):
        with_a, with_b = index.get((cell, a), ()), index.get((cell, b), ())
        both = [request.share(a, b) for request in with_a if b in request.skills]
        alone = ([r.share(a) for r in with_a if b not in r.skills], [r.share(b) for r in with_b if a not in r.skills])
        if all(alone):
            pair.cells.append((len(both), *alone))
            pair = pair._replace(both=pair.both + sum(both))
    return pair


def _spread(split: Split, k: int, requests: Sequence[_Request]) -> Spread:
    values, topics = [request.full_marks for request in requests], [request.topic for request in requests]
    interval, left_out = cluster_interval(values, topics), leave_one_skill_out(values, [r.skills for r in requests])
    return Spread(
        split=split,
        k=k,
        n=len(values),
        topics=len(set(topics)),
        low=interval and interval.low,
        high=interval and interval.high,
        skill=left_out and left_out.skill,
        change=left_out and left_out.change,
        growth=left_out and left_out.growth,
        flagged=bool(left_out and left_out.flagged),
    )


def _requests(run: EvalRun) -> Iterator[_Request]:
    for cell in run.cells:
        rows = _collect((row.combination, row) for row in cell.rows if row.marks is not None)
        for texts in rows.values():
            marks = tuple(row.marks or {} for row in texts)
            full = fmean(bool(row.full_marks) for row in texts)
            yield _Request((cell.split, cell.k), texts[0].skills, texts[0].topic, marks, full)


def _sides(run: EvalRun, catalogue: Catalogue) -> dict[str, Side]:
    partition = catalogue.partition(run.provenance.partition)
    return {skill: side for side in get_args(Side) for skill in partition.skills(side)}


def _rate(values: Sequence[float]) -> dict[str, Any]:
    low, high = share_interval(values)
    return {"asked": len(values), "shown": math.fsum(values), "rate": fmean(values), "low": low, "high": high}


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def _collect(items: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """The values of each key, in order."""
    found: dict[Key, list[Value]] = defaultdict(list)
    for key, value in items:
        found[key].append(value)
    return found
