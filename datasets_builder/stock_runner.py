"""Runs rows through a pipeline by distilabel's own runners: a process, or an actor of Ray, for each step.

    rows -> [loader] -> [Task] -> ... -> [Step] -> [seal] -> the step that takes all rows, here -> rows in input order

They give the same rows as the streaming runner, in batches. Keys and addresses reach the processes by the environment,
and so does the place of the answers' cache.
"""

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from datasets_builder.halt import SIGNALS
from datasets_builder.quiet_distilabel import (
    Pipeline,
    Step,
    StepInput,
    load,
    no_progress_bars,
    not_loaded,
    stop_logging,
)
from datasets_builder.runner import INDEX, lost_rows
from datasets_builder.skillmix.errors import OutsideError, UsageError
from datasets_builder.talk import STOPPED, Row


def run_stock(pipeline: Pipeline, rows: Sequence[Row], *, batch_size: int = 1000) -> list[Row]:
    """As ``run_stream``, by ``Pipeline.run(use_cache=False)``: a process for each step, for models that live on a GPU.

    Raises:
        UsageError: The pipeline has several ends.
        OutsideError: No further request can succeed: the provider does not take the key.
        DskillError: A step failed on a batch, so that its rows are lost.
        KeyboardInterrupt: The run was interrupted; distilabel itself would return the part that is done.
    """
    return _run_sealed(pipeline, rows, batch_size, lambda sealed: sealed)


def run_ray(pipeline: Pipeline, rows: Sequence[Row], *, batch_size: int = 1000) -> list[Row]:
    """As ``run_stock``, with an actor of Ray for each step: on the cluster that RAY_ADDRESS names, or on this machine.

    A Ray of this machine listens on its loopback address alone, and ends with the run, its files with it.

    Raises:
        OutsideError: Ray is not installed, or does not start.
        UsageError, DskillError, KeyboardInterrupt: As ``run_stock``.
    """
    with _ray_started(len(pipeline.dag)):
        return _run_sealed(pipeline, rows, batch_size, lambda sealed: sealed.ray())


@contextmanager
def _ray_started(steps: int) -> Iterator[None]:
    """A Ray that ends with the block, unless it was there before."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # a cluster that is not there is asked for 40 s, not 13 min
    local = os.environ.get("RAY_ADDRESS", "local") == "local"
    if local:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # read at import: no cluster, so no other address
    try:
        import ray
    except ImportError:
        raise OutsideError("--runner ray: package 'ray' is missing; pip install 'dskill-mix[ray]'") from None
    if ray.is_initialized():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if local:
            # An actor for each step and each queue is meant here; Ray warns of more than a few for each core.
            quiet = {"worker_maximum_startup_concurrency": steps}
            options |= {"include_dashboard": False, "_temp_dir": folder, "_system_config": quiet}
        try:
            ray.init(**options)
        except Exception as error:  # no server at the address, no room, no port: Ray has no class for them
            raise OutsideError(f"--runner ray: Ray does not start: {' '.join(str(error).split())}") from None
        try:
            yield
        finally:
            ray.shutdown()


def _run_sealed(
    pipeline: Pipeline, rows: Sequence[Row], batch_size: int, place: Callable[[Pipeline], Any]
) -> list[Row]:
    """The rows by the runner of distilabel's that ``place`` gives for the pipeline."""
    ends = [name for name in pipeline.dag.G if not pipeline.dag.G.out_degree(name)]
    if len(ends) != 1:
        raise UsageError(f"pipeline {pipeline.name!r} has {len(ends)} ends ({', '.join(ends)}); join them in one step")
    last, final = _split_end(pipeline, ends[0])
    with tempfile.TemporaryDirectory() as folder, no_progress_bars():
        pipeline._cache_dir = Path(folder)
        with pipeline:
            last.connect(_Seal(name="seal", input_batch_size=batch_size))
        placed = place(pipeline)
        try:
            with _interruptible(placed):
                result = placed.run(use_cache=False, dataset=_numbered(rows), dataset_batch_size=batch_size)
        except RuntimeError as error:  # what distilabel raises where a step could not be loaded
            raise not_loaded("a step", error.__cause__ or error) from error
        finally:
            stop_logging()  # distilabel's own end of it is not reached by an error
        sealed = [text for split in result.get("default", {}).values() for text in split["sealed"]]
    restored = _restore(rows, [json.loads(text) for text in sealed])
    if stopped := next((row["detail"] for row in restored if row.get("reason") == STOPPED), None):
        raise OutsideError(stopped)
    return _restore(rows, _process_here(final, _numbered(restored))) if final else restored


def _split_end(pipeline: Pipeline, end: str) -> tuple[Step, Step | None]:
    """The last step to run elsewhere, and one after it that takes all rows at once: that one runs here.

    All rows come here anyway, and polars, with which duplicates are found, hangs in a fork of a process that used it.
    """
    step, before = pipeline.dag.get_step(end)["step"], list(pipeline.dag.get_step_predecessors(end))
    if not step.is_global or len(before) != 1:
        return step, None
    pipeline.dag.G.remove_node(end)
    return pipeline.dag.get_step(before[0])["step"], step


def _process_here(step: Step, rows: list[Row]) -> list[Row]:
    load(step)
    try:
        return [row for batch in step.process_applying_mappings(rows) for row in batch] if rows else []
    finally:
        step.unload()


class _Seal(Step):  # type: ignore[misc]
    """Packs a row into JSON: the stock runner guesses column types from the first rows, and fails on a later one."""

    @property
    def outputs(self) -> list[str]:
        return ["sealed"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        yield [{"sealed": json.dumps(row)} for row in inputs]


@contextmanager
def _interruptible(pipeline: Pipeline) -> Iterator[None]:
    """Makes an interrupt an interrupt: distilabel takes Ctrl-C for an early success, and leaves its handler behind."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        pipeline._stop()

    def listen() -> None:
        for number in SIGNALS:
            signal.signal(number, stop)

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what the processes of the steps inherit, and are ended by
    pipeline._handle_keyboard_interrupt = listen
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])
        if interrupted:
            raise KeyboardInterrupt


def _numbered(rows: Sequence[Row]) -> list[Row]:
    return [{**row, INDEX: index} for index, row in enumerate(rows)]


def _restore(given: Sequence[Row], rows: list[Row]) -> list[Row]:
    """The rows in input order, each there once."""
    by_index: dict[Any, Row] = {row.get(INDEX): row for row in rows}
    if len(rows) != len(given) or by_index.keys() != set(range(len(given))):
        raise lost_rows(len(given), len(rows), len(by_index))
    return [{name: value for name, value in by_index[index].items() if name != INDEX} for index in range(len(given))]
