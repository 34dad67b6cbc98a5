"""How sure a score is, and how large a difference: intervals and paired tests over combinations.

The unit is the combination. Votes and repeated texts of one combination are averaged first, never counted as n.
Combinations still share topics and skills, so all intervals here are a little too narrow where few skills or topics
are drawn; Inspect's log has a standard error clustered by topic beside them, and no interval covers another split,
training seed or grader.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
RESAMPLES = 2_000  # of a bootstrap; its own error is then about 0.002 of the interval's ends
FEW = 10  # values below which a bootstrap has too few distinct resamples to trust

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval at ``CONFIDENCE``."""

    low: float
    high: float


class Paired(NamedTuple):
    """Model b against model a on the same combinations; differences are b - a."""

    n: int
    difference: float
    low: float
    high: float
    p_value: float | None  # exact McNemar, for 0/1 values alone
    gained: int  # combinations on which b is higher
    lost: int

    @property
    def tied(self) -> bool:
        """Whether the interval holds 0: no difference is shown."""
        return self.low <= 0 <= self.high


def wilson(successes: float, n: int) -> Interval:
    """Wilson score interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001).

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). At 4 % of 50 a Wald or bootstrap interval covers
    88 %, not 95 %, and is empty at 0 of n; this one is neither. ``successes`` may be a sum of means in [0, 1]: the
    interval is then wider than needed, since such values vary less than 0/1 ones. n = 0 gives (0, 1).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    low, high = proportion_confint(successes, n, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(float(low) if successes > 0 else 0.0, float(high) if successes < n else 1.0)  # exact at the ends


def share_interval(values: Sequence[float]) -> Interval:
    """Interval of the mean of values in [0, 1], such as skills fractions, one for each combination.

    BCa bootstrap (Efron 1987); Student's t below ``FEW`` values or where the bootstrap fails; Wilson where all values
    are equal, since the others would then claim certainty. Never leaves [0, 1]. No value gives (0, 1).
    """
    found = np.asarray(values, dtype=float)
    if len(found) < 2 or np.ptp(found) == 0:
        return wilson(float(found.sum()), len(found))
    low, high = _mean_interval(found)
    return Interval(max(0.0, low), min(1.0, high))


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided exact p-value that gains and losses are equally likely (McNemar 1947): binomial on the changed ones.

    Combinations that both models pass, or both fail, say nothing. None changed: p = 1.
    """
    if gained + lost == 0:
        return 1.0
    return float(mcnemar([[0, gained], [lost, 0]], exact=True).pvalue)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Paired:
    """How much higher b is than a, combination by combination.

    0/1 values: Agresti and Min (2005), Wald after half a combination is added to each cell of the 2 x 2 table, so that
    the interval is not empty when nothing changed; and exact McNemar. Other values: BCa or t on the differences; where
    these are all equal, the interval of 0/1 values with the same sum.

    Args:
        a, b: One value a combination, in [0, 1], in the same order.

    Raises:
        ValueError: The lengths differ, or there is no combination.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"paired values need the same combinations, got {len(a)} and {len(b)}")
    difference = np.asarray(b, dtype=float) - np.asarray(a, dtype=float)
    gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
    binary = set(a) | set(b) <= {0, 1}
    plain = binary or len(difference) < 2 or np.ptp(difference) == 0
    low, high = _agresti_min(difference) if plain else _mean_interval(difference)
    p_value = mcnemar_exact(gained, lost) if binary else None
    return Paired(len(difference), float(difference.mean()), max(-1.0, low), min(1.0, high), p_value, gained, lost)


def _agresti_min(difference: Floats) -> Interval:
    """With b gains, c losses: d = (b - c)/(n + 2), d +- z sqrt((b + c + 1)/(n + 2)^2 - d^2/(n + 2))."""
    n = len(difference) + 2
    gained, lost = difference[difference > 0].sum(), -difference[difference < 0].sum()
    centre = (gained - lost) / n
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) * math.sqrt(max(0.0, (gained + lost + 1) / n**2 - centre**2 / n))
    return Interval(float(centre - half), float(centre + half))


def _mean_interval(values: Floats) -> Interval:
    if len(values) >= FEW:
        found = stats.bootstrap(
            (values,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            return Interval(float(found.low), float(found.high))
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return Interval(float(low), float(high))
