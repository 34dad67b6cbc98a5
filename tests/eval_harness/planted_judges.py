"""Simulated judges with known errors over texts with known marks: how often the intervals of an audit hold the truth.

python tests/eval_harness/planted_judges.py [simulations]          prints the tables of docs/judges.md, in minutes
"""

import sys
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval_harness.agreement import _OF_SUMS, _bootstrap, _count, _Item
from eval_harness.audit import Share, _rate, ppi_mean, rogan_gladen

Floats = NDArray[np.float64]
SPREAD = 4.0  # a + b of the beta distribution that the rates of one combination come from


class Judged(NamedTuple):
    """A judge on ``texts`` texts, ``per`` of each combination, of which a random ``known`` are labelled."""

    full_marks: float
    texts: int
    known: int
    false_positive: float = 0.1
    false_negative: float = 0.1
    per: int = 1
    alike: bool = False  # whether the texts of a combination share how good they are and how hard to judge

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats, list[str]]:
        """True full marks, the judge's, and the combinations."""
        groups = self.texts // self.per
        good, wrong_yes, wrong_no = (
            rng.beta(rate * SPREAD, (1 - rate) * SPREAD, groups) if self.alike else np.full(groups, rate)
            for rate in (self.full_marks, self.false_positive, self.false_negative)
        )
        of = np.arange(self.texts) // self.per
        truth, chance = rng.random(self.texts) < good[of], rng.random(self.texts)
        given = np.where(truth, chance >= wrong_no[of], chance < wrong_yes[of])
        return truth.astype(float), given.astype(float), [f"c{i}" for i in of]

    def label(self, truth: Floats, rng: np.random.Generator) -> Floats:
        """The truth where it is known: every text is as likely."""
        return np.where(rng.permutation(self.texts) < self.known, truth, np.nan)


class Pair(NamedTuple):
    """Two judges of ``groups`` combinations with ``per`` marks each, awarded with this chance."""

    awarded: float
    groups: int
    per: int
    alike: bool = False
    errors: tuple[tuple[float, float], tuple[float, float]] = ((0.1, 0.1), (0.05, 0.15))  # (positive, negative) each

    def true_kappa(self) -> float:
        """Cohen's coefficient of endless marks."""
        table = np.zeros(4)
        for mark, chance in ((1, self.awarded), (0, 1 - self.awarded)):
            yes = [1 - negative if mark else positive for positive, negative in self.errors]
            table += chance * np.array(
                [(1 - yes[0]) * (1 - yes[1]), (1 - yes[0]) * yes[1], yes[0] * (1 - yes[1]), yes[0] * yes[1]]
            )
        return float(_OF_SUMS["cohen"](np.concatenate([np.zeros(5), table])))

    def draw(self, rng: np.random.Generator) -> list[_Item]:
        """Both judges' marks."""
        good = np.full(self.groups, self.awarded)
        if self.alike:
            good = rng.beta(self.awarded * SPREAD, (1 - self.awarded) * SPREAD, self.groups)
        truth = rng.random((self.groups, self.per)) < good[:, None]
        chance = rng.random((2, self.groups, self.per))
        given = [np.where(truth, c >= no, c < yes) for c, (yes, no) in zip(chance, self.errors, strict=True)]
        places = np.ndindex(self.groups, self.per)
        return [_Item(("train", 1, f"c{i}"), (bool(given[0][i, j]), bool(given[1][i, j]))) for i, j in places]


AUDITS = (
    Judged(0.04, 1000, 200),
    Judged(0.37, 1000, 200),
    Judged(0.9, 1000, 200),
    Judged(0.37, 1000, 100, 0.05, 0.2),
    Judged(0.37, 300, 300),
    Judged(0.37, 900, 200, per=3, alike=True),
    Judged(0.2, 900, 900, 0.2, 0.1, per=3, alike=True),
)
PAIRS = (
    Pair(0.37, 100, 3),
    Pair(0.8, 100, 3),
    Pair(0.95, 100, 3),
    Pair(0.95, 30, 3),
    Pair(0.8, 300, 1),
    Pair(0.8, 100, 3, alike=True),
)
FEW = (  # few labels, combinations or errors: where intervals strain
    Judged(0.04, 300, 30),
    Judged(0.04, 300, 100),
    Judged(0.9, 300, 60),
    Judged(0.37, 1000, 200, 0.01, 0.01),
    Judged(0.37, 60, 60, per=3, alike=True),
)


def cover_audit(judged: Judged, simulations: int) -> dict[str, float]:
    """How often each interval holds the truth, of the simulations in which it exists; and how often it does."""
    rng = np.random.default_rng(2024)
    held, made = Counter[str](), Counter[str]()
    aims = {
        "sensitivity": 1 - judged.false_negative,
        "specificity": 1 - judged.false_positive,
        **dict.fromkeys(("raw", "ppi", "rogan_gladen"), judged.full_marks),
    }
    for _ in range(simulations):
        truth, given, units = judged.draw(rng)
        labels = judged.label(truth, rng)
        for name, found in _estimate(labels, given, units).items():
            made[name] += found is not None
            held[name] += found is not None and found.low <= aims[name] <= found.high
    return {name: held[name] / made[name] for name in aims} | {"undefined": 1 - made["rogan_gladen"] / simulations}


def cover_kappa(pair: Pair, simulations: int) -> float:
    """How often the bootstrap over combinations holds Cohen's coefficient."""
    rng, aim, held = np.random.default_rng(2024), pair.true_kappa(), 0
    for _ in range(simulations):
        found = _bootstrap(_count(pair.draw(rng)), _OF_SUMS["cohen"])
        held += found is not None and found[0] <= aim <= found[1]
    return held / simulations


def _estimate(labels: Floats, given: Floats, units: list[str]) -> dict[str, Share | None]:
    good, poor = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    return {
        "sensitivity": _rate(list(given[good]), [units[i] for i in good]),
        "specificity": _rate(list(1 - given[poor]), [units[i] for i in poor]),
        "raw": _rate(list(given), units),
        "ppi": ppi_mean(labels, given, units),
        "rogan_gladen": rogan_gladen(labels, given, units),
    }


def main() -> None:
    """Prints both tables as markdown."""
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| full marks | texts (a combination) | labelled | f+ / f- | sens. | spec. | raw | PPI++ | RG | no RG |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for judged in (*AUDITS, *FEW):
        found = cover_audit(judged, simulations)
        texts = f"{judged.texts} ({judged.per}{', alike' if judged.alike else ''})"
        errors = f"{judged.false_positive} / {judged.false_negative}"
        figures = " | ".join(f"{share:.3f}" for share in found.values())
        print(f"| {judged.full_marks} | {texts} | {judged.known} | {errors} | {figures} |", flush=True)
    print("\n| awarded | combinations x marks | true kappa | coverage |\n|---|---|---|---|")
    for pair in PAIRS:
        size = f"{pair.groups} x {pair.per}{', alike' if pair.alike else ''}"
        coverage = cover_kappa(pair, simulations)
        print(f"| {pair.awarded} | {size} | {pair.true_kappa():.3f} | {coverage:.3f} |", flush=True)


if __name__ == "__main__":
    main()
