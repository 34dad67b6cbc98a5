"""Full marks against k: one panel a side, one line an arm with 95 % whiskers, each line named at its end.

Arms differ in colour (Okabe and Ito, colour-blind safe), marker and dash, so that the plot survives a black-and-white
printer. The files have an opaque white ground; ``inline_svg`` has none and takes its text colour from the page.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cards.summary import Cell, Summary
from datasets_builder.skillmix.catalogue import Side

TITLES: dict[Side, str] = {"train": "Train skills", "held-out": "Held-out skills"}
INK = "#010203"  # stands for the colour of the page's text; inline_svg replaces it
LABEL_GAP = 0.062  # least distance of two line labels, as a share of the axis
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
    """How an arm is drawn."""

    colour: str
    marker: str
    dash: str


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
    """Writes full_marks.png (200 dpi) and full_marks.svg, both on white; the same summary gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "full_marks.png", folder / "full_marks.svg"]
    with mpl.rc_context({key: "black" if value == INK else value for key, value in RC.items()}):
        figure = _draw(summary, sides_of(summary))
        figure.suptitle("Texts with full marks, by number of skills asked for (whiskers: 95 % Wilson)", fontsize=11)
        figure.savefig(paths[0], dpi=200, facecolor="white", metadata={"Software": None})
        figure.savefig(paths[1], facecolor="white", metadata=_no_metadata())
    return paths


def inline_svg(summary: Summary, side: Side) -> str:
    """One panel as an ``<svg>`` element for a page: transparent, text in the page's colour, ids begin with the side."""
    buffer = BytesIO()
    with mpl.rc_context(RC):
        _draw(summary, [side]).savefig(buffer, format="svg", transparent=True, metadata=_no_metadata())
    svg = buffer.getvalue().decode()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{side}-", svg)
    text = f"Full marks in percent against k, {TITLES[side].lower()}; the table has the numbers."
    return svg.replace("<svg ", f'<svg role="img" aria-label="{text}" ', 1)


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


def sides_of(summary: Summary) -> list[Side]:
    """The sides that were evaluated, train first."""
    return [side for side in get_args(Side) if any(cell.split == side for cell in summary.cells)]


def _no_metadata() -> dict[str, None]:
    return dict.fromkeys(("Creator", "Date", "Format", "Type"))


def _looks(summary: Summary) -> dict[str, Look]:
    tuned = [arm for arm in summary.arms if arm.ks]
    looks = {arm.name: TUNED[i % len(TUNED)] for i, arm in enumerate(tuned)}
    return {arm.name: looks.get(arm.name, BASE) for arm in summary.arms}


def _draw(summary: Summary, sides: Sequence[Side]) -> Figure:
    figure = Figure(figsize=(4.9 * len(sides), 3.9), layout="constrained")
    panels = figure.subplots(1, len(sides), squeeze=False, sharey=True)[0]
    for axes, side in zip(panels, sides, strict=True):
        _panel(axes, summary, side)
    panels[0].set_ylabel("texts with full marks (%)")
    return figure


def _panel(axes: Axes, summary: Summary, side: Side) -> None:
    axes.set_title(TITLES[side], loc="left", fontweight="bold", fontsize=11)
    axes.set_xlabel("k, skills asked for in one text")
    axes.set_ylim(0, 100)
    axes.set_xticks(summary.ks)
    axes.set_xlim(summary.ks[0] - 0.3, summary.ks[-1] + 0.3)
    axes.grid(axis="y", color="#7f7f7f", alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    lines = {arm.name: [c for k in summary.ks if (c := summary.cell(arm.name, side, k))] for arm in summary.arms}
    lines = {name: cells for name, cells in lines.items() if cells}
    looks = _looks(summary)
    for i, (name, cells) in enumerate(lines.items()):
        _line(axes, cells, looks[name], shift=0.05 * (i - (len(lines) - 1) / 2))
    _name_lines(axes, {name: cells[-1] for name, cells in lines.items()}, looks)


def _line(axes: Axes, cells: Sequence[Cell], look: Look, shift: float) -> None:
    """One arm; ``shift`` moves it sideways a little, so that whiskers of two arms do not hide each other."""
    middle = [100 * cell.full_marks for cell in cells]
    whiskers = [
        [100 * max(0.0, c.full_marks - c.low) for c in cells],
        [100 * max(0.0, c.high - c.full_marks) for c in cells],
    ]
    axes.errorbar(
        [cell.k + shift for cell in cells],
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


def _name_lines(axes: Axes, last: dict[str, Cell], looks: dict[str, Look]) -> None:
    """Writes each arm's name beside the end of its line, with a thin leader where names had to move apart."""
    places = spread([cell.full_marks for cell in last.values()], LABEL_GAP, 0.0, 1.0)
    edge = axes.get_xlim()[1]
    for (name, cell), place in zip(last.items(), places, strict=True):
        axes.plot(
            [cell.k + 0.12, edge],
            [100 * cell.full_marks, 100 * place],
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
        axes.annotate(name, (edge + 0.2, 100 * place), va="center", annotation_clip=False, parse_math=False)
