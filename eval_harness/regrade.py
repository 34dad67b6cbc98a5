"""Grades the texts of a finished run again: another grader, the same texts, and no word asked of the student.

runs/student/results-0f3a….json + grader B  ->  runs/student-b/results-91c2….json, and its .eval logs
runs/student-b.cache/                           every vote; the same command again asks for none of them

The texts are those of the results file, so that a run whose logs are gone, or that was imported, is graded alike. Both
runs then stand side by side: ``dskill agree``, ``dskill audit``.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datasets_builder.meter import Meter, Prices
from datasets_builder.resume import alone
from datasets_builder.skillmix.catalogue import hash_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet
from eval_harness.access import Access, Reached, check_distinct, reach, warn_of_families
from eval_harness.draws import load_world
from eval_harness.importing import UNKNOWN
from eval_harness.raters import catalogue_of, check_program, is_program
from eval_harness.results import CellResult, EvalRun, TextRow, read_run, results_path, summarise, write_run
from eval_harness.suite import UNREAD, check_budget, check_unscored, keep_answers, library_versions
from eval_harness.suite_config import EvalSuite

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.model import GenerateConfig, Model

    from eval_harness.run import Report

VOTES = 3  # of a grader model; a program always votes alike
DEFAULTS = {name: EvalSuite.model_fields[name].default for name in ("grader_max_tokens", "max_unscored")}  # of imports


class Regrade(NamedTuple):
    """What is to be graded again, by whom."""

    run: EvalRun
    world: PromptSet
    cells: tuple[CellResult, ...]
    grader: Reached | None  # None: a program
    program: str | None
    votes: int
    note: str

    @property
    def grader_name(self) -> str:
        """The name that results carry."""
        return self.grader.public if self.grader else str(self.program)

    @property
    def texts(self) -> int:
        """Texts to grade; each costs ``votes`` calls of a grader model, one more where a vote cannot be read."""
        return sum(len(cell.rows) for cell in self.cells)

    @property
    def fingerprint(self) -> str:
        """First 16 hex digits over the texts and everything that shapes a mark."""
        rows = [[cell.split, row.combination, row.generation, row.text] for cell in self.cells for row in cell.rows]
        judge = self.grader.identity if self.grader else self.program
        parts = [self.run.fingerprint, rows, self.world.version, self.world.limit, judge, self.votes]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def plan_regrade(
    run: EvalRun,
    grader: "str | Model | Access",
    votes: int | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> Regrade:
    """What a re-grade will ask; nothing is asked, and no key is needed.

    Args:
        grader: A program's name, or a model other than the run's own.
        votes: On each text; three by a model and one by a program when not given.
        sample: Combinations of each cell, drawn by ``seed``; all when not given. Their texts come together.

    Raises:
        UsageError: A wrong name or number, a catalogue that has changed since, or a grader that is the student.
    """
    suite = run.suite
    if run.provenance.catalogue == UNKNOWN:
        raise UsageError("the texts are of no known catalogue, and a grader reads definitions; import with --catalogue")
    world = load_world(catalogue_of(run), suite.prompts if suite else None, run.provenance.limit)
    _check_catalogue(run, world)
    program = grader if isinstance(grader, str) and is_program(grader) else None
    if program:
        check_program(program, world.catalogue)
    model = None if program else reach(grader)
    if isinstance(model, Access):
        check_distinct(Access(run.model), model._replace(name=model.public))
    votes = votes or (1 if program else VOTES)
    cells = tuple(_sample(cell, sample, seed) for cell in run.cells)
    part = f", {sample} combinations a cell drawn by seed {seed}" if sample else ""
    return Regrade(run, world, cells, model, program, votes, f"texts of results {run.fingerprint}{part}")


def regrade_run(
    plan: Regrade,
    out: Path,
    progress: "Report | None" = None,
    prices: Prices | None = None,
    budget_usd: float | None = None,
) -> EvalRun:
    """The run as the new grader marks it; read back when this very re-grade was finished before.

    Raises:
        UsageError: A wrong number of votes, or another process works in ``out``.
        OutsideError: The grader cannot be asked, or too many verdicts were unreadable.
        BudgetError: The budget is spent.
    """
    if (finished := results_path(out, plan.fingerprint)).is_file():
        return read_run(finished)
    if plan.grader:
        plan.grader.check()
        warn_of_families(plan.run.model, plan.grader.public, plan.run.provenance.teacher)
        check_budget([plan.grader.public], prices, budget_usd)
    with alone(out, "evaluation"), keep_answers(out, plan.fingerprint, prices, budget_usd) as meter:
        logs = _grade(plan, out, progress, meter)
    run = _assemble(plan, logs)
    write_run(run, out)
    return run


def _assemble(plan: Regrade, logs: "Sequence[EvalLog]") -> EvalRun:
    log_of = {(log.eval.metadata or {})["cell"]: log for log in logs}
    cells = tuple(_read_cell(cell, log_of[_name(cell)]) for cell in plan.cells)
    suite, judge = plan.run.suite, plan.program or "model"
    check_unscored(cells, suite.max_unscored if suite else DEFAULTS["max_unscored"])
    if suite:
        suite = suite.model_copy(update={"grader": judge, "votes": plan.votes, "early_stop": False})
    provenance = plan.run.provenance.model_copy(
        update={
            "grader": plan.grader_name,
            "votes": plan.votes,
            "prompts": plan.world.version,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": library_versions(),
            "logs": tuple(Path(log.location).name for log in logs),
            "source": "regrade",
            "note": plan.note,
        }
    )
    update = {"fingerprint": plan.fingerprint, "suite": suite, "provenance": provenance, "cells": cells}
    return plan.run.model_copy(update=update)


def _check_catalogue(run: EvalRun, world: PromptSet) -> None:
    """The new grader must read the definitions that the texts were written to."""
    now, then = hash_catalogue(world.catalogue), run.provenance.catalogue_hash
    if then not in ("", now):
        raise UsageError(
            f"catalogue {world.catalogue.about.name!r}: its content is {now}, and was {then} when the run was made; "
            "restore it, since another grader would read other definitions"
        )
    for row in (row for cell in run.cells for row in cell.rows):
        world.catalogue.check(row.skills, "skill", f"combination {row.combination}")
        world.catalogue.check([row.topic], "topic", f"combination {row.combination}")


def _name(cell: CellResult) -> str:
    return f"{cell.split}-k{cell.k}"


def _sample(cell: CellResult, count: int | None, seed: int) -> CellResult:
    names = sorted({row.combination for row in cell.rows})
    if count is None or count >= len(names):
        return cell
    chosen = set(random.Random(f"regrade {seed} {cell.split} {cell.k}").sample(names, count))
    return cell.model_copy(update={"rows": tuple(row for row in cell.rows if row.combination in chosen)})


def _grade(plan: Regrade, out: Path, report: "Report | None", meter: Meter | None) -> "list[EvalLog]":
    from inspect_ai.model import get_model

    from eval_harness.gate import Gate
    from eval_harness.run import run_tasks

    gate = Gate(meter)
    judge = gate.guard(plan.grader.open(_judge_config(plan)), "grader") if plan.grader else None
    tasks = [_make_task(plan, cell) for cell in plan.cells]
    return run_tasks(tasks, get_model("none"), judge, out, plan.texts, gate, report)


def _make_task(plan: Regrade, cell: CellResult) -> "Task":
    """The texts of a cell as samples, which a solver without any model hands to the scorer."""
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput
    from inspect_ai.solver import Generate, Solver, TaskState, solver

    from eval_harness.graders import MODEL
    from eval_harness.task import rubric

    @solver(name="dskill/replay")
    def replay() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.output = ModelOutput.from_content(plan.run.model, state.metadata["text"])
            return state

        return solve

    def make_sample(index: int, row: TextRow) -> Sample:
        asked = plan.world.generate(Combination(row.skills, row.topic))
        facts = {"skills": list(row.skills), "topic": row.topic, "text": row.text, "generation": row.generation}
        return Sample(id=index, input=asked, metadata=facts)

    suite, name = plan.run.suite, f"regrade-{_name(cell)}"
    return Task(
        name=name,
        dataset=MemoryDataset([make_sample(index, row) for index, row in enumerate(cell.rows, start=1)], name=name),
        solver=replay(),
        scorer=rubric(
            catalogue=catalogue_of(plan.run),
            prompts=suite.prompts if suite else None,
            limit=plan.world.limit,
            grader=plan.program or MODEL,
            votes=plan.votes,
            name_deduction=plan.run.provenance.name_deduction,
            read=False,
        ),
        metadata={"cell": _name(cell), "grader": plan.grader_name, "votes": plan.votes},
    )


def _judge_config(plan: Regrade) -> "GenerateConfig":
    """As the suite has it, so that graders differ in nothing else."""
    from inspect_ai.model import GenerateConfig

    from eval_harness.task import MAX_RETRIES

    suite = plan.run.suite
    return GenerateConfig(
        max_connections=plan.grader.connections if isinstance(plan.grader, Access) else None,
        max_retries=MAX_RETRIES,
        temperature=suite.grader_temperature if suite else None,
        max_tokens=suite.grader_max_tokens if suite else DEFAULTS["grader_max_tokens"],
    )


def _read_cell(cell: CellResult, log: "EvalLog") -> CellResult:
    """The cell with the new marks, in the order of the old rows, which are the samples' ids."""
    from inspect_ai.log import read_eval_log

    from eval_harness.logs import read_row

    samples = read_eval_log(log.location, exclude_fields=set(UNREAD)).samples or []
    marked = {int(sample.id): read_row(sample) for sample in samples}
    rows = [
        marked[index].model_copy(update={"combination": row.combination, "generation": row.generation})
        for index, row in enumerate(cell.rows, start=1)
    ]
    return summarise(rows, cell.split, cell.k, cell.generations)
