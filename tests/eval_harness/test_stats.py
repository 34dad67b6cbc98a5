"""Intervals and paired tests against published or independently computed values."""

from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats

from eval_harness.jackknife import leave_one_skill_out
from eval_harness.stats import (
    Interval,
    cluster_interval,
    cluster_se,
    detectable_difference,
    holm,
    mcnemar_exact,
    newcombe,
    paired_difference,
    share_interval,
    sign_flip_test,
    unpaired_difference,
    wilson,
)


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


def test_means_of_texts_are_worth_more_than_0_1_values_and_fewer_than_their_texts() -> None:
    means = [0, 1 / 3, 2 / 3, 1] * 25
    low, high = share_interval(means)
    assert high - low < wilson(50, 100).high - wilson(50, 100).low
    assert high - low > wilson(150, 300).high - wilson(150, 300).low


def test_exchanging_0_1_values_is_mcnemars_test() -> None:
    a, b = [0] * 6 + [1] * 2 + [0, 1] * 10, [1] * 6 + [0] * 2 + [0, 1] * 10
    assert sign_flip_test(a, b) == pytest.approx(mcnemar_exact(6, 2))
    assert sign_flip_test(a, a) == 1.0


def test_many_exchanges_are_drawn_at_random_and_always_alike() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(200)
    b = a + rng.normal(0.03, 0.2, 200)
    found = sign_flip_test(a, b)
    assert found == sign_flip_test(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.01)


def test_unpaired_difference_gives_newcombes_published_interval() -> None:
    a, b = [1] * 48 + [0] * 32, [1] * 56 + [0] * 14  # Newcombe (1998), example (a), method 10
    assert newcombe(a, b) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    found = unpaired_difference(a, b)
    assert (found.n_a, found.n_b, found.difference) == (80, 70, pytest.approx(0.2))
    assert found.p_value == pytest.approx(stats.fisher_exact([[48, 32], [56, 14]]).pvalue, abs=0.005)
    with pytest.raises(ValueError, match="two samples"):
        newcombe([], [1])


def test_holm_adjusts_by_rank_and_keeps_the_order() -> None:
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06]) and holm([]) == []


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    assert detectable_difference(Interval(-1.96, 1.96)) == pytest.approx(2.80, abs=0.005)
    assert detectable_difference(Interval(-1.96, 1.96), power=0.9) == pytest.approx(3.24, abs=0.005)


def test_the_clustered_error_is_that_of_the_sums_of_clusters() -> None:
    values, topics = [1, 1, 0, 0, 0, 1, 1, 1], list("aaabbbcc")
    residues = [sum(v - 0.625 for v, t in zip(values, topics, strict=True) if t == topic) for topic in "abc"]
    expected = sqrt(sum(r * r for r in residues)) / 8 * sqrt(3 / 2 * 7 / 7)  # G/(G-1) (n-1)/(n-1)
    assert cluster_se(values, topics) == pytest.approx(expected)
    assert cluster_se(values, ["a"] * 8) is None is cluster_interval(values, ["a"] * 8)


def test_topics_widen_an_interval_and_never_narrow_it() -> None:
    alike, unlike = [0] * 20 + [1] * 20, [0, 1] * 20
    topics = [str(i // 5) for i in range(40)]
    plain = wilson(20, 40)
    for values in (alike, unlike):
        found = cluster_interval(values, topics)
        assert found is not None and found.low < plain.low and found.high > plain.high
    assert cluster_interval(alike, topics).low < cluster_interval(unlike, topics).low
    assert cluster_interval([0.0] * 40, topics) == wilson(0, 40)


def draw_skills(rng: np.random.Generator, n: int, skills: int, k: int) -> list[tuple[str, ...]]:
    """The skills of ``n`` combinations."""
    return [tuple(f"s{i}" for i in rng.choice(skills, k, replace=False)) for _ in range(n)]


def test_leaving_out_a_skill_finds_the_one_that_decides() -> None:
    rng = np.random.default_rng(0)
    asked = draw_skills(rng, 300, 12, 2)
    values = [float(rng.random() < (0.1 if "s3" in skills else 0.7)) for skills in asked]
    found = leave_one_skill_out(values, asked)
    assert found is not None and found.skill == "s3" and found.change > 0.05 and found.flagged
    without = [v for v, skills in zip(values, asked, strict=True) if "s3" not in skills]
    assert found.change == pytest.approx(np.mean(without) - np.mean(values))


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_jackknife_over_skills_has_the_error_of_drawing_other_skills(k: int) -> None:
    rng = np.random.default_rng(k)
    means, variances = [], []
    for _ in range(300):
        asked, effect = draw_skills(rng, 120, 16, k), rng.normal(0, 0.1, 16)
        values = [0.5 + sum(effect[int(s[1:])] for s in skills) + rng.normal(0, 0.3) for skills in asked]
        found = leave_one_skill_out(values, asked)
        assert found is not None
        means.append(np.mean(values))
        variances.append(found.se**2)
    assert sqrt(np.mean(variances)) == pytest.approx(np.std(means), rel=0.12)


def test_noise_alone_is_rarely_flagged() -> None:
    rng = np.random.default_rng(1)
    found = [
        leave_one_skill_out((rng.random(200) < 0.4).astype(float), draw_skills(rng, 200, 12, 4)) for _ in range(200)
    ]
    assert sum(one is not None and one.growth > 1.5 for one in found) > 40  # with k = 4 of 12 a wide error is common
    assert sum(one is not None and one.flagged for one in found) <= 20
    assert leave_one_skill_out([0.0, 1.0], [("a", "b"), ("a", "c")]) is None  # a is in every combination
    assert leave_one_skill_out([0.0, 1.0], [("a",), ("b",)]) is None
