"""Agreement against values from the literature and from the libraries, and what stands beside it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_runs import draw_truth, err, label, make_run, true_row

from datasets_builder.skillmix.errors import UsageError
from eval_harness.agreement import _OF_SUMS, Agreement, _cohen, _count, _fleiss, _Item, _krippendorff, agree, agree_runs
from eval_harness.raters import KINDS, Place, Rater

MARK = st.sampled_from([True, False, None])


def raters_of(*columns: str) -> list[Rater]:
    """Raters of one criterion: a letter a text, 1 and 0 for marks, - for none."""
    places = [Place("train", 1, f"c{i}", 1) for i in range(len(columns[0]))]
    marks = [{p: {"sense": c == "1"} for p, c in zip(places, col, strict=True) if c != "-"} for col in columns]
    return [Rater(f"r{i}", found, {}) for i, found in enumerate(marks)]


def one(raters: list[Rater], between: str = "raters") -> Agreement:
    (found,) = agree(raters, "texts", between)  # type: ignore[arg-type]
    return found


def test_cohen_of_a_published_table() -> None:
    """20 both yes, 5 and 10 split, 15 both no: 0.4 (the usual textbook example)."""
    found = one(raters_of("1" * 25 + "0" * 25, "1" * 20 + "0" * 5 + "1" * 10 + "0" * 15))
    assert found.cohen == pytest.approx(0.4) and found.raw == pytest.approx(0.7)
    assert found.prevalence == pytest.approx(0.55) and found.n == found.combinations == 50
    low, high = found.intervals["cohen"]
    assert 0.1 < low < 0.4 < high < 0.66


def test_krippendorff_takes_missing_marks_as_in_his_own_example() -> None:
    """Two observers, ten binary units (Krippendorff 2011, section A): alpha 0.095; a unit seen once changes nothing."""
    found = one(raters_of("0100000010-", "1110010000" + "1"))
    assert found.krippendorff == pytest.approx(0.095, abs=5e-4) and found.n == 10


@given(st.lists(st.tuples(st.integers(0, 4), st.tuples(MARK, MARK, MARK)), min_size=4, max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_is_resampled_is_what_the_libraries_compute(drawn: list[tuple[int, tuple[bool | None, ...]]]) -> None:
    items = [_Item(("train", 1, str(unit)), marks) for unit, marks in drawn if sum(m is not None for m in marks) > 1]
    if not 0 < sum(sum(item.marks) for item in items) < sum(len(item.marks) for item in items):
        return
    assert _OF_SUMS["krippendorff"](_count(items).sum(axis=0)) == pytest.approx(_krippendorff(items))
    pairs = [_Item(item.unit, item.given[:2]) for item in items if None not in item.given[:2]]
    if pairs and 0 < sum(sum(item.marks) for item in pairs) < 2 * len(pairs):
        assert _OF_SUMS["cohen"](_count(pairs).sum(axis=0)) == pytest.approx(_cohen(pairs))
        n = 2 * len(pairs)  # alpha and Fleiss differ by a small-sample term alone
        fleiss = _fleiss(pairs)
        assert fleiss is not None
        assert _OF_SUMS["krippendorff"](_count(pairs).sum(axis=0)) == pytest.approx(1 - (1 - fleiss) * (n - 1) / n)


def test_where_nearly_all_marks_are_awarded_agreement_is_high_and_alpha_low() -> None:
    found = one(raters_of("1" * 96 + "0011", "1" * 96 + "1100"))
    assert found.raw == 0.96 and found.prevalence == 0.98 and found.krippendorff is not None
    assert found.krippendorff < 0.05


def test_where_all_marks_are_equal_there_is_no_coefficient() -> None:
    found = one(raters_of("1" * 30, "1" * 30))
    assert (found.raw, found.cohen, found.fleiss, found.krippendorff) == (1.0, None, None, None)


def test_below_thirty_combinations_there_is_no_interval() -> None:
    assert one(raters_of("1010" * 7 + "1", "1011" * 7 + "1")).intervals == {}


def test_texts_of_one_combination_do_not_count_as_independent() -> None:
    columns = "1100" * 15, "1001" * 15
    apart = one(raters_of(*columns))
    together = [
        Rater(r.label, {Place("train", 1, f"c{i // 4}", i % 4): m for i, m in enumerate(r.marks.values())}, {})
        for r in raters_of(*columns)
    ]
    assert one(together).krippendorff == apart.krippendorff and "krippendorff" not in one(together).intervals
    assert one(together).combinations == 15 and "krippendorff" in apart.intervals


def test_votes_of_one_grader_by_kind_and_by_skill() -> None:
    run = make_run(draw_truth(60, 2, 0), err(0.1, 0.1, 0, votes=3))
    found = agree_runs([run], ["judge"])
    assert [a.criterion for a in found] == [*KINDS, "deixis", "simile"]
    assert all(a.between == "votes" and a.cohen is None and a.fleiss is not None for a in found)
    assert found[0].raters == ("judge, vote 1", "judge, vote 2", "judge, vote 3") and found[0].n == 120
    assert found[0].raw == pytest.approx(0.82, abs=0.04)  # 0.9^2 + 0.1^2


def test_an_unreadable_vote_is_missing_and_no_zero() -> None:
    rows = draw_truth(40, 1, 0)
    cast = err(0, 0, 0, votes=3)
    run = make_run(rows, lambda row: [*cast(row)[:2], None] if row.combination < "k1-0020" else cast(row))
    assert all(a.raw == 1.0 for a in agree_runs([run], ["judge"]))


def test_graders_of_the_same_texts_two_by_two_and_together() -> None:
    rows = draw_truth(50, 1, 0)
    runs = [make_run(rows, err(0.1, 0.1, i), grader=f"judge/{i}") for i in range(3)]
    found = [a for a in agree_runs(runs, ["a", "b", "c"]) if a.criterion == "skills"]
    assert [a.raters for a in found] == [("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]
    assert [a.cohen is None for a in found] == [False, False, False, True]


def test_students_are_compared_one_by_one() -> None:
    runs = [
        make_run(draw_truth(30, 1, seed), err(0.1, 0.1, i), grader=f"judge/{i}", model=f"student/{seed}")
        for seed in (0, 1)
        for i in (0, 1)
    ]
    found = [a for a in agree_runs(runs, ["a", "b", "a", "b"]) if a.criterion == "topic"]
    assert [(a.texts, a.raters) for a in found] == [("student/0", ("a", "b")), ("student/1", ("a", "b"))]


def test_length_is_compared_as_the_graders_said_it_and_full_marks_as_they_count() -> None:
    rows = [true_row(i, 1, dict.fromkeys(["simile", "topic", "sense", "length"], True)) for i in range(20)]
    long = [row.model_copy(update={"too_long": True, "full_marks": False}) for row in rows]
    blind = make_run(rows, lambda row: [dict.fromkeys(["simile", "topic", "sense"], True) | {"length": False}])
    runs = [make_run(long), blind]
    found = {a.criterion: a.raw for a in agree_runs(runs, ["a", "b"])}
    assert found["length"] == 0.0 and found["full marks"] == 1.0


def test_people_are_raters_too() -> None:
    rows = draw_truth(40, 1, 0)
    run = make_run(rows, err(0.1, 0.1, 0))
    labels = pl.concat([label(rows, "ada"), label(rows[:20], "ben")])
    found = {a.raters: a for a in agree_runs([run], ["judge"], labels) if a.criterion == "full marks"}
    assert set(found) == {("judge", "ada"), ("judge", "ben"), ("ada", "ben"), ("judge", "ada", "ben")}
    assert (found["ada", "ben"].raw, found["ada", "ben"].n, found["judge", "ada"].n) == (1.0, 20, 40)
    assert not any(a.criterion == "length" for a in agree_runs([run], ["judge"], labels))  # nobody asked them


def test_what_cannot_be_compared_is_told() -> None:
    run = make_run(draw_truth(20, 1, 0))
    with pytest.raises(UsageError, match="one grader with one vote"):
        agree_runs([run], ["a"])
    with pytest.raises(UsageError, match=r"b: .* other texts, first k1-0000 of train k = 1"):
        other = [row.model_copy(update={"text": "another"}) for row in draw_truth(20, 1, 0)]
        agree_runs([run, make_run(other)], ["a", "b"])
    with pytest.raises(UsageError, match="no label is of a text"):
        agree_runs([run], ["a"], label(draw_truth(5, 2, 0), "ada"))


def test_the_bootstrap_is_no_random_number() -> None:
    raters = raters_of("1101001110" * 3, "1001011110" * 3)
    assert one(raters) == one(raters)
    assert np.isfinite(one(raters).intervals["raw"]).all()
