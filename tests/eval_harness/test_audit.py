"""The audit of a grader whose errors are known, and the corrected estimates."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from judged_runs import draw_truth, err, label, make_run, true_row, truth_of

from datasets_builder.skillmix.errors import UsageError
from eval_harness.audit import Audit, audit_run, find_reference, ppi_mean, rogan_gladen
from eval_harness.raters import KINDS, grader_of, majority_of_people
from eval_harness.results import write_run
from eval_harness.stats import share_interval, wilson

MARKS = dict.fromkeys(("simile", "topic", "sense", "length"), True)


def test_errors_are_counted_by_kind() -> None:
    rows = [true_row(i, 1, MARKS | {"sense": i >= 10}) for i in range(30)]
    run = make_run(rows, lambda row: [truth_of(row) | {"sense": row.combination >= "k1-0004", "simile": True}])
    audit = audit_run(run, grader_of(make_run(rows, grader="truth")))
    found = {row.criterion: row for row in audit.rows}
    assert list(found) == list(KINDS) and all(row.n == 30 and row.k is None for row in audit.rows)
    sense = found["sense"]
    assert (sense.false_positives, sense.false_negatives, sense.prevalence) == (6, 0, pytest.approx(2 / 3))
    assert (sense.sensitivity, sense.specificity) == (1.0, 0.4)
    assert (sense.specificity_low, sense.specificity_high) == pytest.approx(wilson(4, 10)[:2])
    assert found["topic"].specificity is None  # the reference refuses none
    assert audit.full_marks_raw == pytest.approx(26 / 30) and audit.full_marks_corrected == pytest.approx(20 / 30)
    assert audit.low < 20 / 30 < audit.high < 26 / 30
    assert Audit.model_validate_json(audit.model_dump_json()) == audit


def test_a_reference_that_knows_every_text_is_the_corrected_estimate() -> None:
    rows = draw_truth(200, 1, 0, awarded=0.8)
    audit = audit_run(make_run(rows, err(0.2, 0.05, 0)), grader_of(make_run(rows)))
    (every,) = audit.estimates
    true = np.mean([row.full_marks for row in rows])
    assert every.n_texts == every.n_reference == 200
    assert every.ppi.value == every.reference.value == pytest.approx(true)
    assert every.rogan_gladen and every.rogan_gladen.value == pytest.approx(true)
    assert (every.rogan_gladen.low, every.rogan_gladen.high) == pytest.approx((every.ppi.low, every.ppi.high), abs=0.01)
    assert (every.ppi.low, every.ppi.high) == pytest.approx(wilson(true * 200, 200), abs=0.003)


def test_a_sample_of_labels_and_a_fair_grader_are_better_than_either() -> None:
    rows = draw_truth(1000, 1, 1, awarded=0.7)
    run = make_run(rows, err(0.2, 0.02, 1))
    (found,) = audit_run(run, majority_of_people(label(rows[::5], "ada"), run)).estimates
    true = float(np.mean([row.full_marks for row in rows]))
    assert (found.n_texts, found.n_reference) == (1000, 200)
    assert found.raw.low > true  # the false marks are outside its interval,
    assert found.ppi.low < true < found.ppi.high  # the corrected one holds the truth,
    assert found.ppi.high - found.ppi.low < 0.85 * (found.reference.high - found.reference.low)  # and is the narrower


def test_a_useless_grader_leaves_the_labels_alone() -> None:
    rng = np.random.default_rng(0)
    truth, given = (rng.random(400) < 0.4).astype(float), (rng.random(400) < 0.4).astype(float)
    truth[100:] = np.nan
    units = [str(i) for i in range(400)]
    found = ppi_mean(truth, given, units)
    assert found.value == pytest.approx(truth[:100].mean(), abs=0.02)
    assert (found.low, found.high) == pytest.approx(share_interval(list(truth[:100])), abs=0.03)
    assert rogan_gladen(truth, given, units) is None
    assert rogan_gladen(np.ones(20), np.ones(20), units[:20]) is None  # no text that should be refused


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_no_estimate_claims_certainty(value: float) -> None:
    found = ppi_mean(np.full(50, value), np.full(50, value), [str(i) for i in range(50)])
    assert (found.value, found.low, found.high) == (value, *wilson(50 * value, 50))


def test_texts_of_one_combination_are_alike() -> None:
    rng = np.random.default_rng(0)
    truth, given = np.repeat(rng.random(100) < 0.5, 3).astype(float), np.repeat(rng.random(100) < 0.5, 3).astype(float)
    truth[90:] = np.nan
    apart, alike = [str(i) for i in range(300)], [str(i // 3) for i in range(300)]
    narrow, wide = (ppi_mean(truth, given, units) for units in (apart, alike))
    assert wide.value == narrow.value and wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    rows = [true_row(i, 1, MARKS | {"sense": i % 2 == 0}, g) for i in range(60) for g in (1, 2, 3)]
    lenient = make_run(rows, lambda row: [MARKS if row.combination < "k1-0030" else truth_of(row)])
    (sense,) = (r for r in audit_run(lenient, grader_of(make_run(rows))).rows if r.criterion == "sense")
    assert sense.specificity == 0.5 and sense.specificity_low and sense.specificity_high
    assert sense.specificity_high - sense.specificity_low > 1.4 * (wilson(45, 90).high - wilson(45, 90).low)


def test_a_lenience_that_grows_with_k_is_seen() -> None:
    rows = [row for k in (1, 2, 4) for row in draw_truth(300, k, 0)]
    casts = {1: err(0.05, 0.05, 0), 2: err(0.2, 0.05, 0), 4: err(0.4, 0.05, 0)}
    run = make_run(rows, lambda row: casts[len(row.skills)](row))
    audit = audit_run(run, grader_of(make_run(rows)))
    skills = {row.k: row for row in audit.rows if row.criterion == "skills"}
    assert list(skills) == [None, 1, 2, 4] and [e.k for e in audit.estimates] == [None, 1, 2, 4]
    rates = [row.specificity for k, row in skills.items() if k]
    assert rates == pytest.approx([0.95, 0.8, 0.6], abs=0.05)


def test_unscored_texts_stand_nowhere_and_are_counted() -> None:
    rows = draw_truth(40, 1, 0)
    cast = err(0, 0, 0)
    run = make_run(rows, lambda row: [None] if row.combination < "k1-0005" else cast(row))
    audit = audit_run(run, grader_of(make_run(rows)))
    assert (audit.unscored, audit.estimates[0].n_texts) == (5, 35)


def test_people_judge_no_length_and_the_program_does() -> None:
    rows = [true_row(i, 1, MARKS) for i in range(20)]
    run = make_run(rows)
    long = run.cells[0].model_copy(
        update={"rows": tuple(r.model_copy(update={"too_long": r.combination < "k1-0005"}) for r in run.cells[0].rows)}
    )
    run = run.model_copy(update={"cells": (long,)})
    audit = audit_run(run, majority_of_people(label(rows, "ada"), run))
    assert [row.criterion for row in audit.rows] == ["skills", "topic", "sense", "full marks"]
    assert audit.rows[-1].false_positives == 5  # this grader's full marks ignore the five that are too long


def test_annotators_who_are_split_say_nothing() -> None:
    rows = draw_truth(10, 1, 0)
    against = label(rows, "ben").with_columns(~pl.col("mark"))
    run = make_run(rows)
    assert majority_of_people(pl.concat([label(rows, "ada"), against]), run).full_marks == {}
    two = pl.concat([label(rows, "ada"), against, label(rows, "cleo")])
    assert majority_of_people(two, run).full_marks == grader_of(run).full_marks


def test_a_reference_is_found_by_what_it_is(tmp_path: Path) -> None:
    rows = draw_truth(20, 1, 0)
    run = make_run(rows, err(0.1, 0.1, 0))
    write_run(make_run(rows, grader="judge/other"), tmp_path / "run")
    assert find_reference("miniature", run).label == "miniature"
    assert find_reference(str(tmp_path / "run"), run).label == "judge/other"
    (tmp_path / "labels").mkdir()
    label(rows, "ada").with_columns(note=pl.lit("")).write_parquet(tmp_path / "labels/ada.parquet")
    assert len(find_reference(str(tmp_path / "labels"), run).full_marks) == 20


def test_a_wrong_reference_is_one_line(tmp_path: Path) -> None:
    run = make_run(draw_truth(20, 1, 0))
    with pytest.raises(UsageError, match="did you mean 'miniature'"):
        find_reference("minature", run)
    with pytest.raises(UsageError, match="cannot mark texts of the catalogue 'full'"):
        find_reference("miniature", make_run(draw_truth(5, 1, 0), catalogue="full"))
    with pytest.raises(UsageError, match="no labels"):
        find_reference(str(tmp_path), run)
    label(draw_truth(5, 2, 0), "ada").with_columns(note=pl.lit("")).write_parquet(tmp_path / "ada.parquet")
    with pytest.raises(UsageError, match="no label is of a text of this run"):
        find_reference(str(tmp_path), run)
    other = make_run([true_row(99, 1, MARKS)])
    with pytest.raises(UsageError, match="share no text"):
        audit_run(run, grader_of(other))
