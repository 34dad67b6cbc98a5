"""The models of an evaluation: told apart, checked before anything is paid, counted, and stopped without loss."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ChatMessage
from loopback import LoopbackLLM
from loopback_chance import Faults, Latency
from loopback_evals import GRADER, KEY, STUDENT
from mock_models import mock, teach

from datasets_builder.meter import BudgetError, Meter, Prices, current_meter
from datasets_builder.model_names import public_name
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.access import Access
from eval_harness.checkpoint import folders_of, weights_of
from eval_harness.command import read_args
from eval_harness.results import EvalRun
from eval_harness.run import Progress
from eval_harness.show import describe
from eval_harness.suite import run_suite
from eval_harness.suite_config import EvalSuite

SUITE = EvalSuite(catalogue="miniature", grader="model", splits=("train",), k=(2,), n=12, votes=3, revise=True)
CENT = {"input": 100.0, "output": 100.0, "as_of": "2026-01-01", "source": "a test"}
PRICES = Prices.model_validate({"prices": [{"match": [STUDENT, GRADER], **CENT}]})
CALLS = 12 * (2 + 3)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the loopback server takes."""
    monkeypatch.setenv("LOOPBACK_API_KEY", KEY)


def run(server: LoopbackLLM, out: Path, suite: EvalSuite = SUITE, **options: Any) -> EvalRun:
    student, judge = (Access(name, server.openai_url, connections=4) for name in (STUDENT, GRADER))
    return run_suite(suite, student, out, grader_model=judge, **options)


def test_a_served_model_is_evaluated_and_its_votes_are_kept(tmp_path: Path) -> None:
    lines: list[str] = []

    def report(progress: Progress) -> None:
        lines.append(describe(progress, 2.0, current_meter.get()))

    with LoopbackLLM(varied=False) as server:
        found = run(server, tmp_path / "run", prices=PRICES, progress=report)
        assert len(server.ledger) == CALLS
        cost = sum(entry.input_tokens + entry.output_tokens for entry in server.ledger) * 1e-4
    (cell,) = found.cells
    assert all(len(row.votes) == 3 and row.votes[0] == row.votes[2] for row in cell.rows)
    assert (found.model, found.provenance.grader, found.provenance.votes) == (STUDENT, GRADER, 3)
    assert len(found.provenance.logs) == 1 and "/" not in found.provenance.logs[0]
    assert f"${cost:,.2f}" in lines[-1] and "full marks" in lines[-1] and "left" not in lines[-1]


def test_the_cost_line_tells_what_is_unknown() -> None:
    meter = Meter(PRICES)
    assert describe(Progress(10, 40, 4, 2), 5.0, meter) == "5.0 texts/s, full marks 4 (50%), 2 unreadable, 6 s left"


def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    with LoopbackLLM(varied=False, latency=Latency(median=0.4)) as server:
        for _ in range(2):
            with pytest.raises(BudgetError, match=r"the budget of \$0.10 is spent .* a higher --budget continues"):
                run(server, tmp_path / "run", prices=PRICES, budget_usd=0.1)
        stopped = len(server.ledger)
        assert 0 < stopped < CALLS
        run(server, tmp_path / "run", prices=PRICES, budget_usd=100.0)
        assert len(server.ledger) == CALLS and set(server.ledger.outcomes()) == {"answered"}


def test_an_error_that_no_retry_mends_loses_no_answer(tmp_path: Path) -> None:
    with LoopbackLLM(varied=False, faults=Faults(broken=0.1), latency=Latency(median=0.5)) as server:
        for _ in range(2):
            with pytest.raises(OutsideError, match="this row is refused") as caught:
                run(server, tmp_path / "run")
            assert "\n" not in str(caught.value)
        assert set(server.ledger.outcomes()) == {"answered", "broken"}  # those in flight were finished
        assert max(server.ledger.answered().values()) <= SUITE.votes  # three votes have one prompt


def test_a_key_that_is_not_taken_is_one_line(tmp_path: Path) -> None:
    with LoopbackLLM(key="another") as server, pytest.raises(OutsideError, match="does not accept the key") as caught:
        run(server, tmp_path / "run")
    assert KEY not in str(caught.value) and "\n" not in str(caught.value)


def test_a_budget_needs_prices(tmp_path: Path) -> None:
    with LoopbackLLM() as server, pytest.raises(UsageError, match=f"--budget needs the price of {GRADER} and"):
        run(server, tmp_path / "run", prices=Prices(prices=()), budget_usd=1.0)
    assert not server.ledger


@pytest.mark.parametrize(
    ("student", "grader"),
    [
        ("openai/gpt-4.1", "openai/gpt-4.1"),
        ("folder/{checkpoint}", "folder/{checkpoint}/."),
        ("folder/{checkpoint}", "hf/{checkpoint}"),
    ],
)
def test_no_model_grades_itself_under_any_name(tmp_path: Path, checkpoint: Path, student: str, grader: str) -> None:
    names = [name.format(checkpoint=checkpoint) for name in (student, grader)]
    with pytest.raises(UsageError, match="is the model under test; no model may grade itself"):
        run_suite(SUITE, names[0], tmp_path, grader_model=names[1])


def test_one_name_at_two_servers_is_two_models(tmp_path: Path) -> None:
    with LoopbackLLM() as one, LoopbackLLM() as other:
        student, judge = Access(STUDENT, one.openai_url), Access(STUDENT, other.openai_url)
        found = run_suite(SUITE.model_copy(update={"n": 2}), student, tmp_path, grader_model=judge)
        assert {entry.stage for entry in other.ledger} == {"grade"} and found.cells[0].n_texts == 2


def test_a_grader_of_the_students_family_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LoopbackLLM() as server:
        student = Access("openai-api/loopback/gpt-small", server.openai_url)
        judge = Access("openai-api/loopback/gpt-large", server.openai_url)
        run_suite(SUITE.model_copy(update={"n": 1}), student, tmp_path, grader_model=judge)
    warning = capsys.readouterr().err
    assert warning.startswith("warning: student openai-api/loopback/gpt-small and grader") and warning.count("\n") == 1


@pytest.mark.parametrize(
    ("access", "message"),
    [
        (Access("opnai/gpt-4.1"), "model 'opnai/gpt-4.1': Model API opnai"),
        (Access("openai/gpt-4.1", "http://me:secret@127.0.0.1:9/v1"), "keys come from the environment only"),
        (Access("openai/gpt-4.1", args={"api_key": "sk-1"}), "keys come from the environment only"),
        (Access("hf/nowhere/"), None),
        (Access("hf//nowhere"), "model 'hf/nowhere': its folder does not exist"),
    ],
)
def test_a_wrong_model_is_one_line(access: Access, message: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    if message is None:
        access.check()
        return
    with pytest.raises(UsageError, match=message) as caught:
        access.check()
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_a_missing_key_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(OutsideError, match="OPENAI_API_KEY") as caught:
        run_suite(SUITE, "openai/gpt-4.1", tmp_path / "run", grader_model=STUDENT)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_arguments_of_a_provider() -> None:
    assert read_args(["device=cuda", "batch_size=8", "x=a=b"]) == {"device": "cuda", "batch_size": 8, "x": "a=b"}
    for wrong in ("device", "=1", "a b=1"):
        with pytest.raises(UsageError, match="not of the form key=value"):
            read_args([wrong])


def test_an_unknown_argument_of_a_folder_is_one_line(tmp_path: Path, checkpoint: Path) -> None:
    suite = EvalSuite(catalogue="miniature", grader="miniature", splits=("train",), k=(1,), n=1)
    with pytest.raises(UsageError, match="unknown model argument 'devise'"):
        run_suite(suite, Access(f"folder/{checkpoint}", args={"devise": "cpu"}), tmp_path / "run")


def test_the_folders_of_a_name_decide_its_weights(checkpoint: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    name = f"vllm/{checkpoint}:{adapter}"
    assert folders_of(name) == [checkpoint, adapter] and folders_of("hf/org/model") == folders_of("openai/x") == []
    base, both = weights_of(f"hf/{checkpoint}"), weights_of(name)
    assert both.startswith(f"{base}-") and weights_of("openai/x") == ""
    (adapter / "adapter_model.safetensors").write_bytes(b"1")
    assert weights_of(name) != both
    assert public_name(name) == f"vllm/{checkpoint.name}:adapter"
    assert public_name("openai/ft:gpt-4o:org::id") == "openai/ft:gpt-4o:org::id"


def test_early_stop_leaves_out_votes_that_change_no_mark(tmp_path: Path) -> None:
    def judge(calls: list[int]) -> Any:
        def answer(messages: list[ChatMessage]) -> str:
            calls.append(1)
            return '{"marks": [' + ", ".join(f'{{"id": "{name}", "mark": 1}}' for name in ids(messages)) + "]}"

        return mock(answer)

    def ids(messages: list[ChatMessage]) -> list[str]:
        line = messages[0].text.splitlines()[0]
        return [*line.partition(" showing ")[2].split(" , "), "topic", "sense", "length"]

    every: list[int] = []
    fewer: list[int] = []
    suite = SUITE.model_copy(update={"revise": False})
    early = suite.model_copy(update={"early_stop": True})
    full = run_suite(suite, mock(teach), tmp_path / "a", grader_model=judge(every)).cells[0]
    stopped = run_suite(early, mock(teach), tmp_path / "b", grader_model=judge(fewer)).cells[0]
    assert (len(every), len(fewer)) == (36, 24)
    assert [row.marks for row in full.rows] == [row.marks for row in stopped.rows]
    assert {len(row.votes) for row in stopped.rows} == {2}
