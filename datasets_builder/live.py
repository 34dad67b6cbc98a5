"""Shows a build while it runs: a live bar on a terminal, plain lines ``progress DONE/TOTAL note`` elsewhere."""

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from datasets_builder.meter import Meter, current_meter
from datasets_builder.runner import Progress

WINDOW = 30.0  # seconds over which the rate is taken: rows from the cache come fast and say nothing about the rest
PLAIN_SHARE, PLAIN_SECONDS = 0.01, 10.0  # a plain line is due after so much of the work, or so long
MIN_SECONDS = 0.2  # between two plain lines
MIN_ROWS = 20  # rows from which the cost of the rest is projected


class Live:
    """What a build reports to."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("build"), BarColumn(24), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
        self._bars = Bars(*columns, console=console) if console.is_terminal else None
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._shown, self._shown_at = 0, -PLAIN_SECONDS

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
            self._bars.add_task("build", total=None, note="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Shows how far the build is, in this moment or as soon as a line is due."""
        now = time.monotonic()
        self._recent.append((now, progress.done))
        while len(self._recent) > 2 and now - self._recent[1][0] > WINDOW:
            self._recent.popleft()
        note = describe(progress, self._rate(), current_meter.get())
        if self._bars:
            self._bars.update(self._bars.tasks[0].id, completed=progress.done, total=progress.total, note=note)
        elif self._is_due(progress, now):
            self._shown, self._shown_at = progress.done, now
            print(f"progress {progress.done}/{progress.total} {note}", flush=True)

    def _rate(self) -> float:
        (began, before), (now, done) = self._recent[0], self._recent[-1]
        return (done - before) / max(now - began, 1e-9)

    def _is_due(self, progress: Progress, now: float) -> bool:
        if progress.done == progress.total:
            return self._shown < progress.total
        ahead, waited = progress.done - self._shown, now - self._shown_at
        return waited >= PLAIN_SECONDS or (waited >= MIN_SECONDS and ahead >= PLAIN_SHARE * progress.total)


def describe(progress: Progress, rate: float, meter: Meter | None) -> str:
    """``12.3 rows/s, kept 45 (61%), $1.20 of about $9.80, 3 min left``."""
    share = f" ({progress.kept / progress.done:.0%})" if progress.done else ""
    parts = [f"{rate:,.{0 if rate >= 10 else 1}f} rows/s", f"kept {progress.kept}{share}"]
    if meter and (meter.paid or meter.used_usd):
        parts.append(_cost(progress, meter))
    left = progress.total - progress.done
    if left and rate > 0:
        parts.append(f"{_span(left / rate)} left")
    return ", ".join(parts)


def _cost(progress: Progress, meter: Meter) -> str:
    """So far, in all runs of this build; and in the end, if the rest costs what the rows that are done cost."""
    unknown = " + unknown" if meter.unpriced else ""
    so_far = f"${meter.spent_usd:,.2f}{unknown}"
    if progress.done < MIN_ROWS or progress.done == progress.total:
        return so_far
    projected = max(meter.spent_usd, meter.used_usd / progress.done * progress.total)
    return f"{so_far} of about ${projected:,.2f}{unknown}"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
