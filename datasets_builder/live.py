"""Shows work while it runs: a live bar on a terminal, plain lines ``progress DONE/TOTAL note`` elsewhere."""

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from datasets_builder.meter import Meter, current_meter

if TYPE_CHECKING:
    from datasets_builder.runner import Progress

WINDOW = 30.0  # seconds over which the rate is taken: rows from the cache come fast and say nothing about the rest
PLAIN_SHARE, PLAIN_SECONDS = 0.01, 10.0  # a plain line is due after so much of the work, or so long
MIN_SECONDS = 0.2  # between two plain lines
MIN_ROWS = 20  # rows from which the cost of the rest is projected


class Done(Protocol):
    """How far some work is."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


State = TypeVar("State", bound=Done)


class Live(Generic[State]):
    """What a build or an evaluation reports to; ``describe`` puts a state and its rate into words."""

    def __init__(self, console: Console, title: str, describe: Callable[[State, float, Meter | None], str]) -> None:
        columns = (TextColumn(title), BarColumn(24), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
        self._console, self._title, self._describe = console, title, describe
        self._bars = Bars(*columns, console=console) if console.is_terminal else None
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._shown, self._shown_at = 0, -PLAIN_SECONDS

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
            self._bars.add_task(self._title, total=None, note="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: State) -> None:
        """Shows how far the work is, in this moment or as soon as a line is due."""
        now = time.monotonic()
        self._recent.append((now, progress.done))
        while len(self._recent) > 2 and now - self._recent[1][0] > WINDOW:
            self._recent.popleft()
        note = self._describe(progress, self._rate(), current_meter.get())
        if self._bars:
            self._bars.update(self._bars.tasks[0].id, completed=progress.done, total=progress.total, note=note)
        elif self._is_due(progress, now):
            self._shown, self._shown_at = progress.done, now
            print(f"progress {progress.done}/{progress.total} {note}", file=self._console.file, flush=True)

    def _rate(self) -> float:
        (began, before), (now, done) = self._recent[0], self._recent[-1]
        return (done - before) / max(now - began, 1e-9)

    def _is_due(self, progress: State, now: float) -> bool:
        if progress.done == progress.total:
            return self._shown < progress.total
        ahead, waited = progress.done - self._shown, now - self._shown_at
        return waited >= PLAIN_SECONDS or (waited >= MIN_SECONDS and ahead >= PLAIN_SHARE * progress.total)


def describe(progress: "Progress", rate: float, meter: Meter | None) -> str:
    """``12.3 rows/s, kept 45 (61%), $1.20 of about $9.80, 3 min left``."""
    share = f" ({progress.kept / progress.done:.0%})" if progress.done else ""
    parts = [speed(rate, "rows"), f"kept {progress.kept}{share}"]
    if meter and (meter.paid or meter.used_usd):
        parts.append(cost(progress, meter, meter.used_usd))
    return ", ".join(parts + left(progress, rate))


def speed(rate: float, unit: str) -> str:
    """``12 rows/s``."""
    return f"{rate:,.{0 if rate >= 10 else 1}f} {unit}/s"


def left(progress: Done, rate: float) -> list[str]:
    """``3 min left``, where that can be told."""
    rest = progress.total - progress.done
    return [f"{_span(rest / rate)} left"] if rest and rate > 0 else []


def cost(progress: Done, meter: Meter, worth: float) -> str:
    """So far, in all runs of this work; and in the end, if the rest costs what is done is worth, in USD."""
    if meter.unpriced and not worth:
        return "cost unknown"
    unknown = " + unknown" if meter.unpriced else ""
    so_far = f"${meter.spent_usd:,.2f}{unknown}"
    if progress.done < MIN_ROWS or progress.done == progress.total:
        return so_far
    projected = max(meter.spent_usd, worth / progress.done * progress.total)
    return f"{so_far} of about ${projected:,.2f}{unknown}"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
