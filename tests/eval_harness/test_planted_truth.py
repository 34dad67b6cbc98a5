"""Planted truth: the intervals of an audit hold what was planted in about 95 % of simulations; docs/judges.md."""

import numpy as np
import pytest
from planted_judges import AUDITS, FEW, PAIRS, Judged, Pair, cover_audit, cover_kappa

SIMULATIONS = 2_000  # the error of a coverage is then 0.005
LEAST, MOST = 0.93, 0.97


@pytest.mark.slow
@pytest.mark.parametrize("judged", AUDITS, ids=str)
def test_the_intervals_of_an_audit_hold_the_truth(judged: Judged) -> None:
    found = cover_audit(judged, SIMULATIONS)
    covered = {name: found[name] for name in ("sensitivity", "specificity", "ppi", "rogan_gladen")}
    assert all(LEAST <= share <= MOST for share in covered.values()), covered
    assert found["raw"] < 0.85 and found["undefined"] < 0.01  # the grader's own share of full marks does not hold it


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_bootstrap_of_kappa_holds_the_truth(pair: Pair) -> None:
    assert LEAST <= cover_kappa(pair, SIMULATIONS) <= MOST


@pytest.mark.slow
@pytest.mark.parametrize("judged", FEW, ids=str)
def test_where_there_is_little_of_a_kind_the_intervals_hold_it_nearly_as_often(judged: Judged) -> None:
    found = cover_audit(judged, SIMULATIONS)
    assert all(0.92 <= found[name] <= 0.98 for name in ("sensitivity", "specificity", "ppi", "rogan_gladen")), found


def test_the_true_kappa_is_that_of_endless_marks() -> None:
    pair = PAIRS[0]._replace(groups=20_000)
    first, second = (np.array([item.given[i] for item in pair.draw(np.random.default_rng(0))]) for i in (0, 1))
    chance = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    assert ((first == second).mean() - chance) / (1 - chance) == pytest.approx(pair.true_kappa(), abs=0.01)


@pytest.mark.parametrize("judged", AUDITS[:3], ids=str)
def test_one_simulation_in_twenty_may_miss_and_not_one_in_five(judged: Judged) -> None:
    found = cover_audit(judged, 50)
    assert min(found[name] for name in ("sensitivity", "specificity", "ppi", "rogan_gladen")) >= 0.8
    assert found["raw"] <= 0.8
