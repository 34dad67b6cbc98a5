"""What a score owes to the skills that were drawn: a jackknife over skills, which no single cluster column can hold."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

GROWTH = 1.5  # of a standard error, from which on the skills drawn decide a score
CHANCE = 0.05


class LeftOut(NamedTuple):
    """What the score of a cell owes to the skills drawn; ``leave_one_skill_out`` says how it is computed."""

    skill: str  # whose requests move the mean most when they are left out
    change: float  # of the mean, then
    se: float  # of the mean, skills being drawn at random, too
    growth: float  # that se over the one of independent combinations
    p_value: float  # that independent combinations spread as much by chance

    @property
    def flagged(self) -> bool:
        """Whether the skills drawn widen the error by more than ``GROWTH``, and not by chance (p < ``CHANCE``)."""
        return self.growth > GROWTH and self.p_value < CHANCE


def leave_one_skill_out(values: Sequence[float], skills: Sequence[Sequence[str]]) -> LeftOut | None:
    """How much a cell's mean depends on the skills that were drawn, by a jackknife over skills.

    With S skills, n_s of n combinations asking for skill s, and m_s the mean of all others, the jackknife variance is
    (S-1)/S sum (m_s - m)^2. A combination is left out with each of its k skills, so independent noise enters it
    (S-1)/S sum n_s/(n - n_s) times instead of once; the excess is taken off, and what is left is never below the
    plain variance. Of independent combinations the jackknife variance is, as a multiple of its mean, about chi-squared
    with S - 1 degrees of freedom; that gives the p-value.

    Args:
        values: One value a combination.
        skills: The skills that each combination asks for, in the same order.

    Returns:
        None where fewer than three skills were asked for, or one of them in every combination.
    """
    found, names = np.asarray(values, dtype=float), sorted({skill for asked in skills for skill in asked})
    asked = np.array([[name in some for some in map(frozenset, skills)] for name in names], dtype=float)
    kept = len(found) - asked.sum(axis=1)
    if len(names) < 3 or kept.min() == 0:
        return None
    changes = (found.sum() - asked @ found) / kept - found.mean()
    share = (len(names) - 1) / len(names)
    plain = float(found.var(ddof=1)) / len(found)
    times = share * float((asked.sum(axis=1) / kept).sum())
    spread = share * float((changes**2).sum())
    se = math.sqrt(max(plain, spread - (times - 1) * plain))
    widest = int(np.abs(changes).argmax())
    growth = se / math.sqrt(plain) if plain else 1.0
    chance = stats.chi2.sf((len(names) - 1) * spread / (times * plain), len(names) - 1) if plain else 1.0
    return LeftOut(names[widest], float(changes[widest]), se, growth, float(chance))
