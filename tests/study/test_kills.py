"""kill -9 at random moments, then the same command: it finishes, with the same dataset (marker slow)."""

import json
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
from tiny import call, start, write_tiny_recipes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def kill(process: "psutil.Popen") -> None:
    """kill -9 of the study alone, as the kernel would do it; its commands must not live on."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, f"left behind: {alive}; {len(gone)} ended"


def test_five_kills(root: Path, tmp_path: Path) -> None:
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    hashes = []
    for folder in (undisturbed, disturbed):
        recipe = write_tiny_recipes(root, folder)
        moments = random.Random(7)
        for _ in range(5 if folder == disturbed else 0):
            process = start("study", recipe, cwd=folder)
            time.sleep(moments.uniform(2, 20))
            if process.poll() is None:
                kill(process)
        code, output = call("study", recipe, cwd=folder)
        assert code == 0, output
        hashes.append(json.loads((folder / "runs/tiny/dataset/manifest.json").read_text())["dataset_hash"])
    assert hashes[0] == hashes[1]


def test_interrupt_says_how_to_go_on(root: Path, tmp_path: Path) -> None:
    recipe = write_tiny_recipes(root, tmp_path)
    process = start("study", recipe, cwd=tmp_path)
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "the same command continues" in output and "Traceback" not in output
