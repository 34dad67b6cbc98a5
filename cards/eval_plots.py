"""Full marks against k of evaluations: of several runs a panel a split and a line a run, of one run a line a split."""

from pathlib import Path

from cards.eval_summary import Report
from cards.plots import TITLES, Look, Panel, Point, looks_of, panel_svg, save_panels, sides_of

HEIGHT = 2.9  # inches: table and plot together fit the first screen


def write_eval_plots(report: Report, folder: Path) -> list[Path]:
    """full_marks.png and full_marks.svg, by ``save_panels``."""
    return save_panels(_panels(report), _looks(report), folder)


def inline_panels(report: Report) -> list[str]:
    """Every panel as an ``<svg>`` element for the page."""
    looks = _looks(report)
    return [panel_svg(panel, looks, f"panel-{n}", HEIGHT) for n, panel in enumerate(_panels(report))]


def _panels(report: Report) -> list[Panel]:
    sides = sides_of(report.cells)
    if len(report.runs) == 1:
        (run,) = report.runs
        return [_panel(report, run.label, {TITLES[side]: [c for c in run.cells if c.split == side] for side in sides})]
    return [
        _panel(report, TITLES[side], {run.label: [c for c in run.cells if c.split == side] for run in report.runs})
        for side in sides
    ]


def _panel(report: Report, title: str, lines: dict[str, list[Point]]) -> Panel:
    return Panel(title, report.ks, {name: sorted(cells, key=lambda c: c.k) for name, cells in lines.items() if cells})


def _looks(report: Report) -> dict[str, Look]:
    if len(report.runs) == 1:
        return looks_of(TITLES.values())
    return looks_of(report.labels, base=report.baseline)
