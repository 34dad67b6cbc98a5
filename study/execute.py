"""Runs the stages of a study: those not yet done, as soon as what they need is there, a few at a time."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO

from datasets_builder.skillmix.errors import DskillError, OutsideError
from study.plan import OUT, TRAINED, Stage
from study.progress import Progress
from study.stages import RunFolder
from study.stamp import stamp

EVERY = 2.0  # seconds between looks at what was handed over
STEP = re.compile(r"(\d+)/(\d+) \[[^\]]*?(?:it/s|s/it)|^progress (\d+)/(\d+)(?: (.*))?$")
LOSS = re.compile(r"'loss': '?([\d.]+)")
NOISE = re.compile(r"^\s*$|warning|\bit/s\b|^\s*(File|raise|return)\b|\^{3,}", re.IGNORECASE)


class AwayError(OutsideError):
    """Work was handed over to another system and is not done."""


def run_stages(
    stages: Iterable[Stage], folder: RunFolder, workers: int, progress: Progress, patient: bool = False
) -> None:
    """Runs all that is not done. On a failure or Ctrl-C the running commands are stopped, what is done stays done.

    Args:
        stages: In a sensible order.
        folder: Where they run.
        workers: How many at a time.
        progress: What they report to.
        patient: Waits for what was handed over, instead of ending where nothing else is left to do.

    Raises:
        ResumeError: A done stage had other inputs.
        OutsideError: A command failed; the message has its last words and its log.
        AwayError: Nothing is left to do here, and work that was handed over is not done.
    """
    waiting = list(stages)
    done = _skip_done(waiting, folder, progress)
    crew, running, away = Crew(folder, progress), dict[Future[bool], Stage](), list[Stage]()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                for stage in [s for s in away if crew.collect(s)]:
                    away.remove(stage)
                    done.add(stage.name)
                for stage in [s for s in waiting if done.issuperset(s.needs)][: workers - len(running)]:
                    waiting.remove(stage)
                    running[pool.submit(crew.run, stage)] = stage
                if running:
                    for future in wait(running, EVERY if away else None, FIRST_COMPLETED).done:
                        stage = running.pop(future)
                        if future.result():
                            done.add(stage.name)
                        else:
                            away.append(stage)
                elif away and patient:
                    time.sleep(EVERY)
                else:
                    break
        except BaseException:
            crew.stop()
            raise
    if away:
        raise AwayError(_describe_away(away, folder))


def _skip_done(waiting: list[Stage], folder: RunFolder, progress: Progress) -> set[str]:
    """Takes out what an earlier run has done, by the same recipes; returns its names."""
    for stage in waiting:
        folder.check(stage)
    done = set[str]()
    for stage in list(waiting):
        if (seconds := folder.seconds(stage)) is not None:
            progress.skip(stage, seconds)
            done.add(stage.name)
            waiting.remove(stage)
    return done


class Crew:
    """The commands that run now."""

    def __init__(self, folder: RunFolder, progress: Progress) -> None:
        self.folder, self.progress = folder, progress
        self._processes: set[subprocess.Popen[str]] = set()
        self._stopping = threading.Event()

    def run(self, stage: Stage) -> bool:
        """Runs one stage into a working folder, renames it into place and marks the stage as done.

        Returns:
            Whether it is done; False for work that was handed over.
        """
        if stage.handed_over:
            self._hand_over(stage)
            return False
        started = time.monotonic()
        output = self.folder.path / stage.output
        working = output.with_name(f".{output.name}.working")
        for path in (working, *(self.folder.path / name for name in stage.scratch)):
            shutil.rmtree(path, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        self.progress.start(stage)
        self._call(stage, working)
        if not working.is_dir():
            raise OutsideError(
                f"stage {stage.name!r} ended well but made no {stage.output} (log: {self.folder.log(stage)})"
            )
        self._stamp(stage, working)
        shutil.rmtree(output, ignore_errors=True)
        working.rename(output)
        self._finish(stage, time.monotonic() - started)
        return True

    def collect(self, stage: Stage) -> bool:
        """Takes up work that was handed over, when its folder says that it is whole."""
        output = self.folder.path / stage.output
        if not (output / TRAINED).is_file():
            return False
        self._stamp(stage, output)
        ended, given = ((p.stat().st_mtime) for p in (output / TRAINED, self.folder.handed_over(stage)))
        self._finish(stage, max(0.0, ended - given))
        return True

    def stop(self) -> None:
        """Ends all running commands, politely first."""
        self._stopping.set()
        for process in list(self._processes):
            process.terminate()
        for process in list(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def _hand_over(self, stage: Stage) -> None:
        """Gives the work to another system, once; it writes the output folder itself."""
        if self.folder.handed_over(stage).is_file():
            self.progress.hand_over(stage, f"handed over before, awaits {stage.output}/{TRAINED}")
            return
        copy = self.folder.path / stage.copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        if stage.recipe:
            shutil.copyfile(stage.recipe, copy)
        started = time.monotonic()
        self.progress.start(stage)
        self._call(stage, self.folder.path / stage.output)
        self.folder.mark_handed_over(stage, time.monotonic() - started)
        self.progress.hand_over(stage, f"handed over, awaits {stage.output}/{TRAINED}")

    def _stamp(self, stage: Stage, checkpoint: Path) -> None:
        if stage.recipe:
            stamp(checkpoint, stage.recipe, self.folder.path, overrides={"seed": stage.inputs["seed"]})

    def _finish(self, stage: Stage, seconds: float) -> None:
        self.folder.mark(stage, seconds)
        self.progress.finish(stage, seconds)

    def _call(self, stage: Stage, working: Path) -> None:
        command = [part.replace(OUT, str(working.relative_to(self.folder.path))) for part in stage.command]
        with self.folder.log(stage).open("w") as log:
            process = _start(command, self.folder.path, stage.environment)
            self._processes.add(process)
            try:
                assert process.stdout is not None
                self._follow(stage, process.stdout, log)
                status = process.wait()
            finally:
                self._processes.discard(process)
        if status and not self._stopping.is_set():
            raise _failure(stage, status, self.folder.log(stage))
        if status:
            raise OutsideError(f"stage {stage.name!r} was stopped")

    def _follow(self, stage: Stage, output: IO[str], log: IO[str]) -> None:
        """Copies what a command prints to its log and picks its progress out (universal newlines: \\r ends a line)."""
        for line in output:
            log.write(line)
            if found := STEP.search(line):
                done, total = found[1] or found[3], found[2] or found[4]
                loss = LOSS.search(line)
                self.progress.step(stage, int(done), int(total), f"loss {loss[1]}" if loss else found[5] or "")
            elif loss := LOSS.search(line):
                self.progress.note(stage, f"loss {loss[1]}")


def _describe_away(away: Sequence[Stage], folder: RunFolder) -> str:
    """What is not done yet, and how to go on."""
    files = ", ".join(f"{stage.output}/{TRAINED}" for stage in away)
    markers = ", ".join(folder.handed_over(stage).name for stage in away)
    return (
        f"{folder.path}: {len(away)} trainings were handed over and are not done; the same command goes on with "
        f"{files} (--wait waits for it); a job that failed is given anew when {markers} in stages/ is deleted"
    )


def _start(command: list[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    """A killed study must not leave a training run behind that writes where the next one does (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 = PR_SET_PDEATHSIG


def _failure(stage: Stage, status: int, log: Path) -> DskillError:
    """The last telling line of a failed command; a stage of ours that ended with 2 was a user's mistake."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if not NOISE.search(line)]
    last = lines[-1].removeprefix("error: ")[:300] if lines else "no output"
    error = OutsideError(f"stage {stage.name!r} failed (exit code {status}): {last} (log: {log})")
    if status == 2:
        error.exit_code = 2
    return error
