"""``dskill build`` as a process against the loopback server: its recipe, its environment, and what it leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import psutil
import yaml
from loopback import LoopbackLLM
from loopback_ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-loopback-4f1d9a77c0e24b6d"  # stands for a secret: no output may hold it
OPENAI = ("openai-api/loopback/teacher", "openai-api/loopback/grader")
MIXED = ("anthropic/claude-haiku-4-5", "openai/gpt-4o-mini")
GRACE = 1.0  # seconds between an answer's leaving the server and its being in the cache, at most
CONNECTIONS = 8  # for each model
PATIENCE = 240.0  # seconds for a build

CONTENT: dict[str, Any] = {
    "name": "faults",
    "catalogue": "miniature",
    "partition": {"by": "random", "train": 22, "seed": 0},
    "combinations": {2: {"n": 50}, 3: {"n": 50}},
    "seed": 0,
    "votes": 3,
    "validation": 0.2,
    "concurrency": CONNECTIONS,
}


class Outcome(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


class Builder:
    """One recipe, one output folder, one server; the same command as often as wanted."""

    def __init__(self, folder: Path, server: LoopbackLLM, models: tuple[str, str] = OPENAI, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.server, self.out = folder, server, folder / "dataset"
        model = [{"model": name, "connections": CONNECTIONS} for name in models]
        content = {**CONTENT, "teacher": model[0], "grader": model[1], **changes}
        self.recipe = folder / "recipe.yml"
        self.recipe.write_text(yaml.safe_dump(content))

    def start(self, *options: str, prepare: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """The command, with the server's address and key; ``prepare`` runs in the new process."""
        return self._start([*self.command, *options], prepare)

    @property
    def command(self) -> list[str]:
        """The command without options."""
        return [sys.executable, "-m", "dskill", "build", str(self.recipe), "--out", self.out.name]

    def run(self, *options: str, prepare: Callable[[], None] | None = None) -> Outcome:
        """The command to its end."""
        return finish(self.start(*options, prepare=prepare))

    def run_on_small_disk(self, kilobytes: int) -> list[Outcome]:
        """The command on a disk of that size, and again once it has 64 MB; the dataset is brought to its usual place.

        The disk is a tmpfs that only this process sees; making one takes a kernel that lets users make namespaces.
        """
        (self.folder / "disk").mkdir()
        script = f"""mount -t tmpfs -o size={kilobytes}k none disk; cd disk
            "$@" >../small.out 2>../small.err; echo $?
            mount -o remount,size=64m .
            "$@" >../large.out 2>../large.err; echo $?
            cp -r dataset .."""
        outcome = finish(self._start(["unshare", "-rm", "sh", "-c", script, "sh", *self.command]))
        said = [
            [(self.folder / f"{name}.{kind}").read_text() for kind in ("out", "err")] for name in ("small", "large")
        ]
        return [Outcome(int(code), out, err) for code, (out, err) in zip(outcome.out.split(), said, strict=True)]

    def stop_after(self, requests: int, number: signal.Signals) -> tuple[Outcome, float]:
        """Starts the command, sends it a signal once the server has had so many requests; its end, and the moment."""
        goal, process = len(self.server.ledger) + requests, self.start()
        while len(self.server.ledger) < goal and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None, finish(process)
        moment = time.time()
        process.send_signal(number)
        return finish(process), moment

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every row of the dataset, kept or rejected, by the name that the ledger has for it."""
        files = [*self.out.glob("data/*/*.parquet"), *self.out.glob("rejects/*.parquet")]
        rows = [row for file in files for row in pl.read_parquet(file).to_dicts()]
        return {f"{'+'.join(row['skills'])}@{row['topic']}": row for row in rows}

    def parquet(self) -> dict[str, bytes]:
        """The dataset's files."""
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in self.out.rglob("*.parquet")}

    def _start(self, command: list[str], prepare: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), stdout=pipe, stderr=pipe, text=True, preexec_fn=prepare
        )

    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"  # whatever a library leaves in a home folder is looked through as well
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "INSPECT_"))}
        return {**kept, **connections(self.server), "HOME": str(home), "PYTHONPATH": str(ROOT)}


def connections(server: LoopbackLLM, key: str = KEY) -> dict[str, str]:
    """The variables by which every SDK finds the server."""
    urls = {"LOOPBACK": server.openai_url, "OPENAI": server.openai_url, "ANTHROPIC": server.anthropic_url}
    keys = {f"{name}_API_KEY": key for name in urls}
    return keys | {f"{name}_BASE_URL": url for name, url in urls.items()}


def finish(process: subprocess.Popen[str]) -> Outcome:
    """Waits for the end of a process; one that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        for child in (*psutil.Process(process.pid).children(recursive=True), process):
            child.kill()
        out, err = process.communicate()
        raise AssertionError(f"no end after {PATIENCE} s:\n{out[-2000:]}\n{err[-2000:]}") from None
    return Outcome(process.returncode, out, err)


def check_paid(disturbed: Ledger, undisturbed: Ledger, stops: list[float]) -> None:
    """Nothing was answered more often than in an undisturbed run, but for what was in flight when a stop came."""
    excess = disturbed.answered() - undisturbed.answered()
    assert excess.total() <= len(stops) * 2 * CONNECTIONS, f"{excess.total()} answers paid again"
    for messages, times in excess.items():
        caught = sum(any(e.messages == messages for e in disturbed.in_flight(stop, GRACE)) for stop in stops)
        assert times <= caught, f"paid again {times} times, and in flight at {caught} stops only"


def files_with(folder: Path, secret: str) -> list[Path]:
    """The files that hold a text, Parquet files unpacked."""

    def content(path: Path) -> bytes:
        unpacked = str(pl.read_parquet(path).to_dicts()).encode() if path.suffix == ".parquet" else b""
        return path.read_bytes() + unpacked

    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in content(path)]
