"""How sure a score is, and how large a difference: intervals and tests over combinations; docs/statistics.md says why.

The unit is the combination. Votes and repeated texts of one combination are averaged first, never counted as n.
Combinations still share topics and skills: ``cluster_interval`` and jackknife.py say how much that matters.
No interval covers another split, training seed or grader.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
POWER = 0.8  # at which a difference counts as detectable
PERMUTATIONS = 9_999  # of a test on values other than 0/1; its smallest p-value is 1e-4
Z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))

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


class Unpaired(NamedTuple):
    """One group of combinations against another; differences are b - a."""

    n_a: int
    n_b: int
    difference: float
    low: float
    high: float
    p_value: float


def wilson(successes: float, n: float) -> Interval:
    """Wilson score interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001).

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). At 4 % of 50 a Wald or bootstrap interval covers
    87 %, not 95 %, and is empty at 0 of n; this one is neither. n = 0 gives (0, 1).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    low, high = proportion_confint(successes, n, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(float(low) if successes > 0 else 0.0, float(high) if successes < n else 1.0)  # exact at the ends


def share_interval(values: Sequence[float]) -> Interval:
    """Interval of the mean of values in [0, 1], one for each combination: full marks, means over texts, fractions.

    0/1 values: Wilson. Other values vary less: ``effective_wilson`` of their variance s^2/n, with n - 1 degrees of
    freedom. Unlike t it never leaves [0, 1] and holds for shares near 0; unlike a bootstrap it is no random number.
    No value gives (0, 1).
    """
    found = np.asarray(values, dtype=float)
    n = len(found)
    if n < 2 or np.ptp(found) == 0 or set(values) <= {0, 1}:
        return wilson(float(found.sum()), n)
    return effective_wilson(float(found.mean()), float(found.var(ddof=1)) / n, n - 1)


def effective_wilson(mean: float, variance: float, freedom: int) -> Interval:
    """Wilson with the n at which 0/1 values have this variance of their mean; wider for few degrees of freedom.

    n = p(1-p) / variance, times (z/t)^2 (Korn and Graubard 1998).
    """
    n = mean * (1 - mean) / variance * (Z / t_quantile(freedom)) ** 2
    return wilson(mean * n, n)


def cluster_se(values: Sequence[float], clusters: Sequence[str]) -> float | None:
    """Standard error of the mean when the values of one cluster, such as a topic, may be alike; None for one cluster.

    Least squares on a constant with the cluster-robust covariance of Liang and Zeger (1986), G/(G-1) corrected.
    """
    groups = np.unique(np.asarray(clusters), return_inverse=True)[1]
    if groups.max(initial=0) == 0:
        return None
    fit = OLS(np.asarray(values, dtype=float), np.ones(len(groups))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    return float(fit.bse[0])


def cluster_interval(values: Sequence[float], clusters: Sequence[str]) -> Interval | None:
    """``share_interval`` with the standard error clustered, never taken as smaller than the plain one.

    The degrees of freedom are the clusters less one: with few topics the interval is wide, and rightly so.
    """
    se = cluster_se(values, clusters)
    found = np.asarray(values, dtype=float)
    if se is None or np.ptp(found) == 0:
        return None if se is None else share_interval(values)
    variance = max(se**2, float(found.var()) / len(found))
    return effective_wilson(float(found.mean()), variance, len(set(clusters)) - 1)


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided exact p-value that gains and losses are equally likely (McNemar 1947): binomial on the changed ones.

    Combinations that both models pass, or both fail, say nothing. None changed: p = 1.
    """
    if gained + lost == 0:
        return 1.0
    return float(mcnemar([[0, gained], [lost, 0]], exact=True).pvalue)


def sign_flip_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p-value that a and b may be exchanged on each combination: McNemar's test for any values (Fisher 1935).

    ``PERMUTATIONS`` random exchanges with a fixed seed, or all of them where there are fewer.
    """
    difference = np.asarray(b, dtype=float) - np.asarray(a, dtype=float)
    changed = difference[difference != 0]
    if len(changed) < 2:
        return 1.0
    return _permute((changed,), lambda x, axis: x.sum(axis=axis), "samples")


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Paired:
    """How much higher b is than a, combination by combination.

    Agresti and Min (2005): Wald, after a gain and a loss of half a combination each, and another combination that does
    not change, are added; so the interval is not empty when nothing changed. For differences d other than -1, 0 and 1,
    the gain and the loss have the size m = sum d^2 / sum |d|, and t with n - 1 degrees of freedom stands for z:
    D +- z sqrt((sum d^2 + m^2) / (n + 2)^2 - D^2 / (n + 2)), where D = sum d / (n + 2).

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
    low, high = _agresti_min(difference, Z if binary else t_quantile(len(difference) - 1))
    p_value = mcnemar_exact(gained, lost) if binary else None
    return Paired(len(difference), float(difference.mean()), max(-1.0, low), min(1.0, high), p_value, gained, lost)


def unpaired_difference(a: Sequence[float], b: Sequence[float]) -> Unpaired:
    """How much higher the mean of b is than that of a, on other combinations: wider than a paired difference.

    Interval: ``newcombe``. p-value: the combinations exchanged between a and b at random.

    Raises:
        ValueError: One of them is empty.
    """
    low, high = newcombe(a, b)
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    p_value = _permute((x, y), lambda one, other, axis: other.mean(axis=axis) - one.mean(axis=axis), "independent")
    return Unpaired(len(a), len(b), float(y.mean() - x.mean()), low, high, p_value)


def newcombe(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Interval of the difference b - a of two means on other combinations, from the ``share_interval`` of each.

    Square and add (Newcombe 1998): b - a - sqrt((b - low_b)^2 + (high_a - a)^2), and upwards likewise.

    Raises:
        ValueError: One of them is empty.
    """
    if not len(a) or not len(b):
        raise ValueError(f"two samples are needed, got {len(a)} and {len(b)} values")
    (low_a, high_a), (low_b, high_b) = share_interval(a), share_interval(b)
    x, y = float(np.mean(a)), float(np.mean(b))
    return Interval(y - x - math.hypot(y - low_b, high_a - x), y - x + math.hypot(high_b - y, x - low_a))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the same order (Holm 1979).

    Calling all below 0.05 different is then wrong anywhere among them in at most 5 % of studies, however they depend
    on each other.
    """
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []


def detectable_difference(interval: Interval, power: float = POWER) -> float:
    """The smallest true difference that an interval of this width leaves zero out for, with the power given.

    (z_0.975 + z_power) SE, 2.8 SE at 80 %, the SE being half the interval over z.
    """
    se = (interval.high - interval.low) / (2 * Z)
    return (Z + float(stats.norm.ppf(power))) * se


def t_quantile(freedom: int) -> float:
    """Student's t that a 95 % interval takes for z; z itself without degrees of freedom."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) if freedom else Z


def _agresti_min(difference: Floats, quantile: float) -> Interval:
    n, squares = len(difference) + 2, float((difference**2).sum())
    usual = squares / float(np.abs(difference).sum()) if squares else 1.0
    centre = float(difference.sum()) / n
    half = quantile * math.sqrt(max(0.0, (squares + usual**2) / n**2 - centre**2 / n))
    return Interval(centre - half, centre + half)


def _permute(samples: tuple[Floats, ...], statistic: Callable[..., Any], kind: str) -> float:
    rng = np.random.default_rng(0)
    found = stats.permutation_test(
        samples, statistic, permutation_type=kind, n_resamples=PERMUTATIONS, vectorized=True, rng=rng
    )
    return float(found.pvalue)
