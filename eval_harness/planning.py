"""How many combinations a difference needs, and what difference so many combinations show; docs/statistics.md.

Example: from 5 % full marks, ``plan_n(Design(base=0.05), effect=0.1)`` asks for 117 combinations a cell when both
models write one text on each; ``plan_effect(Design(base=0.05), n=300)`` finds 5.3 points detectable.
"""

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field
from scipy import optimize
from statsmodels.stats.power import normal_sample_size_one_tail

from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from eval_harness.stats import POWER, Interval, Z, wilson

Share = Annotated[float, Field(gt=0, lt=1)]
EDGE = 1e-4  # how near an effect may come to 0, or to the most that the base leaves


class Design(Strict):
    """What is assumed of two models in one cell, and asked of the test.

    ``correlation`` is that of full marks of two texts on one combination, of one model or of both: some combinations
    are harder than others. It lay between 0.1 and 0.45 in studies of the miniature.
    """

    base: Share = 0.05  # full marks of the first model
    power: Share = POWER
    alpha: Share = 0.05  # two-sided
    cells: int = Field(default=10, ge=1)  # compared at once
    generations: int = Field(default=1, ge=1)  # texts a combination
    correlation: float = Field(default=0.3, ge=0, le=1)

    @property
    def inflation(self) -> float:
        """Variance of the mean of a combination's texts over that of one text: r + (1 - r) / generations."""
        return self.correlation + (1 - self.correlation) / self.generations

    def covariance(self, effect: float) -> float:
        """Of one text of each model on one combination: as assumed, or the most that both shares allow."""
        a, b = self.base, self.base + effect
        return min(self.correlation * math.sqrt(a * (1 - a) * b * (1 - b)), min(a, b) - a * b)

    def correlation_at(self, effect: float) -> float:
        """The correlation that ``covariance`` comes to."""
        a, b = self.base, self.base + effect
        return self.covariance(effect) / math.sqrt(a * (1 - a) * b * (1 - b))

    def discordance(self, effect: float) -> float:
        """Share of combinations on which one text of each model differ: p(1-p) + q(1-q) - 2 cov + (p-q)^2."""
        return self._spread(effect) - 2 * self.covariance(effect) + effect**2

    def variance(self, effect: float, *, paired: bool) -> float:
        """n times the variance of a cell's difference, or of that between two cells of n combinations each."""
        return self._spread(effect) * self.inflation - 2 * self.covariance(effect) * paired

    def _spread(self, effect: float) -> float:
        a, b = self.base, self.base + effect
        return a * (1 - a) + b * (1 - b)


class Requirement(Strict):
    """One way to compare: n combinations a cell show the effect with the power asked for.

    With several cells alpha is divided by their number: Holm's adjustment then keeps the effect, whatever other cells
    show.
    """

    design: Literal["paired", "unpaired"]
    cells: int
    n: int
    effect: float
    half_width: float  # of the difference's 95 % interval at that n


class Plan(Strict):
    """The ways that can work: paired and unpaired, for one cell that was named before, and among all."""

    design: Design
    requirements: tuple[Requirement, ...]

    @property
    def chosen(self) -> Requirement:
        """Paired, one cell: what the costs are counted for."""
        return self.requirements[0]

    def intervals(self) -> tuple[Interval, Interval]:
        """Of each model's full marks at the n chosen, where shares and correlation are as assumed."""
        n = self.chosen.n / self.design.inflation
        return wilson(self.design.base * n, n), wilson((self.design.base + self.chosen.effect) * n, n)


def plan_n(design: Design, effect: float) -> Plan:
    """The combinations that an effect needs.

    Raises:
        UsageError: The effect is not above 0, or leads beyond 1.
    """
    if not EDGE <= effect <= _largest(design):
        raise UsageError(
            f"--effect {effect:g}: a share added to the base, from {EDGE:g} to {_largest(design):g} for --base "
            f"{design.base:g}"
        )
    return _plan(design, lambda paired, cells: (math.ceil(_needed(design, effect, paired, cells)), effect))


def plan_effect(design: Design, n: int) -> Plan:
    """The effect that n combinations detect.

    Raises:
        UsageError: No effect that the base allows is large enough for a paired comparison of one cell.
    """
    if (least := math.ceil(_needed(design, _largest(design), True, 1))) > n:
        raise UsageError(f"--n {n}: no effect on a base of {design.base:g} is that large; {least} detect the largest")
    return _plan(design, lambda paired, cells: (n, _detected(design, n, paired, cells)))


def _plan(design: Design, solve: Callable[[bool, int], tuple[int, float | None]]) -> Plan:
    ways = [(cells, paired) for cells in dict.fromkeys((1, design.cells)) for paired in (True, False)]
    found = [(cells, paired, *solve(paired, cells)) for cells, paired in ways]
    return Plan(
        design=design,
        requirements=tuple(
            Requirement(
                design="paired" if paired else "unpaired",
                cells=cells,
                n=n,
                effect=effect,
                half_width=Z * math.sqrt(design.variance(effect, paired=paired) / n),
            )
            for cells, paired, n, effect in found
            if effect is not None
        ),
    )


def _needed(design: Design, effect: float, paired: bool, cells: int) -> float:
    """(z_a sqrt(v + d^2) + z_b sqrt(v))^2 / d^2 with v = ``variance``, d the effect.

    That is Connor's (1987) n for McNemar's test when a combination has one text, for which v + d^2 is the discordance;
    1/d is then added, since an exact test on 0/1 values rejects in steps. Unpaired, the share pooled over both cells is
    the null's.
    """
    variance = design.variance(effect, paired=paired)
    null = variance + effect**2 if paired else variance + effect**2 / 2
    size = normal_sample_size_one_tail(
        effect, design.power, design.alpha / cells / 2, std_null=math.sqrt(null), std_alternative=math.sqrt(variance)
    )
    return float(size) + (1 / effect if design.generations == 1 else 0)


def _detected(design: Design, n: int, paired: bool, cells: int) -> float | None:
    if _needed(design, _largest(design), paired, cells) > n:
        return None
    return float(optimize.brentq(lambda effect: _needed(design, effect, paired, cells) - n, EDGE, _largest(design)))


def _largest(design: Design) -> float:
    return 1 - design.base - EDGE
