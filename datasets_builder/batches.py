"""Batch mode: a provider's half price for answers within a day, by Inspect's batchers, with faults of theirs mended.

Inspect gathers the requests that wait, sends them as one batch, and looks every 15 seconds whether it is done. On its
own it loses all answers of an OpenAI batch when one of its requests was refused, and waits for ever for the requests
that are left when a batch could not be made. That a whole batch is refused is no fault of its rows: it stops the run.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from inspect_ai._util.background import background_task_group, set_background_task_group
from inspect_ai.model import ModelAPI
from inspect_ai.model._providers._openai_batch import OpenAIBatcher
from inspect_ai.model._providers.util.batch import Batch
from inspect_ai.model._providers.util.batch_log import set_batch_log_callback, set_batch_status_callback
from openai.types.batch import Errors as BatchErrors

from datasets_builder.model_names import hide_secrets

MAX_TOLD = 3  # reasons of a refused batch
LATE = 408  # the status of a request that its batch had no time for: it is asked again


class BatchError(Exception):
    """The provider refuses a whole batch."""


class _Workers:
    """Runs the worker of each batcher, in the place of the task group of an evaluation."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusals: set[BaseException] = set()

    def refused(self, error: BaseException) -> bool:
        """Whether this is the error of a whole batch."""
        return error in self._refusals

    def start_soon(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begins to run a batcher's worker."""
        batcher = getattr(work, "__self__", None)
        if type(batcher) is OpenAIBatcher and "_parse_jsonl_line" not in vars(batcher):  # begun for the first time
            _keep_the_others(batcher)
            self._tell_refusal(batcher)
        task = asyncio.create_task(self._persist(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """A worker ends with an error when a batch could not be made; its requests have it, the others still wait."""
        while True:
            try:
                return await work()
            except Exception as error:
                last = getattr(error, "last_attempt", None)  # of tenacity's RetryError
                self._refusals.add(last.exception() if last else error)

    def _tell_refusal(self, batcher: OpenAIBatcher[Any]) -> None:
        """OpenAI takes a batch and refuses it later, with a reason that Inspect does not tell."""

        def refuse(batch: Batch[Any], errors: BatchErrors | None) -> dict[str, Exception]:
            told = [f"{one.code}: {one.message}" for one in (errors.data if errors else None) or ()]
            error = BatchError("; ".join(told[:MAX_TOLD]) or "the provider gives no reason")
            self._refusals.add(error)
            return dict.fromkeys(batch.requests, error)

        batcher._results_from_rejection = refuse  # type: ignore[method-assign]


_WORKERS = _Workers()
batch_refused = _WORKERS.refused


def forget_traces(api: ModelAPI) -> None:
    """Makes a provider, this one object of it, raise errors without a past.

    All requests of a batch that could not be made get one and the same error. Its traceback would grow by each of them,
    and Inspect formats it for each: minutes for a few hundred.
    """
    generate = api.generate

    async def generate_afresh(*args: Any, **options: Any) -> Any:
        try:
            return await generate(*args, **options)
        except Exception as error:
            raise error.with_traceback(None) from error.__cause__

    api.generate = generate_afresh  # type: ignore[method-assign]


@contextmanager
def batch_workers() -> Iterator[None]:
    """Inside it a request in batch mode gets an answer, or an error, whatever becomes of its batch."""
    set_batch_status_callback(lambda status: None)  # by default a line every 15 seconds
    set_batch_log_callback(_tell)
    before = background_task_group()
    set_background_task_group(_WORKERS)  # type: ignore[arg-type]
    try:
        yield
    finally:
        set_background_task_group(before)


def _tell(message: str) -> None:
    print(hide_secrets(" ".join(message.split())), file=sys.stderr, flush=True)


def _keep_the_others(batcher: OpenAIBatcher[Any]) -> None:
    """Makes a refused request in a batch an error of that request alone.

    OpenAI tells it as a response whose body is an error, and Inspect tries to read an answer in that body.
    """
    parse = batcher._parse_jsonl_line

    def parse_refusal(line: dict[str, Any]) -> tuple[str, Any]:
        response = line.get("response") or {}
        error = line.get("error") or (response.get("body") or {}).get("error")
        if not error:
            return parse(line)
        request = httpx2.Request("POST", batcher._openai_client.base_url)
        refusal = httpx2.Response(
            response.get("status_code") or LATE, text=json.dumps({"error": error}), request=request
        )
        return line["custom_id"], batcher._openai_client._make_status_error_from_response(refusal)

    batcher._parse_jsonl_line = parse_refusal  # type: ignore[method-assign, assignment]
