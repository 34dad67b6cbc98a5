"""The task end to end on mock models: who writes, who grades, what counts."""

import json
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, Model
from mock_models import mock, teach

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.draws import load_world
from eval_harness.logs import read_cell
from eval_harness.results import CellResult
from eval_harness.task import rubric, skillmix


def evaluate_one(tmp_path: Path, student: Model, judge: Model | None = None, **options: Any) -> EvalLog:
    roles = {"grader": judge} if judge else None
    (log,) = evaluate(
        skillmix(**options), student, model_roles=roles, log_dir=str(tmp_path), display="none", ctl_server=False
    )
    return log


def score_one(tmp_path: Path, student: Model, judge: Model | None = None, **options: Any) -> CellResult:
    log = evaluate_one(tmp_path, student, judge, **options)
    assert log.status == "success", log.error
    return read_cell(log)


def test_an_honest_author_gets_full_marks_that_answer_the_request(tmp_path: Path) -> None:
    log = evaluate_one(tmp_path, mock(teach), k=3, n=40, split="held-out")
    result = read_cell(log)
    assert result.full_marks >= 0.95 and result.shotgun == 0.0
    assert (result.n_combinations, result.n_texts, result.unscored) == (40, 40, 0)
    assert result.low < result.full_marks <= result.high and result.skills_fraction >= result.full_marks
    assert (
        log.results and {m.name: m.metrics["mean"].value for m in log.results.scores}["full_marks"] == result.full_marks
    )
    assert {skill: rate.asked for skill, rate in result.skills.items()}.keys() <= load_world(
        "miniature"
    ).catalogue.skills.keys()
    assert CellResult.model_validate_json(result.model_dump_json()) == result


def test_one_text_for_every_request_gets_nothing(tmp_path: Path) -> None:
    result = score_one(tmp_path, mock(lambda _: "the lantern drifts like a king ."), k=2, n=30)
    assert result.full_marks == 0.0 == result.low and result.high > 0.05


def test_no_text_is_a_zero_and_is_not_graded(tmp_path: Path) -> None:
    def refuse(_: list[ChatMessage]) -> str:
        raise AssertionError("a grader was paid for nothing")

    result = score_one(tmp_path, mock(lambda _: "  "), mock(refuse), k=2, n=5, grader="model")
    assert (result.full_marks, result.unscored, result.n_texts) == (0.0, 0, 5)


def test_the_revised_text_is_the_one_that_counts(tmp_path: Path) -> None:
    result = score_one(tmp_path, mock(lambda m: teach(m[:1]) if len(m) == 3 else "drifts ."), k=2, n=10, revise=True)
    assert result.full_marks >= 0.9
    assert (
        score_one(tmp_path, mock(lambda m: teach(m) if len(m) == 1 else "drifts ."), k=2, n=10, revise=True).full_marks
        == 0
    )


def test_generations_are_reported_by_maximum_and_mean(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    def every_third(messages: list[ChatMessage]) -> str:
        seen[messages[0].text] = seen.get(messages[0].text, 0) + 1
        return teach(messages) if seen[messages[0].text] == 2 else "the lantern drifts ."

    log = evaluate_one(tmp_path, mock(every_third), k=2, n=12, generations=3)
    result = read_cell(log)
    assert (result.n_combinations, result.n_texts, result.generations) == (12, 36, 3)
    assert result.full_marks_max >= 0.9
    assert result.full_marks == pytest.approx(result.full_marks_max / 3)
    assert log.results and {score.reducer for score in log.results.scores} == {"max", "mean"}


def test_a_grader_model_decides_as_the_program_does(tmp_path: Path) -> None:
    judge = mock(lambda m: grade_reply(m[0].text))
    by_model = score_one(tmp_path, mock(teach), judge, k=2, n=20, grader="model", votes=3)
    by_program = score_one(tmp_path, mock(teach), k=2, n=20)
    assert [row.marks for row in by_model.rows] == [row.marks for row in by_program.rows]
    assert by_model.shotgun is None and by_program.shotgun == 0.0


def test_without_a_grader_role_nothing_is_written(tmp_path: Path) -> None:
    calls: list[int] = []

    def count(messages: list[ChatMessage]) -> str:
        calls.append(1)
        return teach(messages)

    log = evaluate_one(tmp_path, mock(count), k=2, n=5, grader="model")
    assert log.status == "error" and log.error and "grader" in log.error.message
    assert not calls


def test_an_unreadable_verdict_is_asked_for_again_then_unscored_never_zero(tmp_path: Path) -> None:
    asked: dict[str, int] = {}

    def judge(messages: list[ChatMessage]) -> str:
        prompt = messages[0].text
        asked[prompt] = asked.get(prompt, 0) + 1
        lost = list(asked).index(prompt) < 3
        return json.dumps({"topic": 1}) if lost or asked[prompt] == 1 else grade_reply(prompt)

    result = score_one(tmp_path, mock(teach), mock(judge), k=2, n=20, grader="model")
    assert result.unscored == result.unscored_combinations == 3
    assert result.n_texts == 20 - result.unscored == result.n_combinations
    assert result.full_marks >= 0.9
    assert sum(row.full_marks is None for row in result.rows) == result.unscored
    assert set(asked.values()) == {2}


def test_generations_without_a_verdict_are_counted_one_by_one(tmp_path: Path) -> None:
    first: dict[str, str] = {}

    def write(messages: list[ChatMessage]) -> str:
        if (request := messages[0].text) not in first:
            return first.setdefault(request, "the lantern drifts .")
        return teach(messages)

    def judge(messages: list[ChatMessage]) -> str:
        return "?" if "lantern drifts" in messages[0].text else grade_reply(messages[0].text)

    result = score_one(tmp_path, mock(write), mock(judge), k=2, n=6, generations=2, grader="model")
    assert (result.unscored, result.unscored_combinations) == (6, 0)
    assert (result.n_texts, result.n_combinations) == (6, 6)
    assert result.full_marks == result.full_marks_max >= 0.8


def test_a_cell_without_any_verdict_has_no_score(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="none of 4 verdicts"):
        score_one(tmp_path, mock(teach), mock(lambda _: "no"), k=2, n=4, grader="model")


def test_the_cache_keeps_votes_tries_and_generations_apart(tmp_path: Path) -> None:
    calls: list[int] = []

    def judge(messages: list[ChatMessage]) -> str:
        calls.append(1)
        return json.dumps(dict.fromkeys(json.loads(grade_reply(messages[0].text)), len(calls) % 2))

    def votes() -> list[list[dict[str, bool]]]:
        log = evaluate_one(tmp_path, mock(teach), mock(judge), k=2, n=4, generations=2, grader="model", votes=3)
        scores = [
            next(iter((s.scores or {}).values())) for s in sorted(log.samples or [], key=lambda s: (s.id, s.epoch))
        ]
        return [(score.metadata or {})["votes"] for score in scores]

    first = votes()
    assert len(calls) == 4 * 2 * 3
    assert any(len({vote["topic"] for vote in cast}) == 2 for cast in first)
    assert votes() == first
    assert len(calls) == 4 * 2 * 3  # the second run is read from disk, vote by vote


@pytest.mark.parametrize("name_deduction", [True, False])
def test_program_points_are_taken_off_whoever_graded(tmp_path: Path, name_deduction: bool) -> None:
    def write(messages: list[ChatMessage]) -> str:
        return "A litotes one . Two . Three ." if "litotes" in messages[0].text else "One . Two . Three ."

    def award(messages: list[ChatMessage]) -> str:
        return json.dumps(dict.fromkeys(json.loads(grade_reply(messages[0].text)), 1))

    options = {"k": 2, "n": 60, "grader": "model", "split": "all", "name_deduction": name_deduction}
    result = score_one(tmp_path, mock(write), mock(award), **options)
    named = [row for row in result.rows if "litotes" in row.skills]
    assert named and all(row.named is ("litotes" in row.skills) and row.too_long for row in result.rows)
    for row in result.rows:
        lost = row.named and name_deduction
        assert row.marks == dict.fromkeys(row.skills, not lost) | {"topic": True, "sense": True, "length": False}
        assert row.votes == (dict.fromkeys(row.marks, True),)  # as cast
        assert (row.full_marks, row.all_skills, row.skills_fraction) == (False, not lost, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "heldout"}, "did you mean 'held-out'"),
        ({"grader": "minature"}, "did you mean 'miniature'"),
        ({"catalogue": "minature"}, "did you mean 'miniature'"),
        ({"votes": 3}, "always votes alike"),
        ({"votes": 0, "grader": "model"}, "at least one vote"),
        ({"k": 30}, "option 'k'"),
        ({"k": 12, "by": "random", "train": 8}, "8 skills"),
        ({"exclude": "nowhere"}, "no such dataset folder"),
    ],
)
def test_a_wrong_option_is_one_line_before_the_run(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        skillmix(**options)
    assert "\n" not in str(caught.value)


def test_scorer_options_are_plain_so_that_old_logs_can_be_graded_again() -> None:
    assert callable(rubric(grader="model", votes=5))
