"""Full marks against k: one panel a split, one line a model with 95 % whiskers, each line named at its end.

Lines differ in colour (Okabe and Ito, colour-blind safe), marker and dash, so that the plot survives a black-and-white
printer. The files have an opaque white ground; ``panel_svg`` has none and takes its text colour from the page.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cards.summary import Cell, Summary
from datasets_builder.skillmix.catalogue import Split

TITLES: dict[Split, str] = {"train": "Train skills", "held-out": "Held-out skills", "all": "All skills"}
INK = "#010203"  # stands for the colour of the page's text; panel_svg replaces it
LONGEST_NAME = 28  # characters of a line's name; the panel shrinks to make room for it
LABEL_GAP = 0.062  # least distance of two line labels, as a share of an axis of this height
HEIGHT = 3.9  # inches
RC: Any = {  # matplotlib types the keys as one Literal of all its settings, which no other dict can meet
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "dskill-mix",  # ids, and with them the bytes, are the same in every run
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK
    ),
}


class Look(NamedTuple):
    """How a line is drawn."""

    colour: str
    marker: str
    dash: str


class Point(Protocol):
    """Full marks at one k with its interval, fractions; the cells of studies and of evaluations are such."""

    @property
    def k(self) -> int: ...
    @property
    def full_marks(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class Asked(Protocol):
    """What a cell asks for."""

    @property
    def split(self) -> Split: ...
    @property
    def k(self) -> int: ...


class Panel(NamedTuple):
    """One plot: its lines by name, each with its points by ascending k; ``ks`` are the ticks."""

    title: str
    ks: Sequence[int]
    lines: Mapping[str, Sequence[Point]]


BASE = Look("#7f7f7f", "o", ":")
TUNED = (
    Look("#E69F00", "s", "--"),
    Look("#0072B2", "^", "-."),
    Look("#D55E00", "D", "-"),
    Look("#009E73", "v", "--"),
    Look("#CC79A7", "P", "-."),
    Look("#56B4E9", "X", "-"),
)


def write_plots(summary: Summary, folder: Path) -> list[Path]:
    """The plots of a study, by ``save_panels``."""
    return save_panels([_panel_of(summary, side) for side in sides_of(summary.cells)], _looks(summary), folder)


def inline_svg(summary: Summary, side: Split) -> str:
    """One side of a study as ``<svg>``, by ``panel_svg``."""
    return panel_svg(_panel_of(summary, side), _looks(summary), side)


def save_panels(panels: Sequence[Panel], looks: Mapping[str, Look], folder: Path) -> list[Path]:
    """Writes full_marks.png (200 dpi) and full_marks.svg, both on white; the same panels give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "full_marks.png", folder / "full_marks.svg"]
    with mpl.rc_context({key: "black" if value == INK else value for key, value in RC.items()}):
        figure = _draw(panels, looks)
        figure.suptitle("Texts with full marks, by number of skills asked for (whiskers: 95 % Wilson)", fontsize=11)
        figure.savefig(paths[0], dpi=200, facecolor="white", metadata={"Software": None})
        figure.savefig(paths[1], facecolor="white", metadata=_no_metadata())
    return paths


def panel_svg(panel: Panel, looks: Mapping[str, Look], prefix: str, height: float = HEIGHT) -> str:
    """One panel as an ``<svg>`` element for a page: transparent, text in the page's colour, ids begin with ``prefix``.

    ``height`` is in inches, at a width of 4.9.
    """
    buffer = BytesIO()
    with mpl.rc_context(RC):
        _draw([panel], looks, height).savefig(buffer, format="svg", transparent=True, metadata=_no_metadata())
    svg = buffer.getvalue().decode()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    text = f"Full marks in percent against k, {panel.title.lower()}; the table has the numbers."
    return svg.replace("<svg ", f'<svg role="img" aria-label="{text}" ', 1)


def looks_of(names: Iterable[str], base: str | None = None) -> dict[str, Look]:
    """A look for each name: that of the base for ``base``, the others in their order."""
    tuned = (name for name in names if name != base)
    looks = {name: TUNED[number % len(TUNED)] for number, name in enumerate(tuned)}
    return looks if base is None else {base: BASE} | looks


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least ``gap`` apart, within low and high where they fit, in the order of ``wanted``, near it."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = [wanted[i] for i in order]
    if places:
        places[0] = max(places[0], low)
    for i, j in pairwise(range(len(places))):
        places[j] = max(places[j], places[i] + gap)
    ceiling = high
    for i in reversed(range(len(places))):
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - gap
    return [place for _, place in sorted(zip(order, places, strict=True))]


def sides_of(cells: Iterable[Asked]) -> list[Split]:
    """The sides that were evaluated, train first."""
    found = {cell.split for cell in cells}
    return [side for side in get_args(Split) if side in found]


def _no_metadata() -> dict[str, None]:
    return dict.fromkeys(("Creator", "Date", "Format", "Type"))


def _looks(summary: Summary) -> dict[str, Look]:
    tuned = looks_of(arm.name for arm in summary.arms if arm.ks)
    return {arm.name: tuned.get(arm.name, BASE) for arm in summary.arms}


def _panel_of(summary: Summary, side: Split) -> Panel:
    lines: dict[str, list[Cell]] = {
        arm.name: [cell for k in summary.ks if (cell := summary.cell(arm.name, side, k))] for arm in summary.arms
    }
    return Panel(TITLES[side], summary.ks, {name: cells for name, cells in lines.items() if cells})


def _draw(panels: Sequence[Panel], looks: Mapping[str, Look], height: float = HEIGHT) -> Figure:
    figure = Figure(figsize=(4.9 * len(panels), height), layout="constrained")
    places = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, panel in zip(places, panels, strict=True):
        _draw_panel(axes, panel, looks, LABEL_GAP * HEIGHT / height)
    places[0].set_ylabel("texts with full marks (%)")
    return figure


def _draw_panel(axes: Axes, panel: Panel, looks: Mapping[str, Look], gap: float) -> None:
    axes.set_title(panel.title, loc="left", fontweight="bold", fontsize=11)
    axes.set_xlabel("k, skills asked for in one text")
    axes.set_ylim(0, 100)
    axes.set_xticks(panel.ks)
    axes.set_xlim(panel.ks[0] - 0.3, panel.ks[-1] + 0.3)
    axes.grid(axis="y", color="#7f7f7f", alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for i, (name, points) in enumerate(panel.lines.items()):
        _line(axes, points, looks[name], shift=0.05 * (i - (len(panel.lines) - 1) / 2))
    _name_lines(axes, {name: points[-1] for name, points in panel.lines.items()}, looks, gap)


def _line(axes: Axes, points: Sequence[Point], look: Look, shift: float) -> None:
    """One line; ``shift`` moves it sideways a little, so that whiskers of two lines do not hide each other."""
    middle = [100 * point.full_marks for point in points]
    whiskers = [
        [100 * max(0.0, p.full_marks - p.low) for p in points],
        [100 * max(0.0, p.high - p.full_marks) for p in points],
    ]
    axes.errorbar(
        [point.k + shift for point in points],
        middle,
        yerr=whiskers,
        color=look.colour,
        marker=look.marker,
        linestyle=look.dash,
        linewidth=1.6,
        markersize=5,
        elinewidth=1,
        capsize=2,
        clip_on=False,
    )


def _name_lines(axes: Axes, last: Mapping[str, Point], looks: Mapping[str, Look], gap: float) -> None:
    """Writes each name beside the end of its line, with a thin leader where names had to move apart."""
    places = spread([point.full_marks for point in last.values()], gap, 0.0, 1.0)
    edge = axes.get_xlim()[1]
    for (name, point), place in zip(last.items(), places, strict=True):
        axes.plot(
            [point.k + 0.12, edge],
            [100 * point.full_marks, 100 * place],
            color=looks[name].colour,
            linewidth=0.6,
            clip_on=False,
        )
        axes.plot(
            [edge + 0.08],
            [100 * place],
            color=looks[name].colour,
            marker=looks[name].marker,
            markersize=5,
            clip_on=False,
        )
        shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        axes.annotate(shown, (edge + 0.2, 100 * place), va="center", annotation_clip=False, parse_math=False)
