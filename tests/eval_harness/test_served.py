"""A server that nobody here wrote: ``transformers serve``, evaluated by HTTP beside the same weights read directly."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval_harness.access import Access
from eval_harness.results import EvalRun
from eval_harness.suite import run_suite
from eval_harness.suite_config import EvalSuite

PATIENCE = 180.0  # seconds until the server must answer
SUITE = EvalSuite(
    catalogue="miniature",
    grader="miniature",
    splits=("train", "held-out"),
    k=(1, 2),
    n=6,
    revise=True,
    temperature=0.0,
    max_tokens=24,
)


@pytest.fixture(scope="module")
def served(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for the tiny checkpoint; it is ended with the tests."""
    program = Path(sys.executable).with_name("transformers")
    if not program.exists():
        pytest.skip("no transformers program beside this Python")
    folder = tmp_path_factory.mktemp("serve")
    port = _free_port()
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", str(checkpoint)]
    with (folder / "log").open("w") as log:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder)}
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_greedy_texts_agree_by_http_by_hf_and_by_folder(
    served: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVED_API_KEY", "not needed")
    by_http = run_suite(SUITE, Access(f"openai-api/served/{checkpoint}", served, connections=2), tmp_path / "http")
    by_hf = run_suite(SUITE, Access(f"hf/{checkpoint}", args={"device": "cpu"}), tmp_path / "hf")
    by_folder = run_suite(SUITE, f"folder/{checkpoint}", tmp_path / "folder")
    assert by_folder.model == f"folder/{checkpoint.name}"
    found = texts(by_folder)
    assert len(set(found.values())) > len(found) / 2 and all(found.values())
    assert texts(by_hf) == found
    assert texts(by_http) == found


@pytest.mark.slow
def test_answers_of_a_folder_that_hf_reads_do_not_outlive_its_weights(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    suite = SUITE.model_copy(update={"n": 2, "splits": ("train",), "k": (1,)})
    student = Access(f"hf/{folder}", args={"device": "cpu"})
    first = run_suite(suite, student, tmp_path / "run")
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: -values for name, values in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    second = run_suite(suite, student, tmp_path / "run")
    assert texts(first).keys() == texts(second).keys() and texts(first) != texts(second)


def texts(run: EvalRun) -> dict[tuple[str, str], str]:
    """Text by split and combination."""
    return {(cell.split, row.combination): row.text for cell in run.cells for row in cell.rows}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"transformers serve did not start: {log.read_text()[-500:]}")
