"""The core of test_build_faults.py, in seconds: every row has its true reason, a kill costs nothing, no key is left."""

import os
import signal
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from inspect_ai.model import ModelAPI
from loopback import LoopbackLLM
from loopback_answers import ScriptedAnswers
from loopback_builds import KEY, Builder, Outcome, check_paid, connections, files_with
from loopback_chance import Faults, Latency
from tenacity import wait_none

from datasets_builder.build import build_dataset
from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.config import read_config

Build = Callable[..., Outcome]
ROWS = 60
ASKED = {2: {"n": ROWS // 2}, 3: {"n": ROWS // 2}}
STORM = Faults(rate_limit=0.10, server_error=0.05, disconnect=0.02, malformed=0.05, broken=0.03)
STORM_SEED = 3
BROKEN = 2  # rows that it breaks


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """A build that nothing disturbs."""
    with LoopbackLLM(varied=False) as server:
        builder = Builder(tmp_path_factory.mktemp("calm"), server, combinations=ASKED)
        with patch.dict(os.environ, connections(server)):
            build_dataset(read_config(DataRecipe, builder.recipe), builder.recipe, builder.out, card=lambda *given: "")
    return builder


def test_every_row_is_kept_or_rejected_with_its_true_reason(
    tmp_path: Path, calm: Builder, build_here: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelAPI, "retry_wait", lambda self: wait_none())  # seconds between tries, and many of them
    with LoopbackLLM(answers=ScriptedAnswers(0), faults=STORM, seed=STORM_SEED, varied=False, key=KEY) as server:
        builder = Builder(tmp_path, server, combinations=ASKED)
        code, out, err = build_here(builder)
    assert code == 0 and "Traceback" not in out + err, err
    met: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in server.ledger:
        met[entry.row or ""].add((entry.outcome, entry.stage))
    rows, calm_rows = builder.rows(), calm.rows()
    assert len(rows) == ROWS and rows.keys() == calm_rows.keys() == met.keys()
    for name, row in rows.items():
        unread = {stage for outcome, stage in met[name] if outcome == "malformed"}
        if ("broken", "generate") in met[name]:
            assert row["reason"] == "failed" and "this row is refused" in row["detail"]
        elif row.get("reason") in ("empty", "unreadable"):
            assert unread & ({"generate", "revise"} if row["reason"] == "empty" else {"grade"})
        elif not unread:
            assert all(row.get(part) == calm_rows[name].get(part) for part in ("text", "marks", "reason")), name
    assert sum(row.get("reason") == "failed" for row in rows.values()) == BROKEN
    assert {"empty", "unreadable"} & {row.get("reason") for row in rows.values()}
    seen = server.ledger.outcomes()
    assert all(seen[outcome] for outcome in ("rate_limited", "server_error", "disconnected", "malformed", "broken"))
    assert KEY not in out + err and not files_with(tmp_path, KEY)


def test_a_killed_build_goes_on_to_the_same_bytes_and_leaves_no_key(tmp_path: Path, calm: Builder) -> None:
    with LoopbackLLM(latency=Latency(median=0.03), varied=False, key=KEY) as server:
        builder = Builder(tmp_path, server, combinations=ASKED)
        killed, moment = builder.stop_after(len(calm.server.ledger) // 2, signal.SIGKILL)
        assert killed.code == -signal.SIGKILL and not (builder.out / "manifest.json").exists()
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) > ROWS // 2  # the answers in the cache
        assert not files_with(tmp_path, KEY)
        resumed = builder.run()
    assert resumed.code == 0, resumed.err
    assert builder.parquet() == calm.parquet() != {}
    check_paid(server.ledger, calm.server.ledger, [moment])
    assert KEY not in killed.out + killed.err + resumed.out + resumed.err and not files_with(tmp_path, KEY)


def test_a_refused_key_is_told_and_not_repeated(tmp_path: Path, build_here: Build) -> None:
    with LoopbackLLM(key="another") as server:
        builder = Builder(tmp_path, server, combinations=ASKED)
        code, out, err = build_here(builder)
    assert code == 3 and err.startswith("error: ") and err.count("\n") == 1, err
    assert KEY not in out + err and not files_with(tmp_path, KEY)
