"""The Ray runner, on a local Ray (slow; skipped where Ray is not installed)."""

import importlib.util
import os
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from loopback import LoopbackLLM
from loopback_builds import Builder
from stock_builds import SMALL, check_interrupt, check_refused_key, check_same_folder

from datasets_builder.pipeline import DataRecipe, make_pipeline
from datasets_builder.skillmix.errors import OutsideError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.stock_runner import run_ray

there = importlib.util.find_spec("ray") is not None
with_ray = pytest.mark.skipif(not there, reason="ray is not installed: pip install 'dskill-mix[ray]'")


@pytest.mark.slow
@with_ray
def test_ray_gives_the_folder_of_the_streaming_runner(tmp_path: Path) -> None:
    check_same_folder(tmp_path, "ray")


@pytest.mark.slow
@with_ray
def test_ray_keeps_to_this_machine_and_leaves_nothing(tmp_path: Path) -> None:
    with LoopbackLLM() as server:
        builder = Builder(tmp_path, server, **SMALL)
        process = builder.start("--runner", "ray")
        family, addresses, telemetry = {}, set(), set()
        while process.poll() is None:
            for one in psutil.Process(process.pid).children(recursive=True):
                try:
                    addresses |= {link.laddr.ip for link in one.net_connections("inet")}
                    telemetry |= {one.environ().get("RAY_USAGE_STATS_ENABLED")} if one.name() == "raylet" else set()
                    family[one.pid] = one
                except psutil.Error:
                    continue  # gone, or not yet there
            time.sleep(0.2)
        assert process.wait() == 0
    assert len(family) > 10 and not psutil.wait_procs(family.values(), timeout=15)[1]
    assert {address.removeprefix("::ffff:") for address in addresses} <= {"127.0.0.1", "::1"}
    assert telemetry == {"0"}
    assert not [path for path in Path(tempfile.gettempdir()).glob("ray-*") if path.stat().st_uid == os.getuid()]


@pytest.mark.slow
@with_ray
def test_a_refused_key_is_told_by_ray(tmp_path: Path) -> None:
    check_refused_key(tmp_path, "ray")


@pytest.mark.slow
@with_ray
def test_an_interrupted_ray_build_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    check_interrupt(tmp_path, "ray", signal.SIGTERM)


@pytest.mark.slow
@with_ray
def test_a_cluster_that_is_not_there_is_told(
    recipe: DataRecipe, prompts: PromptSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(OutsideError, match="--runner ray: Ray does not start: Failed to connect"):
        run_ray(make_pipeline(recipe, prompts), [])


@pytest.mark.skipif(there, reason="ray is installed")
def test_a_missing_ray_is_named(recipe: DataRecipe, prompts: PromptSet) -> None:
    with pytest.raises(OutsideError, match=r"package 'ray' is missing; pip install 'dskill-mix\[ray\]'"):
        run_ray(make_pipeline(recipe, prompts), [])
