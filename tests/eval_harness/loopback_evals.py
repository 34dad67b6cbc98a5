"""``dskill eval`` as a process against the loopback server: a miniature suite with paid student and paid grader."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from loopback import LoopbackLLM

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-loopback-77c0e24b6d4f1d9a"  # stands for a secret: no output may hold it
STUDENT, GRADER = "openai-api/loopback/teacher", "openai-api/loopback/grader"
CONNECTIONS = 8  # for each model
PATIENCE = 240.0  # seconds for a command

SUITE: dict[str, Any] = {
    "catalogue": "miniature",
    "grader": "model",
    "splits": ["train", "held-out"],
    "k": [2],
    "n": 30,
    "votes": 3,
    "revise": True,
    "max_unscored": 1.0,
}


class Outcome(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


class Evaluation:
    """One suite, one output folder, one server; the same command as often as wanted."""

    def __init__(self, folder: Path, server: LoopbackLLM, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.server, self.out = folder, server, folder / "run"
        self.recipe = folder / "suite.yml"
        self.recipe.write_text(yaml.safe_dump({**SUITE, **changes}))

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """The command, with the server's address and key."""
        environment = {**os.environ, "LOOPBACK_API_KEY": KEY, "LOOPBACK_BASE_URL": self.server.openai_url}
        models = ("--model", STUDENT, "--grader", GRADER, "--connections", str(CONNECTIONS))
        return subprocess.Popen(
            [sys.executable, "-m", "dskill", "eval", "suite.yml", *models, "--out", "run", *options],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(ROOT), "COLUMNS": "150"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> Outcome:
        """The command to its end."""
        return finish(self.start(*options))

    def stop_after(self, requests: int, number: signal.Signals) -> tuple[Outcome, float]:
        """Sends the command a signal once the server has had so many requests; its end, and the moment."""
        goal, process = len(self.server.ledger) + requests, self.start()
        while len(self.server.ledger) < goal and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        return finish(process), time.time()

    def texts(self) -> list[dict[str, Any]]:
        """All rows of the finished run, less nothing."""
        (path,) = self.out.glob("results-*.json")
        return [row for cell in json.loads(path.read_text())["cells"] for row in cell["rows"]]


def finish(process: "subprocess.Popen[str]") -> Outcome:
    """Waits for a process; one that hangs is killed."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    return Outcome(process.returncode, out, err)
