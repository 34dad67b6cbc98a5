"""``dskill eval``: what a suite will cost on a model, or its results."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich.console import Console

from datasets_builder.live import Live
from datasets_builder.meter import load_prices
from datasets_builder.resume import cache_of
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError
from eval_harness.access import CONNECTIONS, Access
from eval_harness.results import EvalRun, results_path
from eval_harness.suite import check_budget, plan_suite, run_suite
from eval_harness.suite_config import EvalSuite


class Options(NamedTuple):
    """The command's options; None leaves what the suite says."""

    model: str
    grader: str | None = None
    base_url: str | None = None
    grader_base_url: str | None = None
    connections: int = CONNECTIONS
    model_args: Sequence[str] = ()  # key=value
    exclude: Path | None = None
    seed: int | None = None
    limit: int | None = None  # combinations a cell
    temperature: float | None = None
    max_tokens: int | None = None
    budget_usd: float | None = None
    prices: Path | None = None

    @property
    def student(self) -> Access:
        """The model under test."""
        return Access(self.model, self.base_url, read_args(self.model_args), self.connections)

    @property
    def judge(self) -> Access | None:
        """The grader model."""
        if self.grader is None and self.grader_base_url is not None:
            raise UsageError("--grader-base-url is the server of a grader; name it by --grader")
        return Access(self.grader, self.grader_base_url, {}, self.connections) if self.grader else None

    def suite(self, recipe: Path) -> EvalSuite:
        """The suite of a recipe, with what the command changes."""
        suite = read_config(EvalSuite, recipe)
        suite = suite if self.seed is None else suite.with_seed(self.seed)
        suite = suite if self.limit is None else suite.preview(self.limit)
        changes = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return suite.model_copy(update={name: value for name, value in changes.items() if value is not None})


def run_eval(recipe: Path, out: Path | None, options: Options, console: Console, *, as_json: bool = False) -> EvalRun:
    """Evaluates, with its progress shown, and prints the results; the same command goes on where it was stopped.

    Raises:
        DskillError: As ``run_suite``.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    from eval_harness.show import describe, show_run, to_json

    if out is None:
        raise UsageError("--out is missing: the folder to write; only --dry-run goes without it")
    suite = options.suite(recipe)
    try:
        with Live(Console(stderr=True) if as_json else console, "evaluate", describe) as live:
            run = run_suite(
                suite,
                options.student,
                out,
                options.exclude,
                options.judge,
                live,
                load_prices(options.prices),
                options.budget_usd,
            )
    except KeyboardInterrupt:
        if (cache := cache_of(out)).is_dir():
            print(f"{cache}: the answers so far; none of them is paid for again", file=sys.stderr)
        raise
    path = results_path(out, run.fingerprint)
    if as_json:
        print(to_json(run, path))
    else:
        show_run(run, path, console)
    return run


def show_estimate(recipe: Path, options: Options, console: Console) -> None:
    """Prints what the evaluation would cost; asks no model, and needs no key.

    Raises:
        UsageError: The suite or a model's name is not sound, or a budget is given that could not be kept.
    """
    from eval_harness.money import estimate
    from eval_harness.show import show_costs

    prices, suite = load_prices(options.prices), options.suite(recipe)
    plan = plan_suite(suite, options.student, options.exclude, options.judge)
    check_budget(plan.models.values(), prices, options.budget_usd)
    show_costs(estimate(plan, prices), options.budget_usd, suite.early_stop, console)


def read_args(given: Sequence[str]) -> Mapping[str, Any]:
    """``["device=cuda", "batch_size=8"]`` -> ``{"device": "cuda", "batch_size": 8}``, values as in YAML.

    Raises:
        UsageError: One is not of the form key=value.
    """
    found: dict[str, Any] = {}
    for argument in given:
        key, equals, value = argument.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"-M {argument}: not of the form key=value")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            found[key] = value
    return found
