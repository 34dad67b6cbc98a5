"""Stands before every request of an evaluation: counts what it costs, and stops a run so that nothing paid is lost.

    with listening(gate): evaluate(..., gate.guard(model, "student"), ...)

A run stops at a spent budget, a request that no further try can mend, Ctrl-C or SIGTERM. No request is begun then;
those in flight are finished, and their answers are in the cache when the run ends.
"""

import signal
import sys
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import anyio
from inspect_ai.model import Model

from datasets_builder.halt import PATIENCE, SIGNALS, Interrupted
from datasets_builder.meter import Meter
from datasets_builder.model_access import cause_of, one_line, usage_of
from datasets_builder.model_names import public_name
from datasets_builder.skillmix.errors import DskillError, OutsideError


class Gate:
    """Lets requests pass until the run halts, then holds them back until those in flight are finished."""

    def __init__(self, meter: Meter | None = None) -> None:
        self.meter = meter
        self.error: DskillError | None = None
        self._in_flight = 0
        self._idle = anyio.Event()

    def guard(self, model: Model, role: str) -> Model:
        """Puts the gate before each request that is really sent; what the cache answers does not come here."""
        send, name = model.api.generate, public_name(str(model))

        async def generate(*args: Any, **kwargs: Any) -> Any:
            await self._admit(name)
            try:
                answer = await self._count(send(*args, **kwargs))
                output = answer[0] if isinstance(answer, tuple) else answer
                if isinstance(output, Exception):  # so providers hand over what no retry can mend
                    self.halt(_explain(model, output))
                    await self._idle.wait()
                elif self.meter is not None:
                    self.meter.record(name, role, usage_of(output), cached=False)
                return answer
            except Exception as error:
                if not model.api.should_retry(error):
                    self.halt(_explain(model, error))
                    await self._idle.wait()
                raise

        setattr(model.api, "generate", generate)  # noqa: B010 (mypy lets no method of an object be assigned)
        return model

    def halt(self, error: DskillError) -> None:
        """Begins to stop; the first reason counts."""
        self.error = self.error or error
        self._settle()

    def raise_error(self) -> None:
        """Raises why the run was stopped, if it was."""
        if isinstance(self.error, Interrupted):
            raise KeyboardInterrupt
        if self.error is not None:
            raise self.error

    async def _admit(self, model: str) -> None:
        if self.error is None and self.meter is not None:
            try:
                self.meter.admit(model)
            except DskillError as error:
                self.halt(error)
        if self.error is not None:
            await self._idle.wait()  # an error would cancel the requests in flight: paid for, and not yet kept
            raise DskillError("stopped")

    async def _count(self, request: Awaitable[Any]) -> Any:
        self._in_flight += 1
        try:
            return await request
        finally:
            self._in_flight -= 1
            self._settle()

    def _settle(self) -> None:
        if self.error is not None and self._in_flight == 0:
            self._idle.set()


@contextmanager
def listening(gate: Gate) -> Iterator[None]:
    """Takes SIGINT and SIGTERM as a wish to stop; the second one, or the end of patience, ends the run at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if gate.error is not None or number == signal.SIGALRM:
            raise KeyboardInterrupt
        gate.halt(Interrupted())
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        print("stopping: requests in flight are finished first; once more stops at once", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, stop) for number in (*SIGNALS, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _explain(model: Model, error: Exception) -> DskillError:
    """Why no further request can succeed, in one line."""
    if isinstance(error, DskillError):
        return error
    cause, name = cause_of(error), public_name(str(model))
    if isinstance(cause, Exception) and model.api.is_auth_failure(cause):
        return OutsideError(f"{name}: the provider does not accept the key: {one_line(cause)}")
    return OutsideError(f"{name}: {one_line(cause)[:300]}")
