"""Runs one model through a suite of SKILL-MIX cells: recipes/eval/*.yml -> Inspect -> results, once.

runs/student/                  the .eval logs, and last results-<fingerprint>.json: it means that the suite is finished
runs/student.cache/            every answer, by its request; the same command again asks for none of them
runs/student.cache/spent-*.json   what they cost, in tokens

The same suite, seed and partition ask every model for the same combinations, so results can be paired.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datasets_builder.meter import Meter, Prices, current_meter
from datasets_builder.model_names import public_name
from datasets_builder.resume import alone, answers_in, cache_of
from datasets_builder.skillmix.catalogue import hash_catalogue
from datasets_builder.skillmix.errors import OutsideError, UsageError
from datasets_builder.skillmix.prompts import PromptSet
from eval_harness.access import Access, Reached, check_distinct, reach, teacher_of, warn_of_families
from eval_harness.checkpoint import is_folder
from eval_harness.draws import draw_cell, load_world, read_keys
from eval_harness.logs import read_cell
from eval_harness.results import CellResult, EvalRun, Provenance, read_run, results_path, write_run
from eval_harness.suite_config import EvalSuite

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model

    from eval_harness.run import Drawn, Report

LIBRARIES = ("dskill-mix", "inspect-ai", "scipy", "statsmodels", "torch", "transformers")
UNREAD = ("events", "messages", "store", "attachments", "timelines")  # parts of a log that hold no result
NOT_SHAPING = {"max_unscored"}  # keys of a suite that change no score


class Plan(NamedTuple):
    """A suite, checked and drawn, for one model."""

    suite: EvalSuite
    world: PromptSet
    drawn: "Drawn"
    student: Reached
    grader: Reached | None
    exclude: Path | None

    @property
    def models(self) -> dict[str, str]:
        """The public names of the models that are asked, by role."""
        return {"student": self.student.public} | ({"grader": self.grader.public} if self.grader else {})

    @property
    def fingerprint(self) -> str:
        """First 16 hex digits over everything that shapes a score; the draws stand for seed and exclusions."""
        asked = [[cell.split, cell.k, [[*one.skills, one.topic] for one in found]] for cell, found in self.drawn]
        settings = self.suite.model_dump(mode="json", exclude=NOT_SHAPING)
        models = [self.student.identity, self.grader.identity if self.grader else None]
        parts = [settings, self.world.version, hash_catalogue(self.world.catalogue), asked, models]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def plan_suite(
    suite: EvalSuite,
    model: "str | Model | Access",
    exclude: Path | None = None,
    grader_model: "str | Model | Access | None" = None,
) -> Plan:
    """What a suite will ask of a model; nothing is asked, and no key is needed.

    Raises:
        UsageError: A wrong name, path or number, no grader where one is needed, or one that is the model itself.
    """
    student, grader = reach(model).at(suite.temperature), reach(grader_model) if grader_model else None
    world = load_world(suite.catalogue, suite.prompts, suite.limit)
    _check_grader(suite, world, student, grader)
    topics = world.catalogue.partition(suite.partition).topics(suite.topics)
    met = read_keys(exclude, topics) if exclude else ()
    drawn = [(cell, draw_cell(world.catalogue, cell, met)) for cell in suite.cells()]
    return Plan(suite, world, drawn, student, grader, exclude)


def run_suite(
    suite: EvalSuite,
    model: "str | Model | Access",
    log_dir: Path,
    exclude: Path | None = None,
    grader_model: "str | Model | Access | None" = None,
    progress: "Report | None" = None,
    prices: Prices | None = None,
    budget_usd: float | None = None,
) -> EvalRun:
    """The results of every cell, in the order of ``suite.cells``; read back when this very suite was run before.

    Args:
        model: An Inspect model name, such as ``folder/<checkpoint>``, or that with its server and arguments.
        log_dir: Takes the .eval logs and the results file; answers are kept beside it.
        exclude: A dataset folder, none of whose (skills, topic) is asked.
        grader_model: Bound to the role ``grader``; needed when ``suite.grader`` is "model".
        progress: Called after each text.
        prices: Counts what the run costs, in ``current_meter``.
        budget_usd: What the suite may cost on this model, over all runs that it takes.

    Raises:
        UsageError: A wrong name, path or number, before any text is written.
        OutsideError: A cell failed, or more verdicts than ``suite.max_unscored`` were unreadable.
        BudgetError: The budget is spent.
    """
    plan = plan_suite(suite, model, exclude, grader_model)
    fingerprint = plan.fingerprint
    if (finished := results_path(log_dir, fingerprint)).is_file():
        return read_run(finished)
    check_budget(plan.models.values(), prices, budget_usd)
    plan.student.check()
    if plan.grader:
        plan.grader.check()
    teacher = teacher_of(exclude)
    if plan.grader:
        warn_of_families(plan.student.public, plan.grader.public, teacher)
    from eval_harness.run import run_cells

    with alone(log_dir, "evaluation"), _kept(plan, log_dir, fingerprint, prices, budget_usd) as meter:
        logs = run_cells(suite, plan.drawn, plan.student, log_dir, exclude, plan.grader, progress, meter)
    run = EvalRun(
        fingerprint=fingerprint,
        model=plan.student.public,
        suite=suite,
        provenance=_provenance(plan, logs, teacher),
        cells=tuple(_collect(plan, logs)),
    )
    write_run(run, log_dir)
    return run


def check_budget(models: Collection[str], prices: Prices | None, budget_usd: float | None) -> None:
    """Raises a UsageError for a budget that could not be kept, since a price is unknown."""
    unknown = (prices or Prices(prices=())).unknown(models)
    if budget_usd is not None and unknown:
        raise UsageError(
            f"--budget needs the price of {' and '.join(unknown)}; give it in a file like datasets_builder/prices.yml "
            "and name that by --prices"
        )


def _check_grader(suite: EvalSuite, world: PromptSet, student: Reached, grader: Reached | None) -> None:
    from eval_harness.graders import MODEL, make_voter

    make_voter(suite.grader, world, suite.votes)
    if suite.grader == MODEL and grader is None:
        raise UsageError("grader: model needs a grader model, --grader NAME, since no model may grade itself")
    if suite.grader != MODEL and grader is not None:
        raise UsageError(f"grader: {suite.grader} is a program; drop the grader model, or set grader: {MODEL}")
    if grader is not None:
        check_distinct(student, grader)


@contextmanager
def _kept(
    plan: Plan, log_dir: Path, fingerprint: str, prices: Prices | None, budget_usd: float | None
) -> Iterator[Meter | None]:
    """Keeps answers, and what they cost, beside the results; a folder that a program grades has neither."""
    if is_folder(plan.student.name) and plan.grader is None:
        yield None
        return
    with keep_answers(log_dir, fingerprint, prices, budget_usd) as meter:
        yield meter


@contextmanager
def keep_answers(
    log_dir: Path, fingerprint: str, prices: Prices | None, budget_usd: float | None
) -> Iterator[Meter | None]:
    """Keeps answers, and what they cost where prices are given, beside the results."""
    cache = cache_of(log_dir.resolve())
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutsideError(f"{cache}: answers cannot be kept: {error}") from None
    ledger = cache / f"spent-{fingerprint}.json"
    meter = Meter(prices, budget_usd=budget_usd, ledger=ledger) if prices else None
    token = current_meter.set(meter)
    try:
        with answers_in(cache):
            yield meter
    finally:
        current_meter.reset(token)


def _collect(plan: Plan, logs: "list[EvalLog]") -> list[CellResult]:
    from inspect_ai.log import read_eval_log

    texts = (read_eval_log(log.location, exclude_fields=set(UNREAD)) for log in logs)
    found = {(result.split, result.k): result for result in map(read_cell, texts)}
    results = [found[cell.split, cell.k] for cell, _ in plan.drawn]
    check_unscored(results, plan.suite.max_unscored)
    return results


def check_unscored(cells: Sequence[CellResult], limit: float) -> None:
    """Raises an OutsideError where more than this share of a cell's verdicts was unreadable."""
    for cell in cells:
        share = cell.unscored / len(cell.rows)
        if share > limit:
            raise OutsideError(
                f"cell {cell.split} k = {cell.k}: {share:.0%} of the verdicts were unreadable, over max_unscored = "
                f"{limit:.0%}; use another grader model, or raise the limit"
            )


def _provenance(plan: Plan, logs: "list[EvalLog]", teacher: str | None) -> Provenance:
    suite = plan.suite
    same = ("votes", "generations", "revise", "name_deduction", "temperature", "seed", "partition", "topics", "limit")
    return Provenance(
        **{name: getattr(suite, name) for name in same},
        catalogue=plan.world.catalogue.about.name,
        catalogue_hash=hash_catalogue(plan.world.catalogue),
        prompts=plan.world.version,
        grader=plan.grader.public if plan.grader else suite.grader,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=library_versions(),
        logs=tuple(Path(log.location).name for log in logs),
        teacher=public_name(teacher) if teacher else None,
    )


def library_versions() -> dict[str, str]:
    """The packages that shape a score."""
    return {name: _version(name) for name in LIBRARIES}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # this toolkit itself, in a checkout
        return "not installed"
