"""A build goes on where it was stopped: one recipe, one process, one budget; no answer is paid for twice."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from data_fakes import CONTENT
from loopback import LoopbackLLM
from loopback_builds import CONNECTIONS, OPENAI, Builder, Outcome

from datasets_builder.build import build_dataset
from datasets_builder.manifest import Manifest
from datasets_builder.meter import Prices
from datasets_builder.pipeline import DataRecipe
from datasets_builder.resume import CACHE_VARIABLE, alone, cache_of, size_of, under_way
from datasets_builder.skillmix.errors import DskillError, OutsideError, ResumeError, UsageError

Build = Callable[..., Outcome]
HERE = Path("recipe.yml")
CENT = {"input": 100.0, "output": 100.0, "as_of": "2026-01-01", "source": "a test"}  # about a cent a request


def _card(manifest: Manifest, rows: object) -> str:
    return ""


@pytest.fixture()
def prices(tmp_path: Path) -> Path:
    """A file with prices of the loopback server's models."""
    path = tmp_path / "prices.yml"
    path.write_text(yaml.safe_dump({"prices": [{"match": list(OPENAI), **CENT}]}))
    return path


def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(tmp_path: Path, prices: Path, build_here: Build) -> None:
    with LoopbackLLM(varied=False) as calm:
        undisturbed = Builder(tmp_path / "calm", calm)
        assert build_here(undisturbed).code == 0
    with LoopbackLLM(varied=False) as server:
        builder = Builder(tmp_path / "stopped", server)
        spent = []
        for budget in ("0.8", "0.8", "1.6"):
            code, _, err = build_here(builder, "--prices", prices, "--budget", budget)
            assert code == 3 and err.count("\n") == 1, err
            assert f"the budget of ${float(budget):.2f} is spent" in err and "a higher --budget continues" in err
            spent.append(len(server.ledger))
            assert not builder.out.exists() and (cache_of(builder.out) / "recipe.json").exists()
        assert 0 < spent[0] == spent[1] < spent[2] < len(calm.ledger)  # a budget that is spent buys nothing
        dearest = max(entry.input_tokens + entry.output_tokens for entry in server.ledger) * 1e-4
        costs = [(entry.input_tokens + entry.output_tokens) * 1e-4 for entry in server.ledger]
        assert 0.8 <= sum(costs[: spent[0]]) <= 0.8 + 2 * CONNECTIONS * dearest  # those in flight come on top
        code, out, err = build_here(builder, "--prices", prices, "--budget", "100")
    assert code == 0, err
    assert server.ledger.answered() == calm.ledger.answered()  # each request once, over four runs
    assert builder.parquet() == undisturbed.parquet()
    assert not (cache_of(builder.out) / "recipe.json").exists()
    assert f"{cache_of(builder.out).name}: the answers, " in out and "no longer" in out
    assert "$" in out and "progress 100/100" in out


def test_a_finished_dataset_asks_for_nothing(tmp_path: Path, build_here: Build) -> None:
    with LoopbackLLM(varied=False) as server:
        builder = Builder(tmp_path, server)
        assert build_here(builder).code == 0
        paid, files = len(server.ledger), builder.parquet()
        assert build_here(builder).code == 0 and len(server.ledger) == paid
        for path in sorted(builder.out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        assert build_here(builder).code == 0 and len(server.ledger) == paid  # from the cache alone
        assert builder.parquet() == files


def stopped(folder: Path, server: LoopbackLLM, prices: Path, build_here: Build, **changes: Any) -> Builder:
    """A build under way."""
    builder = Builder(folder, server, **changes)
    assert build_here(builder, "--prices", prices, "--budget", "0.2").code == 3
    return builder


def test_a_changed_recipe_is_refused_and_says_what_changed(tmp_path: Path, prices: Path, build_here: Build) -> None:
    with LoopbackLLM(varied=False) as server:
        stopped(tmp_path, server, prices, build_here)
        paid = len(server.ledger)
        builder = Builder(tmp_path, server, votes=1, combinations={2: {"n": 50}, 3: {"n": 49}})
        code, _, err = build_here(builder)
        assert code == 2 and err.count("\n") == 1, err
        assert "combinations.3.n was 50, now 49; votes was 3, now 1; set it back, name another folder" in err
        assert len(server.ledger) == paid
        code, _, err = build_here(builder, "--limit", "7")
        assert code == 2 and "limit was None, now 7" in err


def test_speed_and_server_may_change(tmp_path: Path, prices: Path, build_here: Build) -> None:
    with LoopbackLLM(varied=False) as server:
        builder = stopped(tmp_path, server, prices, build_here)
        content = yaml.safe_load(builder.recipe.read_text())
        content |= {"concurrency": 3, "input_batch_size": 7}
        content["teacher"] |= {"connections": 2, "max_retries": 3, "timeout": 60}
        builder.recipe.write_text(yaml.safe_dump(content))
        code, _, err = build_here(builder)
        assert code == 0, err
    assert sum(entry.stage == "generate" for entry in server.ledger) == 100


def test_an_unknown_price_with_a_budget_is_refused_before_anything_is_asked(tmp_path: Path, build_here: Build) -> None:
    with LoopbackLLM() as server:
        builder = Builder(tmp_path, server)
        code, _, err = build_here(builder, "--budget", "20")
    assert code == 2 and err.count("\n") == 1
    assert "price of openai-api/loopback/grader and openai-api/loopback/teacher" in err and "--prices" in err
    assert not server.ledger and not cache_of(builder.out).exists()


@pytest.mark.parametrize(
    ("changes", "runner", "told"),
    [
        ({}, "stock", "streaming runner only, not by stock"),
        ({}, "ray", "streaming runner only, not by ray"),
        ({"teacher": {"distilabel": "OpenAILLM", "kwargs": {"model": "x"}}}, "stream", "cannot count what OpenAILLM"),
    ],
)
def test_a_budget_that_could_not_be_kept_is_refused(
    tmp_path: Path, changes: dict[str, Any], runner: Any, told: str
) -> None:
    recipe = DataRecipe.model_validate(CONTENT | changes)
    with pytest.raises(UsageError, match=told):
        build_dataset(
            recipe, HERE, tmp_path / "out", card=_card, runner=runner, prices=Prices(prices=()), budget_usd=1.0
        )
    assert not list(tmp_path.iterdir())


def test_a_second_build_in_the_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with alone(out), pytest.raises(UsageError, match="another build runs in this folder"):
        build_dataset(DataRecipe.model_validate(CONTENT), HERE, out, card=_card)
    assert not list(out.parent.iterdir())  # no lock is left behind
    with alone(out), alone(tmp_path / "other"):
        pass


def test_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\nfrom datasets_builder.resume import alone\n"
        f"with alone(pathlib.Path({str(tmp_path / 'out')!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == -9
    assert (tmp_path / ".out.lock").exists()
    with alone(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_build_that_fails_stays_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "elsewhere")
    out = tmp_path / "out"
    with pytest.raises(DskillError, match="stop"), under_way(out, {"votes": 3, "k": {"1": 2}}):
        assert os.environ[CACHE_VARIABLE] == str(cache_of(out))
        raise DskillError("stop")
    assert os.environ[CACHE_VARIABLE] == "elsewhere"
    assert json.loads((cache_of(out) / "recipe.json").read_text()) == {"votes": 3, "k": {"1": 2}}
    (cache_of(out) / "spent.jsonl").write_text("[]")
    with pytest.raises(ResumeError, match="votes was 3, now 4"), under_way(out, {"votes": 4, "k": {"1": 2}}):
        raise AssertionError("nothing may run")
    with under_way(out, {"k": {"1": 2}, "votes": 3}):
        assert (cache_of(out) / "spent.jsonl").exists()
    with under_way(out, {"votes": 4}):  # the next build in this folder: answers stay, money is counted anew
        assert not (cache_of(out) / "spent.jsonl").exists()


def test_only_its_owner_reads_the_cache(tmp_path: Path) -> None:
    with under_way(tmp_path / "out", {}):
        assert (tmp_path / "out.cache").stat().st_mode & 0o077 == 0
        assert size_of(tmp_path / "out.cache") == 2


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    cache_of(tmp_path / "out").mkdir()
    (cache_of(tmp_path / "out") / "recipe.json").write_text("{")
    with pytest.raises(UsageError, match=r"recipe.json: cannot be read"), under_way(tmp_path / "out", {}):
        raise AssertionError("nothing may run")


def test_a_cache_that_cannot_be_made_is_an_outside_failure(tmp_path: Path) -> None:
    (tmp_path / "out.cache").write_text("in the way")
    with pytest.raises(OutsideError, match="answers cannot be kept"), under_way(tmp_path / "out", {}):
        raise AssertionError("nothing may run")


def test_programs_leave_no_cache(tmp_path: Path) -> None:
    build_dataset(DataRecipe.model_validate(CONTENT), HERE, tmp_path / "out", card=_card, limit=60)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
