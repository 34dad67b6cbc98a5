"""Runs a streamed run's coroutine to its end: in this thread or, where that has an event loop at work, in another."""

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from datasets_builder.halt import Halt, Interrupted

Result = TypeVar("Result")


def drive(work: Coroutine[Any, Any, Result], halt: Halt) -> Result:
    """The coroutine's result; a notebook's cell, which has an event loop around it, gets it as a plain script does."""
    with _few_collections():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(work)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(copy_context().run, asyncio.run, work)
            try:
                return future.result()
            except KeyboardInterrupt:  # it comes to the main thread alone
                halt.stop(Interrupted())
                return future.result()


@contextmanager
def _few_collections() -> Iterator[None]:
    """Keeps what is in memory already out of garbage collections: some 400,000 objects of libraries, which otherwise
    each full collection goes through, at a third of the whole CPU of a run."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
