"""``dskill compare RUN RUN``: differences cell by cell, what is tied, and texts that flipped side by side."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from eval_harness.compare import CellComparison, Comparison, Flip, Metric, compare_runs
from eval_harness.results import read_run
from eval_harness.stats import POWER
from eval_harness.tables import bounds, p_text, points, safe, say, show_table, widen

SIGNIFICANT = 0.05


class Options(NamedTuple):
    """What the command line says; ``labels`` and ``allow`` are lists by comma, ``flips`` texts are shown a run."""

    labels: str | None = None
    metric: Metric = "full_marks"
    allow: str | None = None
    flips: int = 4
    as_json: bool = False


def run_compare(paths: Sequence[Path], options: Options, console: Console) -> tuple[Comparison, ...]:
    """Compares every later run with the first and prints what was found.

    Raises:
        UsageError: A run that cannot be read, an unknown setting, or runs that do not match.
    """
    runs = [read_run(path) for path in paths]
    labels = split_list(options.labels) or [label_of(path) for path in paths]
    found = compare_runs(runs, labels, options.metric, split_list(options.allow))
    if options.as_json:
        print(json.dumps([comparison.model_dump(mode="json") for comparison in found], indent=1))
    else:
        show_comparisons(found, console, options.flips)
    return found


def show_comparisons(found: Sequence[Comparison], console: Console, flips: int = 0) -> None:
    """One table for each comparison, what the words mean, and so many texts that flipped."""
    for comparison in found:
        _show_comparison(comparison, console)
    say(console, *_explain(found))
    for comparison in found:
        for flip in choose_flips(comparison.flips, flips):
            _show_flip(flip, comparison, console)


def verdict(cell: CellComparison) -> str:
    """``tied``, ``higher`` or ``lower``; ``higher?`` where the difference does not outlast Holm's adjustment."""
    if cell.tied:
        return "tied"
    way = "higher" if cell.difference > 0 else "lower"
    return way if cell.p_holm < SIGNIFICANT else f"{way}?"


def choose_flips(flips: Sequence[Flip], n: int) -> list[Flip]:
    """The first of every cell and direction, then the second, and so on."""
    groups: dict[tuple[str, int, bool], list[Flip]] = defaultdict(list)
    for flip in flips:
        groups[flip.split, flip.k, flip.gained].append(flip)
    return [flip for turn in zip_longest(*groups.values()) for flip in turn if flip][:n]


def split_list(names: str | None) -> list[str]:
    """A list by comma, as an option gives it; commas in brackets are part of a name: ``base,(1,2)``."""
    return [name.strip() for name in re.split(r",(?![^()]*\))", names or "") if name.strip()]


def label_of(path: Path) -> str:
    """The name of the folder that holds the results."""
    found = path.resolve()
    return (found if found.is_dir() else found.parent).name


def _show_comparison(comparison: Comparison, console: Console) -> None:
    a, b = comparison.a, comparison.b
    metric = comparison.cells[0].metric
    best = ", best text of each combination" if metric.endswith("_max") else ""
    say(console, "", f"{b} against {a}: {metric.removesuffix('_max').replace('_', ' ')}{best}")
    rows = [
        (
            cell.split,
            cell.k,
            cell.n,
            f"{100 * cell.value_a:.1f}",
            f"{100 * cell.value_b:.1f}",
            f"{points(cell.difference)} {bounds(cell.low, cell.high)}",
            p_text(cell.p_holm),
            verdict(cell),
            f"{100 * cell.detectable:.1f}",
            f"{cell.gained}/{cell.lost}",
        )
        for cell in comparison.cells
    ]
    numbers = ("k", "n", a, b, "difference", "p", "verdict", "detects", "+/-")
    show_table(console, ("split",), numbers, rows)
    say(console, *(f"differs, and was allowed to: {setting}" for setting in comparison.allowed))
    if comparison.only_one:
        say(console, f"in one run alone, so not compared: {', '.join(comparison.only_one)}")
    if left := sum(cell.left_out for cell in comparison.cells):
        say(console, f"{left} combinations left out: unscored, or not asked of both alike")
    if all(cell.tied for cell in comparison.cells):
        say(console, f"{b} and {a} are tied in every cell.")


def _explain(found: Sequence[Comparison]) -> list[str]:
    cells = sum(len(comparison.cells) for comparison in found)
    return [
        "",
        "In percent and points, paired on n combinations, with 95% intervals. tied: the interval holds 0, so no "
        f"difference is shown. higher?, lower?: not after Holm's adjustment of p for all {cells} cells.",
        "p: exact McNemar; where values are not 0/1, exchange of both runs on each combination. detects: the "
        f"difference that n combinations show with {POWER:.0%} power. +/-: combinations gained and lost.",
    ]


def _show_flip(flip: Flip, comparison: Comparison, console: Console) -> None:
    change = "gained" if flip.gained else "lost"
    where = f"{flip.split} k = {flip.k}, {', '.join(flip.skills)} on {flip.topic} ({flip.combination})"
    say(console, "", f"{change}: {where}")
    table = Table.grid(padding=(0, 3), expand=False)
    for _ in range(2):
        table.add_column(ratio=1, overflow="fold")
    table.add_row(*(safe(f"{label}: {_missed(marks)}") for label, marks in _sides(flip, comparison)))
    table.add_row(safe(flip.text_a or "(no text)"), safe(flip.text_b or "(no text)"))
    widen(console).print(table)


def _sides(flip: Flip, comparison: Comparison) -> list[tuple[str, dict[str, bool]]]:
    return [(comparison.a, flip.marks_a), (comparison.b, flip.marks_b)]


def _missed(marks: dict[str, bool]) -> str:
    return ", ".join(f"no {name}" for name, mark in marks.items() if not mark) or "full marks"
