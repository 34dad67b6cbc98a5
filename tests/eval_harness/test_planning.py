"""n and power, against exact power and simulated studies; calls and costs of the command."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from intervals_simulated import chances
from scipy import stats

from datasets_builder.skillmix.errors import UsageError
from eval_harness.planning import Design, Plan, Requirement, plan_effect, plan_n
from eval_harness.stats import mcnemar_exact, newcombe

Run = Callable[..., tuple[int, str, str]]


def requirement(plan: Plan, design: str, cells: int) -> Requirement:
    """One line of a plan."""
    (found,) = [one for one in plan.requirements if (one.design, one.cells) == (design, cells)]
    return found


def exact_power(n: int, discordance: float, effect: float, alpha: float) -> float:
    """Of McNemar's exact test, by the sum over every number of changed combinations."""
    gain, power = (discordance + effect) / 2 / discordance, 0.0
    for changed in range(1, n + 1):
        if (chance := stats.binom.pmf(changed, n, discordance)) > 1e-10:
            rejected = [i for i in range(changed + 1) if mcnemar_exact(i, changed - i) <= alpha]
            power += chance * stats.binom.pmf(rejected, changed, gain).sum()
    return power


@pytest.mark.parametrize(("base", "effect"), [(0.05, 0.1), (0.37, 0.15), (0.85, 0.1)])
def test_a_paired_plan_has_the_power_of_the_exact_test(base: float, effect: float) -> None:
    design = Design(base=base, cells=5)
    plan = plan_n(design, effect)
    for cells in (1, 5):
        n = requirement(plan, "paired", cells).n
        assert exact_power(n, design.discordance(effect), effect, 0.05 / cells) == pytest.approx(0.81, abs=0.035)


@pytest.mark.parametrize(("design", "generations"), [("paired", 1), ("paired", 3), ("unpaired", 1), ("unpaired", 3)])
def test_simulated_studies_find_the_effect_as_often_as_planned(design: str, generations: int) -> None:
    """Texts are drawn from beta distributed chances that both models share the rank of, as ``Design`` assumes."""
    base, effect, trials = 0.37, 0.12, 1_000
    n = requirement(plan_n(Design(base=base, generations=generations), effect), design, 1).n
    rng = np.random.default_rng(0)
    ranks = rng.random((trials, n))
    other = ranks if design == "paired" else rng.random((trials, n))
    a = rng.binomial(generations, chances(base, ranks)) / generations
    b = rng.binomial(generations, chances(base + effect, other)) / generations
    found = [_detects(x, y, design) for x, y in zip(a, b, strict=True)]
    assert np.mean(found) == pytest.approx(0.81, abs=0.04)


def _detects(a: np.ndarray, b: np.ndarray, design: str) -> bool:
    """By the interval, or for pairs by the normal form of the test that exchanges both runs."""
    if design == "unpaired":
        return newcombe(a, b).low > 0
    return float((b - a).sum()) > 1.96 * float(((b - a) ** 2).sum()) ** 0.5


def test_discordance_follows_from_shares_and_correlation() -> None:
    design = Design(base=0.05, correlation=0.3)
    assert design.discordance(0.1) == pytest.approx(0.0475 + 0.1275 - 0.6 * (0.0475 * 0.1275) ** 0.5 + 0.01)
    assert design.correlation_at(0.1) == pytest.approx(0.3)
    assert Design(base=0.05, correlation=1).discordance(0.1) == pytest.approx(0.1)  # no less than the effect


def test_pairing_and_more_texts_need_fewer_combinations_and_more_cells_need_more() -> None:
    one, three = (plan_n(Design(generations=g), 0.1) for g in (1, 3))
    sizes = [requirement(one, design, cells).n for cells in (1, 10) for design in ("paired", "unpaired")]
    assert sizes == [117, 151, 192, 249]
    assert all(a.n > b.n for a, b in zip(one.requirements, three.requirements, strict=True))
    many = plan_n(Design(generations=10**6, correlation=0.3), 0.1)
    assert requirement(many, "unpaired", 1).n > 0.25 * 151  # texts do not replace combinations


def test_the_reverse_is_the_reverse() -> None:
    design = Design(base=0.2, generations=3)
    for found in plan_n(design, 0.08).requirements:
        back = requirement(plan_effect(design, found.n), found.design, found.cells)
        assert back.effect == pytest.approx(0.08, rel=0.02) and back.n == found.n


def test_intervals_are_those_that_an_evaluation_prints() -> None:
    low, high = plan_effect(Design(base=0.37), 300).intervals()
    assert (low.high - low.low) / 2 == pytest.approx(0.054, abs=0.001)  # as much as in docs/statistics.md
    assert low.high < high.high
    narrow, _ = plan_effect(Design(base=0.37, generations=3), 300).intervals()
    assert narrow.high - narrow.low < low.high - low.low


def test_ways_that_cannot_work_are_left_out() -> None:
    plan = plan_effect(Design(base=0.9), 100)
    assert [(found.design, found.cells) for found in plan.requirements] == [("paired", 1), ("unpaired", 1)]
    with pytest.raises(UsageError, match=r"no effect on a base of 0\.95"):
        plan_effect(Design(base=0.95), 20)
    with pytest.raises(UsageError, match=r"--effect 0\.96: a share added to the base"):
        plan_n(Design(), 0.96)


# the command


def test_it_prints_n_assumptions_and_calls(dskill: Run) -> None:
    code, out, err = dskill("plan", "--effect", 0.1, "--generations", 1)
    assert code == 0, err
    assert "paired                 1       117    10.0                       +-6.5          5,850" in out
    assert "correlate by 0.30" in out and "differ on 13.8% of the combinations" in out
    assert "10 cells x n x 1 generations x (2 turns + 3 votes)" in out and "Costs: name --model" in out


def test_costs_are_counted_by_prompts_and_prices_and_unknown_ones_said(dskill: Run) -> None:
    models = ["--model", "openai/gpt-4.1-mini", "--grader", "openai/nobody-knows"]
    code, out, err = dskill("plan", "--n", 300, *models, "--generations", 1, "--cells", 2, "--votes", 1)
    assert code == 0, err
    assert "student  openai/gpt-4.1-mini" in out and "1,200" in out  # 2 cells x 300 x 2 turns
    assert "unknown" in out and "openai/nobody-knows: price unknown" in out
    found = json.loads(dskill("plan", "--n", 300, *models, "--generations", 1, "--cells", 2, "--json")[1])
    assert found["calls"] == 2 * 300 * (2 + 3) and found["usd"]["unknown"] == ["openai/nobody-knows"]
    assert 0 < found["usd"]["low"] < found["usd"]["high"] < 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["--effect", "--n"]),
        (["--effect", "0.1", "--n", "9"], ["either --effect"]),
        (["--effect", "0.1", "--model", "openai/gpt-4.1"], ["--model and --grader"]),
        (["--effect", "2"], ["--effect 2", "0.9499"]),
        (["--effect", "nan"], ["--effect nan"]),
    ],
)
def test_a_mistake_is_one_line(dskill: Run, options: list[str], words: list[str]) -> None:
    code, out, err = dskill("plan", *options)
    assert code == 2 and not out and len(err.strip().splitlines()) == 1 and err.startswith("error: "), err
    assert all(word in err for word in words), err
