"""The Inspect run behind a suite: all its cells side by side on one model."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig, Model

import eval_harness.registry  # noqa: F401 (makes the provider known in a checkout that is not installed)
from datasets_builder.meter import Meter
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import DskillError, OutsideError
from eval_harness.access import CONNECTIONS, Access, Reached
from eval_harness.checkpoint import is_folder, weights_of
from eval_harness.draws import Cell
from eval_harness.gate import Gate, listening
from eval_harness.graders import check_independent
from eval_harness.suite_config import EvalSuite
from eval_harness.task import on_scored, skillmix

IN_FLIGHT = 256  # texts of a cell that are in work at the same time, for a folder
SIDE_BY_SIDE = 2  # cells in work at the same time, for any other model: one begins while another ends
PER_CONNECTION = 3  # texts of a cell in work then, for each connection: at the author, at the grader, next in line

Drawn = list[tuple[Cell, list[Combination]]]


class Progress(NamedTuple):
    """How far a run is: texts graded, texts in all, those with full marks, those without a readable verdict."""

    done: int
    total: int
    full_marks: int = 0
    unscored: int = 0


Report = Callable[[Progress], None]


def run_cells(
    suite: EvalSuite,
    drawn: Drawn,
    student: Reached,
    log_dir: Path,
    exclude: Path | None = None,
    grader: Reached | None = None,
    report: Report | None = None,
    meter: Meter | None = None,
) -> list[EvalLog]:
    """One Inspect run over all cells, side by side, so that a local model's batches stay full.

    Raises:
        UsageError: A model name that Inspect does not know, or a grader that is the model under test.
        OutsideError: A cell failed or the budget is spent, told in one line; the logs stay, the answers are kept.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    gate = Gate(meter)
    author = gate.guard(student.open(GenerateConfig(max_connections=_connections(student, len(drawn)))), "student")
    judge = gate.guard(grader.open(_judge_config(suite, grader)), "grader") if grader else None
    if judge:
        check_independent(author, judge)
    kept = not is_folder(student.name)  # a folder's answers cost a moment, and are the same again
    weights = weights_of(student.name) if kept else ""
    tasks = [make_task(suite, cell, len(found), exclude, cache=kept, weights=weights) for cell, found in drawn]
    return run_tasks(tasks, author, judge, log_dir, suite.texts(drawn), gate, report)


def run_tasks(
    tasks: list[Task],
    author: Model,
    judge: Model | None,
    log_dir: Path,
    texts: int,
    gate: Gate,
    report: Report | None = None,
) -> list[EvalLog]:
    """One Inspect run over tasks that score by ``task.rubric``, ``texts`` of them in all; both models are guarded.

    Raises:
        OutsideError: A task failed or the budget is spent, told in one line; the logs stay, the answers are kept.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    cells, at_once = _spread(author, judge, len(tasks))
    try:
        with _reporting(report, texts), _rare_collection(), listening(gate):
            logs = evaluate(
                tasks,
                author,
                model_roles={"grader": judge} if judge else None,
                log_dir=str(log_dir),
                display="none",
                log_realtime=False,
                log_model_api=False,
                score_display=False,
                ctl_server=False,
                max_tasks=cells,
                max_samples=at_once,
            )
    except DskillError:
        raise
    except Exception as error:
        raise OutsideError(f"the evaluation of {author} failed: {_first_line(error)}; logs in {log_dir}") from error
    gate.raise_error()
    _check(logs)
    return logs


def make_task(
    suite: EvalSuite, cell: Cell, combinations: int, exclude: Path | None, *, cache: bool, weights: str = ""
) -> Task:
    """The Inspect task of one cell."""
    same = ("catalogue", "prompts", "limit", "grader", "votes", "early_stop", "revise", "name_deduction")
    return skillmix(
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
        generations=suite.generations_of(cell, combinations),
        cache=cache,
        weights=weights,
        temperature=suite.temperature,
        max_tokens=suite.max_tokens,
        **{name: getattr(suite, name) for name in same},
    )


def _spread(author: Model, judge: Model | None, tasks: int) -> tuple[int, int]:
    """Cells in work at once, and texts of each.

    A folder takes all that there are into its batches. Requests to other models are sent in the order in which they
    are made, so that with many texts in work all first turns would come before any second, and long before any vote.
    """
    if is_folder(str(author)):
        return tasks, IN_FLIGHT
    connections = max(model.config.max_connections or CONNECTIONS for model in (author, judge) if model)
    return min(SIDE_BY_SIDE, tasks), PER_CONNECTION * connections


def _connections(model: Reached, tasks: int) -> int:
    """A folder's queue must hold the texts of all cells, so that its batches stay full."""
    if is_folder(model.name):
        return tasks * IN_FLIGHT
    return model.connections if isinstance(model, Access) else CONNECTIONS


def _judge_config(suite: EvalSuite, grader: Reached) -> GenerateConfig:
    return GenerateConfig(
        max_connections=_connections(grader, tasks=1),
        temperature=suite.grader_temperature,
        max_tokens=suite.grader_max_tokens,
    )


def _check(logs: Sequence[EvalLog]) -> None:
    for log in logs:
        if log.status == "cancelled":
            raise KeyboardInterrupt
        if log.status != "success":
            reason = _first_line(log.error.message) if log.error else log.status
            raise OutsideError(f"{log.eval.task} failed: {reason}; its log is {log.location}")


@contextmanager
def _reporting(report: Report | None, total: int) -> Iterator[None]:
    state = Progress(0, total)

    def advance(full_marks: bool | None) -> None:
        nonlocal state
        state = Progress(
            state.done + 1, total, state.full_marks + bool(full_marks), state.unscored + (full_marks is None)
        )
        if report:
            report(state)

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
