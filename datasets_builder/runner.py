"""Runs rows through a pipeline, streamed in this process; stock_runner.py has distilabel's own runners. Same rows.

    rows -> queue -> [Task: n workers] -> queue -> [Step: a batch of what waits] -> queue -> ... -> rows in input order

Queues are bounded, so a slow grader holds generation back. A worker keeps its place until its row is on the next queue.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from datasets_builder.drive import drive
from datasets_builder.halt import Halt
from datasets_builder.quiet_distilabel import AsyncLLM, Pipeline, Step, Task, load
from datasets_builder.skillmix.errors import DskillError, UsageError
from datasets_builder.spool import ABSENT, Spool
from datasets_builder.steps import Row, answer

INDEX = "_index"  # the row's place in the input, which every step hands on
QUEUE_FACTOR = 4  # rows that may wait between two steps, for each worker
USE_STOCK = "run it with distilabel's own runner, stock"
REPORT_SECONDS = 0.2  # least time between two reports of progress

Queue = asyncio.Queue[Row | None]  # None ends it


class Progress(NamedTuple):
    """How far a run is; ``done`` counts rows that have passed the last step before one that needs all rows."""

    done: int
    total: int
    kept: int
    rows_per_second: float


Report = Callable[[Progress], None]


def run_stream(
    pipeline: Pipeline,
    rows: Sequence[Row],
    *,
    concurrency: int = 50,
    progress: Report | None = None,
    spool: Path | None = None,
) -> Sequence[Row]:
    """The rows after all steps, in input order; every row comes back, rejected ones with their reason.

    Args:
        pipeline: A linear pipeline without a generator step; its first step takes ``rows``.
        rows: The input.
        concurrency: Requests in flight for each Task.
        progress: Told how far the run is, a few times a second and at the end.
        spool: A folder where finished rows wait and are read from, so that they need not fit in memory.

    Raises:
        UsageError: The pipeline is not linear, or asks for something only distilabel's runners do.
        DskillError: A step did not return each of its rows once; or what no further request can mend, such as a
            budget that is spent. The requests in flight have been finished.
        KeyboardInterrupt: SIGINT or SIGTERM came; the requests in flight have been finished, unless it came twice.
    """
    steps, halt = _line_up(pipeline), Halt()
    _check_columns(steps, rows)
    for step in steps:
        load(step)
    try:
        finished = drive(_stream(steps, rows, concurrency, progress, spool, halt), halt)
    except ExceptionGroup as group:
        raise _first(group) from group
    except asyncio.CancelledError:
        if halt.error is None:
            raise
    finally:
        for step in steps:
            step.unload()
    halt.raise_error()
    return finished if spool else list(finished)


async def _stream(
    steps: Sequence[Step],
    rows: Sequence[Row],
    concurrency: int,
    report: Report | None,
    folder: Path | None,
    halt: Halt,
) -> Spool:
    queues: list[Queue] = [asyncio.Queue(QUEUE_FACTOR * concurrency) for _ in range(len(steps) + 1)]
    watched = next((i for i, step in enumerate(steps) if step.is_global), len(steps))
    queues[watched] = _WatchedQueue(QUEUE_FACTOR * concurrency, len(rows), report)
    with halt.listening():
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(rows, queues[0], halt))
            for step, (inbox, outbox) in zip(steps, pairwise(queues), strict=True):
                if isinstance(step, Task):
                    group.create_task(_run_task(step, inbox, outbox, concurrency, halt))
                elif step.is_global:
                    group.create_task(_run_global(step, inbox, outbox, Spool(len(rows), folder), halt))
                else:
                    group.create_task(_run_step(step, inbox, outbox))
            finished = Spool(len(rows), folder)
            came = group.create_task(_collect(queues[-1], finished))
    if halt.error is None and (came.result() != len(rows) or finished.missing):
        raise lost_rows(len(rows), came.result(), len(rows) - finished.missing)
    return finished


async def _feed(rows: Sequence[Row], outbox: Queue, halt: Halt) -> None:
    for index, row in enumerate(rows):
        if halt.error is not None:
            break
        await outbox.put({**row, INDEX: index})
    await outbox.put(None)


async def _collect(inbox: Queue, finished: Spool) -> int:
    """Puts the rows in their places; how many came."""
    came = 0
    while (row := await inbox.get()) is not None:
        came += 1
        finished.put(row.pop(INDEX, ABSENT), row)
    return came


async def _run_task(task: Task, inbox: Queue, outbox: Queue, workers: int, halt: Halt) -> None:
    async def work() -> None:
        while (row := await inbox.get()) is not None:
            if halt.error is not None:
                continue  # nothing new is begun; the row is not lost: the run ends with this error
            try:
                await outbox.put(await answer(task, row))
            except DskillError as error:
                halt.stop(error)
        await inbox.put(None)  # the end is for every worker

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    await outbox.put(None)


async def _run_step(step: Step, inbox: Queue, outbox: Queue) -> None:
    ended = False
    while not ended:
        batch, ended = await _take(inbox, step.input_batch_size)
        for rows in step.process_applying_mappings(batch) if batch else ():
            for row in rows:
                await outbox.put(row)
    await outbox.put(None)


async def _run_global(step: Step, inbox: Queue, outbox: Queue, waiting: Spool, halt: Halt) -> None:
    """All rows at once, but only the columns that the step asks for: the others wait where they need no memory."""
    columns = [INDEX, *(step.input_mappings.get(name, name) for name in step.get_inputs())]
    seen: list[Row] = []
    while (row := await inbox.get()) is not None:
        waiting.put(row.get(INDEX, ABSENT), row)
        seen.append({name: row[name] for name in columns if name in row})
    for rows in step.process_applying_mappings(seen) if seen and halt.error is None else ():
        for row in rows:
            await outbox.put(waiting[row[INDEX]] | row)
    await outbox.put(None)


async def _take(inbox: Queue, size: int) -> tuple[list[Row], bool]:
    """The rows that wait, at least one and at most ``size``. Then whether it was the end."""
    batch: list[Row] = []
    while not batch or (len(batch) < size and not inbox.empty()):
        row = await inbox.get()
        if row is None:
            return batch, True
        batch.append(row)
    return batch, False


class _WatchedQueue(asyncio.Queue[Row | None]):
    """A queue that reports the rows that pass."""

    def __init__(self, maxsize: int, total: int, report: Report | None) -> None:
        super().__init__(maxsize)
        self.total, self.report = total, report
        self.done = self.kept = 0
        self.began = self.reported = time.monotonic()

    def _put(self, item: Row | None) -> None:
        super()._put(item)
        if item is not None:
            self.done += 1
            self.kept += not item.get("reason")
        now = time.monotonic()
        if self.report and (item is None or now - self.reported >= REPORT_SECONDS):
            self.reported = now
            self.report(Progress(self.done, self.total, self.kept, self.done / max(now - self.began, 1e-9)))


def lost_rows(given: int, came: int, different: int) -> DskillError:
    """The error of a run out of which other rows came than went in."""
    return DskillError(
        f"{given} rows went in and {came} came out ({different} different): "
        "a step lost or repeated rows, or distilabel gave up on a batch"
    )


def _line_up(pipeline: Pipeline) -> list[Step]:
    """The steps in order; a UsageError for a graph that branches, or a step that needs distilabel's own runner."""
    graph = pipeline.dag.G
    names = [name for name in graph if not graph.in_degree(name)][:1]
    while len(names) < len(graph) and (following := list(graph.successors(names[-1]))):
        names.append(following[0])
    if len(names) != len(graph) or set(pairwise(names)) != set(graph.edges):
        raise UsageError(f"pipeline {pipeline.name!r} is not one line of steps; {USE_STOCK}")
    steps = [pipeline.dag.get_step(name)["step"] for name in names]
    for step in steps:
        if fault := _unsupported(step):
            raise UsageError(f"step {step.name!r} of pipeline {pipeline.name!r} {fault}; {USE_STOCK}")
    return steps


def _unsupported(step: Step) -> str | None:
    """What the step needs beyond the streaming runner."""
    if step.is_generator:
        return "generates rows"
    if isinstance(step, Task):
        if not isinstance(step.llm, AsyncLLM):
            return "has a model that is not asynchronous"
        if step.input_mappings or step.output_mappings:
            return "renames columns"
        if step.num_generations > 1 and not step.group_generations:
            return "makes several rows of one"
    return None


def _check_columns(steps: Sequence[Step], rows: Sequence[Row]) -> None:
    known = set(rows[0]) if rows else set()
    for step in steps:
        missing = [name for name, needed in step.get_inputs().items() if needed and name not in known]
        if rows and missing:
            given = ", ".join(sorted(known))
            raise UsageError(f"step {step.name!r} needs column {missing[0]!r}, which nothing before it gives ({given})")
        known |= set(step.get_outputs())


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first single exception of a group."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
