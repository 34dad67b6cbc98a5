"""The Inspect run behind a suite: all its cells side by side on one model."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, get_model

import eval_harness.registry  # noqa: F401 (makes the provider known in a checkout that is not installed)
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError
from eval_harness.checkpoint import is_folder
from eval_harness.draws import Cell, generations_for
from eval_harness.task import on_scored, skillmix

if TYPE_CHECKING:
    from eval_harness.suite import EvalSuite

IN_FLIGHT = 256  # texts of a cell that are written at the same time

Drawn = list[tuple[Cell, list[Combination]]]
Progress = Callable[[int, int], None]


def run_cells(
    suite: "EvalSuite",
    drawn: Drawn,
    model: str | Model,
    log_dir: Path,
    exclude: Path | None = None,
    grader_model: str | Model | None = None,
    progress: Progress | None = None,
) -> list[EvalLog]:
    """One Inspect run over all cells, side by side, so that a local model's batches stay full.

    Raises:
        UsageError: A model name that Inspect does not know.
        OutsideError: A cell failed, for a reason told in one line; its log stays.
    """
    student, judge = load_model(model), load_model(grader_model) if grader_model else None
    local = is_folder(str(student))
    tasks = [_make_task(suite, cell, len(found), exclude, cache=not local) for cell, found in drawn]
    texts = sum(len(found) * generations_for(cell.n, len(found), suite.generations) for cell, found in drawn)
    try:
        with _report(progress, texts), _rare_collection():
            logs = evaluate(
                tasks,
                student,
                model_roles={"grader": judge} if judge else None,
                log_dir=str(log_dir),
                display="none",
                log_realtime=False,
                log_model_api=False,
                score_display=False,
                ctl_server=False,
                max_tasks=len(tasks),
                max_samples=IN_FLIGHT,
                max_connections=len(tasks) * IN_FLIGHT if local else None,
            )
    except DskillError:
        raise
    except Exception as error:
        raise OutsideError(f"the evaluation of {student} failed: {_first_line(error)}; logs in {log_dir}") from error
    _check(logs)
    return logs


def load_model(model: str | Model) -> Model:
    """Not memoised: the weights at a path may have changed since the last evaluation in this process."""
    if isinstance(model, Model):
        return model
    try:
        return get_model(model, memoize=False)
    except DskillError:
        raise
    except (ValueError, ImportError) as error:
        raise UsageError(f"model {model!r}: {_first_line(error)}") from None
    except Exception as error:  # Inspect's own: a missing key or package, told in a sentence
        raise OutsideError(f"model {model!r}: {_first_line(error)}") from None


def _make_task(suite: "EvalSuite", cell: Cell, combinations: int, exclude: Path | None, cache: bool) -> Task:
    return skillmix(
        catalogue=suite.catalogue,
        k=cell.k,
        split=cell.split,
        topics=cell.topics,
        n=cell.n,
        seed=cell.seed,
        by=cell.partition.by,
        train=cell.partition.train,
        partition_seed=cell.partition.seed,
        common=cell.partition.common,
        method=cell.method,
        exclude=str(exclude) if exclude else None,
        generations=generations_for(cell.n, combinations, suite.generations),
        votes=suite.votes,
        revise=suite.revise,
        grader=suite.grader,
        name_deduction=suite.name_deduction,
        temperature=suite.temperature,
        max_tokens=suite.max_tokens,
        cache=cache,  # an answer may outlive the weights that gave it, so those of folders are not kept
    )


def _check(logs: Sequence[EvalLog]) -> None:
    for log in logs:
        if log.status == "cancelled":
            raise KeyboardInterrupt
        if log.status != "success":
            reason = _first_line(log.error.message) if log.error else log.status
            raise OutsideError(f"{log.eval.task} failed: {reason}; its log is {log.location}")


@contextmanager
def _report(progress: Progress | None, total: int) -> Iterator[None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    token = on_scored.set(advance)
    try:
        yield
    finally:
        on_scored.reset(token)


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Inspect keeps many small objects alive, and Python searching them for cycles is a fifth of a run's CPU time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
