"""How often the 95 % intervals cover a truth that is known: the table of docs/statistics.md.

    python tests/eval_harness/intervals_simulated.py [--trials 2000] [--others]

Each combination has a difficulty, the chance that a text on it gets full marks: drawn from a beta distribution with the
truth as its mean and an intraclass correlation of ``ALIKE``. Models that are compared share its rank. Where topics are
simulated, the chance belongs to the topic, with an intraclass correlation of ``TOPIC_ALIKE``.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval_harness.stats import Z, cluster_interval, newcombe, paired_difference, share_interval

SHARES, SIZES = (0.04, 0.37, 0.9), (50, 100, 300)
BETTER = {0.04: 0.09, 0.37: 0.47, 0.9: 0.95}  # share of the model that is compared
ALIKE, TOPIC_ALIKE = 0.3, 0.05
GENERAL = 0.8  # share of texts without a miss on topic, sense and length
TRIALS = 2_000

Values = NDArray[np.float64]
Ends = tuple[float, float]


class World(NamedTuple):
    """What is simulated, the truth that an interval should cover, our interval, and others by name."""

    draw: Callable[[np.random.Generator, float, int, int], tuple[Values, ...]]  # share, trials, n -> (trials, n) each
    truth: Callable[[float], float]
    ours: Callable[..., Ends]
    others: Mapping[str, Callable[..., Ends]] = {}


def chances(share: float, ranks: Values, alike: float = ALIKE) -> Values:
    """The chance of full marks where the difficulty has this rank."""
    return stats.beta.ppf(ranks, share * (1 - alike) / alike, (1 - share) * (1 - alike) / alike)


def one_cell(texts: int, k: int = 1, general: float = 1.0):
    """Means of ``texts`` texts a combination; with k > 1 skills fractions of one text."""

    def draw(rng: np.random.Generator, share: float, trials: int, n: int) -> tuple[Values, ...]:
        shown = rng.binomial(texts * k, chances(share, rng.random((trials, n)))) / (texts * k)
        return (shown * (rng.random((trials, n)) < general),)

    return draw


def two_cells(texts: int, paired: bool):
    """The same for two models, on the same combinations or on others."""

    def draw(rng: np.random.Generator, share: float, trials: int, n: int) -> tuple[Values, ...]:
        ranks = rng.random((trials, n))
        others = ranks if paired else rng.random((trials, n))
        chance = chances(share, ranks), chances(BETTER[share], others)
        return tuple(rng.binomial(texts, found) / texts for found in chance)

    return draw


def by_topic(topics: int):
    """0/1 marks, and the topic of each."""

    def draw(rng: np.random.Generator, share: float, trials: int, n: int) -> tuple[Values, ...]:
        topic = np.tile(np.arange(n) % topics, (trials, 1))
        chance = np.take_along_axis(chances(share, rng.random((trials, topics)), TOPIC_ALIKE), topic, axis=1)
        return (rng.random((trials, n)) < chance).astype(float), topic

    return draw


def wald(values: Values, *_: Values) -> Ends:
    """Mean +- z standard errors."""
    half = Z * values.std() / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def student(values: Values, other: Values | None = None) -> Ends:
    """Student's t, of the differences where there are two samples."""
    found = values if other is None else other - values
    half = stats.t.ppf(0.975, len(found) - 1) * stats.sem(found)
    return found.mean() - half, found.mean() + half


def bca(values: Values, other: Values | None = None) -> Ends:
    """BCa bootstrap of 2,000 resamples; the point itself where all values are equal."""
    found = values if other is None else other - values
    if np.ptp(found) == 0:
        return found[0], found[0]
    ends = stats.bootstrap((found,), np.mean, n_resamples=2_000, method="BCa", rng=np.random.default_rng(0))
    return ends.confidence_interval.low, ends.confidence_interval.high


def paired(a: Values, b: Values) -> Ends:
    """The interval of a paired difference."""
    found = paired_difference(a, b)
    return found.low, found.high


def blind(values: Values, _: Values) -> Ends:
    """Our interval of one cell, as if there were no topics."""
    return share_interval(values)


def own(share: float) -> float:
    """The truth of one cell."""
    return share


def rise(share: float) -> float:
    """The truth of a comparison."""
    return BETTER[share] - share


WORLDS = {
    "full marks, 1 text": World(one_cell(1), own, share_interval, {"Wald": wald, "BCa": bca}),
    "full marks, mean of 3 texts": World(one_cell(3), own, share_interval, {"t": student, "BCa": bca}),
    "skills fraction, k = 3": World(
        one_cell(1, k=3, general=GENERAL), lambda share: GENERAL * share, share_interval, {"t": student, "BCa": bca}
    ),
    "paired, 1 text": World(two_cells(1, True), rise, paired, {"t": student, "BCa": bca}),
    "paired, mean of 3 texts": World(two_cells(3, True), rise, paired, {"t": student, "BCa": bca}),
    "unpaired, 1 text": World(two_cells(1, False), rise, newcombe),
    "unpaired, mean of 3 texts": World(two_cells(3, False), rise, newcombe),
    "full marks on 30 topics": World(by_topic(30), own, cluster_interval, {"no clusters": blind}),
    "full marks on 4 topics": World(by_topic(4), own, cluster_interval, {"no clusters": blind}),
}


def cover(name: str, share: float, n: int, trials: int = TRIALS, others: bool = False) -> dict[str, float]:
    """Share of trials whose interval holds the truth, ours first, then the others by name."""
    world = WORLDS[name]
    rng = np.random.default_rng([list(WORLDS).index(name), int(share * 100), n])
    samples = list(zip(*world.draw(rng, share, trials, n), strict=True))
    truth = world.truth(share)
    kinds = {"ours": world.ours} | (dict(world.others) if others else {})
    return {
        kind: float(np.mean([_holds(interval(*sample), truth) for sample in samples]))
        for kind, interval in kinds.items()
    }


def _holds(ends: Ends, truth: float) -> bool:
    return ends[0] <= truth <= ends[1]


def main() -> None:
    """Prints the table as Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=TRIALS)
    options.add_argument("--others", action="store_true", help="beside other intervals; four times as long")
    given = options.parse_args()
    heads = [f"{share:g}, {n}" for share in SHARES for n in SIZES]
    print(f"| share, n | interval | {' | '.join(heads)} |\n|---|---|{'---|' * len(heads)}")
    for name in WORLDS:
        found = [cover(name, share, n, given.trials, given.others) for share in SHARES for n in SIZES]
        for kind in found[0]:
            print(f"| {name} | {kind} | {' | '.join(f'{one[kind]:.3f}' for one in found)} |", flush=True)


if __name__ == "__main__":
    main()
