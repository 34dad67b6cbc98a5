"""Intervals and paired tests against published or independently computed values."""

from math import comb

import pytest

from eval_harness.stats import mcnemar_exact, paired_difference, share_interval, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (4, 100, 0.0157, 0.0984),
        (37, 100, 0.2818, 0.4678),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson_gives_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_no_data_is_no_knowledge() -> None:
    assert wilson(0, 0) == (0.0, 1.0) == share_interval([])


def test_a_share_interval_never_leaves_the_unit_interval_nor_claims_certainty() -> None:
    assert share_interval([0.0] * 50) == wilson(0, 50)
    for values in ([1.0, 1.0, 1.0, 0.9], [0.0] * 99 + [1.0], [0.5, 0.6]):
        low, high = share_interval(values)
        assert 0 <= low < sum(values) / len(values) < high <= 1


def test_a_share_interval_is_close_to_t_for_plain_values() -> None:
    values = [i / 200 for i in range(201)]
    low, high = share_interval(values)
    half = 1.972 * (sum((v - 0.5) ** 2 for v in values) / 200 / 201) ** 0.5
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.005)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (5, 5), (9, 1), (20, 6)])
def test_mcnemar_is_the_two_sided_binomial(gained: int, lost: int) -> None:
    n, tail = gained + lost, min(gained, lost)
    expected = min(1.0, 2 * sum(comb(n, i) for i in range(tail + 1)) / 2**n)
    assert mcnemar_exact(gained, lost) == pytest.approx(expected)


def test_a_paired_gain() -> None:
    found = paired_difference([0] * 60 + [1] * 40, [0] * 35 + [1] * 25 + [0] * 5 + [1] * 35)
    assert (found.n, found.difference, found.gained, found.lost) == (100, pytest.approx(0.2), 25, 5)
    assert (found.low, found.high) == pytest.approx(
        (0.0961, 0.2960), abs=5e-4
    )  # (20 +- 1.96 * sqrt(31 - 400/102)) / 102
    assert found.p_value == pytest.approx(0.000325, abs=1e-6)
    assert not found.tied


def test_models_that_never_differ_are_tied_with_an_open_interval() -> None:
    found = paired_difference([0, 1] * 50, [0, 1] * 50)
    assert found.tied and found.p_value == 1.0
    assert found.low < 0 < found.high < 0.03


def test_paired_means_have_an_interval_and_no_mcnemar() -> None:
    a = [i % 5 / 4 for i in range(100)]
    found = paired_difference(a, [min(1, x + (i % 3) / 10) for i, x in enumerate(a)])
    assert found.p_value is None
    assert 0 < found.low < found.difference < found.high < 0.2
    assert paired_difference([0.5] * 20, [0.75] * 20).low < 0.25 < paired_difference([0.5] * 20, [0.75] * 20).high


def test_pairs_need_the_same_combinations() -> None:
    with pytest.raises(ValueError, match="same combinations"):
        paired_difference([1, 0], [1])
