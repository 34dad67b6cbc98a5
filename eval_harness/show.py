"""Shows an evaluation on the command line: its costs beforehand, its progress, its results, and what to do next."""

import json
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from datasets_builder.costs import CASES, describe_price, show_stage
from datasets_builder.live import cost, left, speed
from datasets_builder.meter import Meter
from eval_harness.money import Costs, explain
from eval_harness.results import CellResult, EvalRun
from eval_harness.run import Progress

PLAIN_WIDTH = 150  # of what is not shown on a terminal


def describe(progress: Progress, rate: float, meter: Meter | None) -> str:
    """``12 texts/s, full marks 45 (61%), 2 unreadable, $1.20 of about $9.80, 3 min left``."""
    scored = progress.done - progress.unscored
    parts = [speed(rate, "texts")]
    parts += [f"full marks {progress.full_marks} ({progress.full_marks / scored:.0%})"] if scored else []
    parts += [f"{progress.unscored} unreadable"] if progress.unscored else []
    if meter and any(usage != (0, 0, 0) for usage in meter.paid.values()):
        parts.append(cost(progress, meter, meter.spent_usd))
    return ", ".join(parts + left(progress, rate))


def show_run(run: EvalRun, path: Path, console: Console) -> None:
    """The table of a finished run, and how to look further."""
    wide = _wide(console)
    wide.print(result_table(run, plain=not console.is_terminal))
    notes = [
        f"{run.model}, marked by {run.provenance.grader}; shares of combinations with their 95% interval.",
        "best: the best text of each combination counts, as in the paper; it grows with the number of texts.",
        f"results  {path}",
        f"look     inspect view --log-dir {path.parent}",
        f"compare  dskill compare {path.parent} <another run>",
        f"report   dskill report {path.parent}",
    ]
    for note in notes:
        wide.print(note, markup=False, highlight=False, soft_wrap=True)


def result_table(run: EvalRun, *, plain: bool) -> Table:
    """Split by k: the three metrics by mean and by best text, unscored texts, and how many combinations."""
    table = Table(box=None if plain else box.SIMPLE, pad_edge=False)
    table.add_column("split", no_wrap=True)
    names = ("k", "full marks", "best", "all skills", "best", "skills fraction", "best", "unscored", "texts", "n")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for cell in run.cells:
        table.add_row(*_cells(cell))
    return table


def to_json(run: EvalRun, path: Path) -> str:
    """The results file's path and the cells without their texts."""
    cells = [cell.model_dump(mode="json", exclude={"rows"}) for cell in run.cells]
    head = {"results": str(path), "fingerprint": run.fingerprint, "model": run.model, "grader": run.provenance.grader}
    return json.dumps(head | {"cells": cells}, indent=1)


def show_costs(costs: Costs, budget_usd: float | None, early_stop: bool, console: Console) -> None:
    """The table of an estimate, the prices behind it, and how far a budget goes."""
    wide = _wide(console)
    wide.print(_cost_table(costs, plain=not console.is_terminal))
    for model, price in costs.prices.items():
        wide.print(describe_price(model, price), markup=False, highlight=False, soft_wrap=True)
    wide.print(explain(early_stop), markup=False, highlight=False)
    if budget_usd is not None and costs.total("expected") > budget_usd:
        share = budget_usd / costs.total("expected")
        wide.print(f"A budget of ${budget_usd:,.2f} is expected to last for {share:.0%} of it.")


def _cost_table(costs: Costs, *, plain: bool) -> Table:
    table = Table(box=None if plain else box.SIMPLE, pad_edge=False)
    for name in ("split", "k", "role"):
        table.add_column(name, no_wrap=True)
    table.add_column("model", overflow="fold")
    for name in ("calls", "input tokens", "output tokens", *(f"{case} USD" for case in CASES)):
        table.add_column(name, justify="right", no_wrap=True)
    for line in costs.lines:
        table.add_row(line.split, str(line.k), line.role, costs.models[line.role], *show_stage(line.cases))
    for role, cases in costs.by_role().items():
        table.add_row("total", "", role, costs.models[role], *show_stage(cases))
    unknown = " + unknown" if costs.unknown else ""
    table.add_row(*["total", *[""] * 6, *(f"{costs.total(case):,.2f}{unknown}" for case in CASES)])
    return table


def _cells(cell: CellResult) -> list[str]:
    return [
        cell.split,
        str(cell.k),
        f"{cell.full_marks:.1%} [{cell.low:.1%}, {cell.high:.1%}]",
        f"{cell.full_marks_max:.1%}",
        f"{cell.all_skills:.1%}",
        f"{cell.all_skills_max:.1%}",
        f"{cell.skills_fraction:.2f} [{cell.sf_low:.2f}, {cell.sf_high:.2f}]",
        f"{cell.skills_fraction_max:.2f}",
        str(cell.unscored),
        str(cell.n_texts),
        str(cell.n_combinations),
    ]


def _wide(console: Console) -> Console:
    return console if console.is_terminal else Console(file=console.file, width=PLAIN_WIDTH)
