"""Stops a streamed run so that nothing paid for is lost: no request is begun any more, those in flight are finished."""

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datasets_builder.meter import current_meter
from datasets_builder.skillmix.errors import DskillError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 30.0  # seconds that requests in flight get after an interrupt


class Interrupted(DskillError):
    """SIGINT or SIGTERM came; a KeyboardInterrupt itself would end the event loop on the spot."""


class Halt:
    """Why a run stops: the first error that no further request can mend, or an interrupt."""

    def __init__(self) -> None:
        self.error: DskillError | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def stop(self, error: DskillError) -> None:
        """Begins to stop; the meter refuses even the next request of a row that is under way."""
        if self.error is None:
            self.error = error
            if meter := current_meter.get():
                # Not the interrupt itself: raised in a task it would end the event loop, and with it what is in flight.
                meter.halt(error if isinstance(error, DskillError) else DskillError("interrupted"))

    def raise_error(self) -> None:
        """Raises why the run was stopped, if it was."""
        if isinstance(self.error, Interrupted):
            raise KeyboardInterrupt
        if self.error is not None:
            raise self.error

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM as a wish to stop; the second one, or the end of patience, cancels this task."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, lambda: self._interrupt(loop, task))
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])
            if self._waiting:
                self._waiting.cancel()

    def _interrupt(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]") -> None:
        if self._waiting is not None:
            task.cancel()
            return
        self.stop(Interrupted())
        self._waiting = loop.call_later(PATIENCE, task.cancel)
        print("stopping: requests in flight are finished first; once more stops at once", file=sys.stderr, flush=True)
