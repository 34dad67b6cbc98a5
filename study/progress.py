"""Shows a study's stages while they run: live bars on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Iterable
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from study.plan import Stage

PLAIN_EVERY = 0.25  # share of a stage after which a plain line is due


class Progress(Protocol):
    """What the stages report to."""

    def skip(self, stage: Stage, seconds: float) -> None: ...
    def start(self, stage: Stage) -> None: ...
    def step(self, stage: Stage, done: int, total: int, note: str) -> None: ...
    def note(self, stage: Stage, note: str) -> None: ...
    def hand_over(self, stage: Stage, note: str) -> None: ...
    def finish(self, stage: Stage, seconds: float) -> None: ...


class PlainProgress:
    """One line a start, a quarter and an end."""

    def __init__(self, console: Console) -> None:
        self._console, self._begun, self._lock = console, time.monotonic(), threading.Lock()
        self._shown: dict[str, float] = {}
        self._notes: dict[str, str] = {}

    def skip(self, stage: Stage, seconds: float) -> None:
        """A stage that an earlier run has done."""
        self._say(f"{stage.name}: done before ({seconds:.1f} s)")

    def start(self, stage: Stage) -> None:
        """A stage begins."""
        self._shown[stage.name] = 0.0
        self._say(f"{stage.name}: started")

    def step(self, stage: Stage, done: int, total: int, note: str) -> None:
        """A stage is at ``done`` of ``total`` steps."""
        self._notes[stage.name] = note or self._notes.get(stage.name, "")
        if total and done < total and done / total >= self._shown[stage.name] + PLAIN_EVERY:
            self._shown[stage.name] = done / total
            self._say(f"{stage.name}: {done}/{total} {self._notes[stage.name]}".rstrip())

    def note(self, stage: Stage, note: str) -> None:
        """A word on the present step, shown with the next line."""
        self._notes[stage.name] = note

    def hand_over(self, stage: Stage, note: str) -> None:
        """A stage's work is with another system."""
        self._say(f"{stage.name}: {note}")

    def finish(self, stage: Stage, seconds: float) -> None:
        """A stage is done."""
        self._say(f"{stage.name}: done in {seconds:.1f} s")

    def _say(self, text: str) -> None:
        with self._lock:
            self._console.print(
                f"[{time.monotonic() - self._begun:6.1f} s] {text}", markup=False, highlight=False, soft_wrap=True
            )


class LiveProgress:
    """One bar a stage."""

    def __init__(self, console: Console, stages: Iterable[Stage]) -> None:
        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bars = Bars(*columns, console=console)
        self._tasks: dict[str, Any] = {
            s.name: self._bars.add_task(s.name, total=None, start=False, note="") for s in stages
        }

    def __enter__(self) -> "LiveProgress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def skip(self, stage: Stage, seconds: float) -> None:
        """A stage that an earlier run has done."""
        self._bars.update(self._tasks[stage.name], total=1, completed=1, note=f"done before ({seconds:.1f} s)")

    def start(self, stage: Stage) -> None:
        """A stage begins."""
        self._bars.start_task(self._tasks[stage.name])

    def step(self, stage: Stage, done: int, total: int, note: str) -> None:
        """A stage is at ``done`` of ``total`` steps."""
        self._bars.update(self._tasks[stage.name], completed=done, total=total)
        if note:
            self.note(stage, note)

    def note(self, stage: Stage, note: str) -> None:
        """A word on the present step."""
        self._bars.update(self._tasks[stage.name], note=note)

    def hand_over(self, stage: Stage, note: str) -> None:
        """A stage's work is with another system."""
        self.note(stage, note)

    def finish(self, stage: Stage, seconds: float) -> None:
        """A stage is done."""
        task = self._tasks[stage.name]
        total = next(t.total for t in self._bars.tasks if t.id == task) or 1
        self._bars.update(task, completed=total, total=total, note=f"done in {seconds:.1f} s")
        self._bars.stop_task(task)
