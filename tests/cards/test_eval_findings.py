"""Sentences follow the numbers: other numbers, other sentences; and no limit of a run is kept back."""

from typing import Any

import pytest
from eval_runs import UNSCORED, change_rows, make_run

from cards.eval_findings import does_not_show, shows
from cards.eval_summary import Report, summarise_runs
from eval_harness.audit import audit_run, find_reference
from eval_harness.results import EvalRun


def told(*runs: EvalRun, **options: Any) -> tuple[str, str]:
    """What is said of runs named a, b, ..."""
    report: Report = summarise_runs(runs, list("abcd"[: len(runs)]), **options)
    return " ".join(shows(report)), " ".join(does_not_show(report))


def test_the_course_over_k_and_where_success_is_clear() -> None:
    said, _ = told(make_run(0.5))
    assert "Train skills, full marks: a has 50 % at k = 2 and 50 % at k = 3, clear success up to k = 3." in said
    assert "Held-out skills, full marks: a has 50 % at k = 2, clear success up to k = 2." in said
    assert "clear success at no k" in told(make_run(0.0))[0]


def test_a_difference_is_told_with_its_points_and_its_way() -> None:
    assert (
        "Train skills: b has more full marks than a at k = 2 (+60 points) and 3 (+60)."
        in told(make_run(0.2), make_run(0.8))[0]
    )
    assert (
        "Train skills: b has fewer full marks than a at k = 2 (-60 points) and 3 (-60)."
        in told(make_run(0.8), make_run(0.2))[0]
    )


def test_a_tie_is_told_with_what_would_have_shown() -> None:
    said, _ = told(make_run(0.5), make_run(0.5))
    assert "at k = 2 and 3 b and a are not told apart (a true difference of" in said
    assert "more full marks" not in said and "0 have an interval without zero; 0 keep p < 0.05" in said


def test_unscored_texts_are_no_zeros() -> None:
    _, limits = told(change_rows(make_run(0.5), 0, **UNSCORED))
    assert "1 of 60 texts had no readable verdict" in limits and "not a score of 0" in limits
    assert "no readable verdict" not in told(make_run(0.5))[1]


def test_a_program_is_named_a_program() -> None:
    assert "The grader, miniature, is a program" in told(make_run(0.5))[1]


def test_a_model_that_grades_is_doubted_until_it_is_audited() -> None:
    run = make_run(0.5, votes=1, grader="openai/gpt-5", teacher="azureai/gpt-4o")
    said, limits = told(run)
    assert "no audit was given" in limits and "voted once on each text" in limits
    assert "openai/gpt-5, and the teacher azureai/gpt-4o are of one family" in limits
    assert "as graded" not in said
    said, limits = told(run, audits=[audit_run(run, find_reference("miniature", run))])
    assert "no audit was given" not in limits
    assert "mock/model, graded by openai/gpt-5: 50 % full marks as graded, 0 %" in said  # the verifiers pass none


def test_the_best_of_several_is_put_beside_the_mean() -> None:
    assert "the best of 2 makes 50 % of 25 %" in told(make_run(0.5, generations=2))[1]
    assert "The best text" not in told(make_run(0.5))[1]


def test_a_result_that_hangs_on_a_skill_is_told() -> None:
    _, limits = told(make_run(0.5))  # half the requests fail, all of them over the same skills
    assert "cells the result depends on which skills were drawn more than its interval says" in limits


def test_runs_that_do_not_match_are_told_apart() -> None:
    _, limits = told(make_run(0.5), make_run(0.5, prompts="0" * 12))
    assert "b is not compared with a: " in limits and "prompts" in limits


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"source": "import", "note": "votes are copies."}, "a was imported: votes are copies."),
        ({"source": "regrade"}, "a was graded anew."),
        ({"catalogue": "full"}, ""),
    ],
)
def test_where_a_run_comes_from(facts: dict[str, Any], wanted: str) -> None:
    _, limits = told(make_run(0.5, **facts))
    assert wanted in limits
    assert ("scripted world" in limits) == ("catalogue" not in facts)


def test_hard_skills_are_named_when_there_are_enough() -> None:
    said, _ = told(make_run(0.5, {("train", 2): 120}))
    assert "a: shown least often when asked for are" in said
    assert "shown least often" not in told(make_run(0.5, {("train", 2): 12}))[0]
