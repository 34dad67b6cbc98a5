"""The benchmark of training runs: a tiny shape on the CPU (slow), the real one where there is a GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks/bench_train_throughput.py"


def bench(out: Path, *options: str) -> list[dict[str, float]]:
    done = subprocess.run([sys.executable, SCRIPT, "--out", out, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())["found"]  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_measures(axolotl: Path, tmp_path: Path) -> None:
    plain, packed = bench(tmp_path / "found.json", "--tiny", "--steps", "8", "--variants", "plain", "packed")
    assert plain["tokens_per_second"] > 0 and packed["tokens_per_second"] > 0 and plain["mfu"] is None


@pytest.mark.gpu
@pytest.mark.timeout(1800)
def test_the_recipe_uses_the_gpu(axolotl: Path, tmp_path: Path) -> None:
    plain, packed = bench(tmp_path / "found.json", "--steps", "20", "--variants", "plain", "packed")
    assert 0.05 < plain["mfu"] < packed["mfu"] < 0.8
