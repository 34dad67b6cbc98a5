"""``dskill build`` with models that fail in every way, and killed at any moment: nothing lost, nothing paid twice."""

import random
import re
import resource
import shutil
import signal
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackLLM
from loopback_answers import ScriptedAnswers
from loopback_builds import CONNECTIONS, KEY, MIXED, OPENAI, Builder, check_paid, files_with
from loopback_chance import Faults, Latency

from datasets_builder.miniature.verifiers import grade

pytestmark = pytest.mark.slow  # minutes of process starts

ROWS = 100
STORM = Faults(rate_limit=0.10, server_error=0.05, disconnect=0.02, malformed=0.05, broken=0.01)
STORM_SEED = 4  # of 100 rows it breaks two
PASSING = Faults(rate_limit=0.05, server_error=0.01)
SLOW = Latency(median=0.03, sigma=0.8)


def one_line(error: str) -> bool:
    return error.startswith("error: ") and error.count("\n") == 1


def same_rows(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same fate, of the same text for the same marks."""
    return all(one.get(name) == other.get(name) for name in ("text", "marks", "reason"))


def build_calmly(folder: Path, **changes: Any) -> Builder:
    """A build that nothing disturbs; every other one is held against it."""
    with LoopbackLLM(varied=False) as server:
        builder = Builder(folder, server, **changes)
        assert builder.run().code == 0
    return builder


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The undisturbed build of the recipe as it stands."""
    return build_calmly(tmp_path_factory.mktemp("calm"))


@pytest.mark.parametrize("models", [OPENAI, MIXED], ids=["openai", "anthropic"])
def test_every_row_is_kept_or_rejected_with_its_true_reason(
    tmp_path: Path, calm: Builder, models: tuple[str, str]
) -> None:
    with LoopbackLLM(answers=ScriptedAnswers(0), faults=STORM, seed=STORM_SEED, varied=False, key=KEY) as server:
        builder = Builder(tmp_path / "storm", server, models)
        code, out, err = builder.run()
    assert code == 0 and "Traceback" not in out + err, err
    met: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in server.ledger:
        met[entry.row or ""].add((entry.outcome, entry.stage))
    rows, calm_rows = builder.rows(), calm.rows()
    assert len(rows) == ROWS and rows.keys() == calm_rows.keys() == met.keys()
    broken = {name for name in rows if ("broken", "generate") in met[name]}
    assert len(broken) == 2 and broken == {name for name, row in rows.items() if row.get("reason") == "failed"}
    assert all("400" in rows[name]["detail"] or "refused" in rows[name]["detail"] for name in broken)
    for name in rows.keys() - broken:
        unread = {stage for outcome, stage in met[name] if outcome == "malformed"}
        if not unread:
            assert same_rows(rows[name], calm_rows[name]), (name, met[name])
        elif rows[name].get("reason") in ("empty", "unreadable"):
            assert unread & ({"generate", "revise"} if rows[name]["reason"] == "empty" else {"grade"})
    assert {"empty", "unreadable"} & {row.get("reason") for row in rows.values()}
    seen = server.ledger.outcomes()
    assert all(seen[outcome] for outcome in ("rate_limited", "server_error", "disconnected", "malformed", "broken"))


def test_votes_that_differ_are_asked_for_until_the_majority_is_out(tmp_path: Path) -> None:
    with LoopbackLLM(answers=ScriptedAnswers(noise=0.05)) as server:
        builder = Builder(tmp_path, server)
        assert builder.run().code == 0
    rows = builder.rows()
    graded = [row for row in rows.values() if row["votes"]]
    asked = sum(entry.stage == "grade" for entry in server.ledger)
    assert asked == sum(len(row["votes"]) for row in graded) < 3 * len(graded)
    assert {len(row["votes"]) for row in graded} >= {2, 3}
    for row in graded:
        truth = grade(row["text"], row["skills"], row["topic"])
        agreed = sum(mark["mark"] == truth[mark["criterion"]] for mark in row["marks"] or ())
        assert agreed >= len(truth) - 2


def test_kill_9_twice(tmp_path: Path, calm: Builder) -> None:
    check_kills(tmp_path, calm, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_9_ten_times(tmp_path: Path) -> None:
    asked = {2: {"n": 300}, 3: {"n": 300}}
    check_kills(tmp_path, build_calmly(tmp_path / "calm", combinations=asked), kills=10, combinations=asked)


def check_kills(folder: Path, calm: Builder, kills: int, **changes: Any) -> None:
    """kill -9 at random moments, then the same command: the same bytes, and nothing answered twice but in flight."""
    moments, stops = random.Random(kills), []
    share = len(calm.server.ledger) // (kills + 1)
    with LoopbackLLM(faults=PASSING, latency=SLOW, varied=False) as server:
        builder = Builder(folder / "killed", server, **changes)
        for _ in range(kills):
            outcome, moment = builder.stop_after(moments.randint(share // 2, share), signal.SIGKILL)
            stops.append(moment)
            assert outcome.code == -signal.SIGKILL and not (builder.out / "manifest.json").exists()
        outcome = builder.run()
    assert outcome.code == 0, outcome.err
    assert builder.parquet() == calm.parquet() != {}
    check_paid(server.ledger, calm.server.ledger, stops)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_build_says_how_to_go_on_and_does(tmp_path: Path, calm: Builder, number: signal.Signals) -> None:
    with LoopbackLLM(latency=SLOW, varied=False) as server:
        builder = Builder(tmp_path / "stopped", server)
        outcome, _ = builder.stop_after(120, number)
        assert outcome.code == 130, outcome
        assert "the same command continues" in outcome.err and "Traceback" not in outcome.err
        assert not (builder.out / "manifest.json").exists()
        assert builder.run().code == 0
    assert builder.parquet() == calm.parquet()
    check_paid(server.ledger, calm.server.ledger, [])  # those in flight were finished, too


@pytest.mark.parametrize("limit", [200, 60_000], ids=["from the first answer", "when the dataset is written"])
def test_a_full_disk_is_one_line_and_the_same_command_continues(tmp_path: Path, limit: int) -> None:
    def fill_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with LoopbackLLM(varied=False) as server:
        builder = Builder(tmp_path, server)
        code, _, err = builder.run(prepare=fill_disk)
        assert code == 3 and one_line(err), err
        assert not (builder.out / "manifest.json").exists()
        paid = len(server.ledger)
        assert builder.run().code == 0
        assert len(builder.rows()) == ROWS
        if limit > 1000:
            assert len(server.ledger) == paid, "answers were paid again"
        else:
            assert paid < ROWS, "the build went on paying for answers that it could not keep"


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"]).returncode != 0,
    reason="no namespaces for users here",
)
def test_a_disk_that_fills_up_costs_no_more_than_the_answers_in_flight(tmp_path: Path) -> None:
    with LoopbackLLM(varied=False) as server:
        small, large = (builder := Builder(tmp_path, server)).run_on_small_disk(kilobytes=600)
    assert small.code == 3 and one_line(small.err), small
    assert large.code == 0 and len(builder.rows()) == ROWS, large
    usual = sum(1 + (row["text"] is not None) + len(row["votes"] or ()) for row in builder.rows().values())
    assert len(server.ledger) <= usual + 4 * CONNECTIONS  # a few more may pass before the lack of room shows


def test_no_key_reaches_a_file_or_the_terminal(tmp_path: Path) -> None:
    with LoopbackLLM(faults=STORM, key=KEY) as server:
        done = Builder(tmp_path / "done", server, MIXED).run()
        killed, _ = Builder(tmp_path / "killed", server).stop_after(60, signal.SIGINT)
    with LoopbackLLM(key="another") as server:
        refused = Builder(tmp_path / "refused", server).run()
    assert (done.code, refused.code) == (0, 3) and one_line(refused.err), refused.err
    for outcome in (done, killed, refused):
        assert KEY not in outcome.out + outcome.err
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) > 100  # the answers in the cache among them
    assert files_with(tmp_path, KEY) == []


def test_a_missing_key_is_named_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackLLM() as server:
        builder = Builder(tmp_path, server, ("openai-api/absent/teacher", OPENAI[1]))
        code, _, err = builder.run()
    assert code == 3 and one_line(err) and re.search(r"\bABSENT_API_KEY\b", err), err
    assert not server.ledger and not builder.out.exists()
