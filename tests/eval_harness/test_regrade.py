"""Grading again: another grader over HTTP, the same texts, nothing asked of the student and nothing paid twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessage
from judged_runs import true_row
from loopback import LoopbackLLM
from loopback_answers import ScriptedAnswers
from loopback_chance import Faults
from mock_models import mock

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.teacher import reply
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.agreement import Agreement, agree_runs
from eval_harness.audit import audit_run, find_reference
from eval_harness.raters import places_of
from eval_harness.regrade import plan_regrade, regrade_run
from eval_harness.results import EvalRun, read_run, summarise, write_run
from eval_harness.suite import run_suite
from eval_harness.suite_config import EvalSuite

GRADER = "openai-api/loopback/grader"
SUITE = EvalSuite(
    catalogue="miniature", grader="miniature", splits=("train", "held-out"), k=(2, 3), n=16, max_tokens=40
)


def write(messages: list[ChatMessage]) -> str:
    """The scripted teacher, who slips often."""
    return reply([{"role": m.role, "content": m.text} for m in messages], seed=len(messages[0].text), slip=0.3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EvalRun:
    """64 texts of the scripted teacher, marked by the program."""
    return run_suite(SUITE, mock(write), tmp_path_factory.mktemp("run"))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LoopbackLLM]]:
    """Starts servers that ``GRADER`` reaches."""
    servers: list[LoopbackLLM] = []

    def start(noise: float = 0.0, faults: Faults | None = None) -> LoopbackLLM:
        """A further one takes the place of the last: an answer is kept under the address that it came from."""
        for last in servers:
            last.__exit__()
        port = servers.pop().port if servers else 0
        servers.append(
            server := LoopbackLLM(answers=ScriptedAnswers(noise=noise), faults=faults, port=port).__enter__()
        )
        monkeypatch.setenv("LOOPBACK_BASE_URL", server.openai_url)
        monkeypatch.setenv("LOOPBACK_API_KEY", "none")
        return server

    yield start
    for server in servers:
        server.__exit__()


def test_another_grader_marks_the_same_texts_and_the_student_is_not_asked(
    run: EvalRun, serve: Callable[..., LoopbackLLM], tmp_path: Path
) -> None:
    server = serve(noise=0.1)
    plan = plan_regrade(run, GRADER)
    assert (plan.texts, plan.votes) == (64, 3)
    again = regrade_run(plan, tmp_path / "again")
    assert {entry.stage for entry in server.ledger} == {"grade"} and len(server.ledger) == 64 * 3
    old, new = places_of(run), places_of(again)
    assert {p: r.text for p, r in old.items()} == {p: r.text for p, r in new.items()}
    assert all(len(row.votes) == 3 for row in new.values() if row.text)
    assert (again.model, again.provenance.grader, again.provenance.source) == (run.model, GRADER, "regrade")
    assert again.provenance.votes == 3 and run.fingerprint in again.provenance.note
    assert again.suite and (again.suite.grader, again.suite.votes) == ("model", 3)
    assert all((tmp_path / "again" / log).is_file() for log in again.provenance.logs) and len(again.cells) == 4
    assert [(c.split, c.k, c.generations) for c in again.cells] == [(c.split, c.k, c.generations) for c in run.cells]
    assert read_run(tmp_path / "again") == again


def test_the_same_command_pays_nothing_twice(run: EvalRun, serve: Callable[..., LoopbackLLM], tmp_path: Path) -> None:
    first = serve(faults=Faults(broken=0.1))
    plan = plan_regrade(run, GRADER, votes=2, sample=10)
    with pytest.raises(OutsideError, match="this row is refused"):
        regrade_run(plan, tmp_path / "again")
    assert not list((tmp_path / "again").glob("results-*"))
    paid = first.ledger.answered()
    second = serve()
    again = regrade_run(plan, tmp_path / "again")
    assert (paid + second.ledger.answered()).total() == 80 and paid.total() > 0
    assert max((paid + second.ledger.answered()).values()) == 2
    assert regrade_run(plan, tmp_path / "again") == again  # read back
    (results,) = (tmp_path / "again").glob("results-*")
    results.unlink()
    assert regrade_run(plan, tmp_path / "again").cells == again.cells  # from the answers kept
    assert second.ledger.answered().total() + paid.total() == 80


def test_votes_of_a_noisy_grader_differ_and_an_audit_finds_its_errors(
    run: EvalRun, serve: Callable[..., LoopbackLLM], tmp_path: Path
) -> None:
    serve(noise=0.1)
    one = regrade_run(plan_regrade(run, GRADER, votes=1), tmp_path / "one")
    audit = audit_run(one, find_reference("miniature", one))
    skills = next(row for row in audit.rows if row.criterion == "skills" and row.k is None)
    assert skills.sensitivity_low and skills.sensitivity_high and skills.specificity_low and skills.specificity_high
    assert skills.sensitivity_low < 0.9 < skills.sensitivity_high  # the noise flips a mark in ten
    assert skills.specificity_low < 0.9 < skills.specificity_high
    true = sum(row.full_marks or False for row in places_of(run).values()) / 64
    assert audit.full_marks_corrected == pytest.approx(true) and abs(audit.full_marks_raw - true) > 0.05
    three = regrade_run(plan_regrade(run, GRADER, votes=3), tmp_path / "three")
    votes = _skills(agree_runs([three], ["noisy"]))
    assert votes.raw == pytest.approx(0.82, abs=0.04)  # 0.9^2 + 0.1^2
    better = audit_run(three, find_reference("miniature", three))
    assert _rate(better.rows[0].sensitivity) > _rate(skills.sensitivity)  # a majority errs less often


def test_a_program_grades_again_without_any_model(run: EvalRun, tmp_path: Path) -> None:
    again = regrade_run(plan_regrade(run, "miniature"), tmp_path)
    assert {p: r.marks for p, r in places_of(again).items()} == {p: r.marks for p, r in places_of(run).items()}
    assert again.provenance.votes == 1 and again.provenance.grader == "miniature"


def test_a_sample_is_of_whole_combinations_and_named_by_its_seed(run: EvalRun) -> None:
    first, same, other = (plan_regrade(run, "miniature", sample=5, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert [len({row.combination for row in cell.rows}) for cell in first.cells] == [5] * 4
    assert first.texts == 20 and plan_regrade(run, "miniature", sample=1000).texts == 64
    assert "5 combinations a cell drawn by seed 0" in first.note


def test_a_text_is_graded_as_it_stands(tmp_path: Path) -> None:
    """These texts were read out of replies once; to be read again, the first would be a refusal, the second shorter."""
    marks = dict.fromkeys(("simile", "topic", "sense", "length"), True)
    texts = ["I'm sorry, but I can't help you, said the guide.", "The tent hums.\n\nNote: it was new."]
    rows = [true_row(i, 1, marks).model_copy(update={"text": text}) for i, text in enumerate(texts)]
    imported = _import(rows)
    seen: list[str] = []

    def judge(messages: list[ChatMessage]) -> str:
        seen.append(messages[0].text)
        return '{"simile": 1, "topic": 1, "sense": 1, "length": 1}'

    again = regrade_run(plan_regrade(imported, mock(judge), votes=1), tmp_path)
    assert [row.text for row in again.cells[0].rows] == texts
    assert len(seen) == 2 and "Note: it was new." in "".join(seen)
    assert all(row.votes for row in again.cells[0].rows)


def test_no_text_costs_nothing_and_an_unreadable_vote_is_no_zero(tmp_path: Path) -> None:
    marks = dict.fromkeys(("simile", "topic", "sense", "length"), True)
    rows = [true_row(i, 1, marks) for i in range(40)]
    rows[0] = rows[0].model_copy(update={"text": ""})
    calls: list[str] = []

    def judge(messages: list[ChatMessage]) -> str:
        calls.append(messages[0].text)
        return "I cannot tell." if "text 1 7 1" in messages[0].text else grade_reply(messages[0].text)

    again = regrade_run(plan_regrade(_import(rows), mock(judge), votes=1), tmp_path)
    (cell,) = again.cells
    assert (cell.unscored, cell.n_texts) == (1, 39) and len(calls) == 39 + 1  # asked once more
    assert cell.rows[7].marks is None and cell.rows[0].full_marks is False and not cell.rows[0].votes


def test_too_many_unreadable_votes_are_no_result(run: EvalRun, tmp_path: Path) -> None:
    def judge(messages: list[ChatMessage]) -> str:
        return "?" if len(messages[0].text) % 4 == 0 else grade_reply(messages[0].text)

    with pytest.raises(OutsideError, match="of the verdicts were unreadable, over max_unscored = 5%"):
        regrade_run(plan_regrade(run, mock(judge), votes=1), tmp_path)
    assert not list(tmp_path.glob("results-*"))


def test_a_mistake_is_one_line_before_any_call(run: EvalRun, tmp_path: Path) -> None:
    asked = run.model_copy(update={"model": GRADER})
    with pytest.raises(UsageError, match="no model may grade itself"):
        plan_regrade(asked, GRADER)
    with pytest.raises(UsageError, match="always votes alike"):
        regrade_run(plan_regrade(run, "miniature", votes=3), tmp_path)
    changed = run.model_copy(update={"provenance": run.provenance.model_copy(update={"catalogue_hash": "0" * 12})})
    with pytest.raises(UsageError, match="was 000000000000 when the run was made"):
        plan_regrade(changed, GRADER)
    unknown = run.provenance.model_copy(update={"catalogue": "full", "catalogue_hash": ""})
    with pytest.raises(UsageError, match=r"unknown (skill|topic)"):
        plan_regrade(run.model_copy(update={"provenance": unknown, "suite": None}), GRADER)
    with pytest.raises(UsageError, match="import with --catalogue"):
        nowhere = unknown.model_copy(update={"catalogue": "unknown"})
        plan_regrade(run.model_copy(update={"provenance": nowhere, "suite": None}), GRADER)
    with pytest.raises(UsageError, match="minature"):
        regrade_run(plan_regrade(run, "minature", sample=1), tmp_path)


def test_from_the_command_line(
    run: EvalRun, serve: Callable[..., LoopbackLLM], tmp_path: Path, dskill: Callable[..., tuple[int, str, str]]
) -> None:
    serve(noise=0.1)
    write_run(run, tmp_path / "run")
    code, out, err = dskill(
        "regrade", tmp_path / "run", "--grader", GRADER, "--sample", 10, "--out", tmp_path / "again"
    )
    assert code == 0, err
    assert f"marked by {GRADER}" in out and f"dskill agree {tmp_path / 'run'} {tmp_path / 'again'}" in out
    code, out, err = dskill("agree", tmp_path / "run", tmp_path / "again")
    assert code == 0 and "Krippendorff" in out and f"miniature / {GRADER}" in out and "lowest by skill" in out
    code, out, err = dskill("audit", tmp_path / "again", "--reference", "miniature")
    assert code == 0 and "PPI++" in out and "sensitivity" in out
    code, out, err = dskill("audit", tmp_path / "again", "--reference", "minature")
    assert code == 2 and err.count("\n") == 1 and "did you mean 'miniature'" in err
    code, out, err = dskill("regrade", tmp_path / "run", "--grader", GRADER, "--budget", 1, "--out", tmp_path / "paid")
    assert code == 2 and "--budget needs the price of" in err


def _import(rows: list) -> EvalRun:
    """A run of others' records: no suite, no logs."""
    from judged_runs import make_run

    run = make_run(rows)
    return run.model_copy(
        update={
            "provenance": run.provenance.model_copy(update={"catalogue_hash": "", "source": "import"}),
            "cells": (summarise(rows, "all", 1, 1),),
        }
    )


def _skills(found: tuple[Agreement, ...]) -> Agreement:
    return next(one for one in found if one.criterion == "skills")


def _rate(value: float | None) -> float:
    assert value is not None
    return value
