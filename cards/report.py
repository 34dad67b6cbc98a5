"""The report of a study: one self-contained report.html, with its twins report.md and summary.json."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cards.findings import does_not_show, shows
from cards.plots import TITLES, Asked, inline_svg, sides_of, write_plots
from cards.summary import Cell, Comparison, Sample, Summary
from cards.templating import percent, render
from datasets_builder.skillmix.catalogue import Side, Split
from datasets_builder.skillmix.rubric import GENERAL, sentence_limit

NONE = "–"  # printed where a cell was not evaluated


class Column(NamedTuple):
    """One column of the main table."""

    side: Split
    k: int
    edge: bool  # the first column of its side

    @property
    def head(self) -> str:
        """Its heading in Markdown and on the terminal."""
        return f"{self.side} k={self.k}"


class Request(NamedTuple):
    """One request and what each arm wrote for it."""

    side: Side
    skills: tuple[str, ...]
    topic: str
    limit: int
    samples: tuple[Sample, ...]


def columns(cells: Iterable[Asked]) -> list[Column]:
    """Train k = 1, 2, ... and then held-out k = 1, 2, ...; only what was evaluated."""
    found = list(cells)
    by_side = {side: sorted({cell.k for cell in found if cell.split == side}) for side in sides_of(found)}
    return [Column(side, k, k == ks[0]) for side, ks in by_side.items() for k in ks]


def table_rows(summary: Summary) -> list[list[str]]:
    """The main table as text, headings first, for Markdown and for a rich table: "46 [41, 50]" in percent."""
    shown = columns(summary.cells)
    rows = [[arm.name, *(_cell_text(summary.cell(arm.name, c.side, c.k)) for c in shown)] for arm in summary.arms]
    return [["arm", *(column.head for column in shown)], *rows]


def render_table(summary: Summary) -> str:
    """The main table in Markdown: full marks in percent [95 % Wilson interval]."""
    head, *rows = table_rows(summary)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write_report(summary: Summary, folder: Path) -> Path:
    """Writes report.html, report.md, summary.json and the plots into ``folder``; returns the path of report.html."""
    write_plots(summary, folder)
    sides = sides_of(summary.cells)
    values: dict[str, Any] = {
        "summary": summary,
        "columns": columns(summary.cells),
        "sides": sides,
        "titles": TITLES,
        "shows": shows(summary),
        "does_not_show": does_not_show(summary),
        "requests": group_samples(summary),
        "comparisons": _by_pair(summary),
        "general": GENERAL,
    }
    (folder / "summary.json").write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(render("report.md", table=render_table(summary), **values), encoding="utf-8")
    plots = {side: inline_svg(summary, side) for side in sides}
    path = folder / "report.html"
    path.write_text(render("report.html", plots=plots, **values), encoding="utf-8")
    return path


def group_samples(summary: Summary) -> list[Request]:
    """Samples by request, arms in the order of the tables, so that the same request stands side by side."""
    asked = {(s.split, s.skills, s.topic) for s in summary.samples}
    return [
        Request(side, skills, topic, sentence_limit(len(skills)), _answers(summary, side, skills, topic))
        for side, skills, topic in sorted(asked, key=lambda key: (key[0] != "train", len(key[1]), key))
    ]


def _answers(summary: Summary, side: Side, skills: tuple[str, ...], topic: str) -> tuple[Sample, ...]:
    order = [arm.name for arm in summary.arms]
    found = [s for s in summary.samples if (s.split, s.skills, s.topic) == (side, skills, topic)]
    return tuple(sorted(found, key=lambda sample: order.index(sample.arm)))


def _cell_text(cell: Cell | None) -> str:
    return f"{percent(cell.full_marks)} [{percent(cell.low)}, {percent(cell.high)}]" if cell else NONE


def _by_pair(summary: Summary) -> list[tuple[str, list[Comparison | None]]]:
    """("(1,2) against base", one comparison a column), in the order in which pairs first appear."""
    pairs = dict.fromkeys((c.arm, c.against) for c in summary.comparisons)
    shown = columns(summary.cells)
    return [
        (f"{arm} against {other}", [summary.comparison(arm, other, c.side, c.k) for c in shown]) for arm, other in pairs
    ]
