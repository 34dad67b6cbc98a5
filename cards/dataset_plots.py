"""Pictures of a dataset card, from the manifest alone: yield by k and by skill, length, coverage of the topics.

PNG on an opaque white ground, so that they read on a dark page as on a light one; the same manifest gives the same
bytes. Colours are Okabe and Ito's, and every bar carries its number, so that none is needed to read them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

RC: Any = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.parse_math": False,  # names come from catalogues of others
}
KEPT, SET_ASIDE, REJECTED = "#0072B2", "#56B4E9", "#D9D9D9"
BY_K = ("#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#7f7f7f", "#000000", "#F0E442")
DASHES = ("-", "--", "-.", ":")
COLUMN = 36  # bars in one column: more than these are set in further columns
LONGEST = 300  # words; texts beyond stand in the last bin
BINS = 40
TITLE_OF_WORDS = "Words in a kept text (% of its k)"
DPI = 130

Numbers = Mapping[str, Any]


def draw_plots(manifest: Numbers) -> dict[str, bytes]:
    """The pictures by their path in the dataset's folder; none of what the manifest does not count."""
    with mpl.rc_context(RC):
        plots = {"figures/overview.png": _overview(manifest)}
        if manifest["skills"]:
            plots["figures/skills.png"] = _by_skill(manifest["skills"])
        if manifest["topics"]:
            plots["figures/topics.png"] = _by_topic(manifest["topics"])
        return {name: _to_png(figure) for name, figure in plots.items()}


def _to_png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _overview(manifest: Numbers) -> Figure:
    figure = Figure(figsize=(8.6, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _draw_counts(left, manifest["counts"])
    _draw_lengths(right, manifest["words"])
    return figure


def _draw_counts(axes: Axes, counts: Mapping[str, Numbers]) -> None:
    """Stacked bars of k: train, validation, rejected."""
    names, start = list(counts), [0] * len(counts)
    for label, field, colour in (
        ("train", "train", KEPT),
        ("validation", "validation", SET_ASIDE),
        ("rejected", "rejected", REJECTED),
    ):
        values = [counts[name][field] for name in names]
        axes.bar(names, values, bottom=start, color=colour, label=label, width=0.62)
        start = [below + value for below, value in zip(start, values, strict=True)]
    for place, (name, height) in enumerate(zip(names, start, strict=True)):
        share = (counts[name]["train"] + counts[name]["validation"]) / max(1, height)
        axes.annotate(f"{share:.0%} kept", (place, height), (0, 2), textcoords="offset points", ha="center")
    axes.set_title("Texts generated, by k")
    axes.set_ylim(0, 1.14 * max(1, *start))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.1), ncols=3, frameon=False, handlelength=1, columnspacing=1)


def _draw_lengths(axes: Axes, words: Mapping[str, Mapping[Any, int]]) -> None:
    """Share of the kept texts by number of words, one line for each k; at most ``BINS`` bins."""
    found = {
        name: Counter({int(length): texts for length, texts in lengths.items()}) for name, lengths in words.items()
    }
    longest = min(LONGEST, max((max(lengths) for lengths in found.values()), default=1))
    width = -(-longest // BINS)
    for number, (name, lengths) in enumerate(found.items()):
        binned = Counter[int]()
        for length, texts in lengths.items():
            binned[min(length, longest) // width] += texts
        places = range(min(binned) - 1, max(binned) + 2)
        mean = sum(length * texts for length, texts in lengths.items()) / lengths.total()
        axes.plot(
            [width * (place + 0.5) for place in places],
            [100 * binned[place] / lengths.total() for place in places],
            color=BY_K[number % len(BY_K)],
            linestyle=DASHES[number % len(DASHES)],
            drawstyle="steps-mid",
            label=f"{name}, mean {mean:.0f}",
        )
    axes.set_title(f"Words in a kept text (% of its k, in steps of {width})" if width > 1 else TITLE_OF_WORDS)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#7f7f7f", alpha=0.25, linewidth=0.6)
    if words:
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.1), ncols=3, frameon=False, columnspacing=1)


def _by_skill(skills: Mapping[str, Numbers]) -> Figure:
    """Share kept of the texts that asked for a skill, the lowest first."""
    shares = {name: counted["kept"] / max(1, counted["generated"]) for name, counted in skills.items()}
    ordered = sorted(shares, key=lambda name: (shares[name], name))
    figure, panels = _columns(len(ordered), "Kept, of the texts that asked for a skill")
    for axes, names in zip(panels, _deal(ordered, len(panels)), strict=True):
        labels = [f"{shares[name]:.0%} of {skills[name]['generated']:,}" for name in names]
        _draw_bars(axes, names, [shares[name] for name in names], labels, 1.0)
    return figure


def _by_topic(topics: Mapping[str, Numbers]) -> Figure:
    """Texts kept of each topic, the fewest first: a topic that is thin in the data shows at the top."""
    ordered = sorted(topics, key=lambda name: (topics[name]["kept"], name))
    figure, panels = _columns(len(ordered), "Kept texts of each topic")
    most = max(1, *(counted["kept"] for counted in topics.values()))
    for axes, names in zip(panels, _deal(ordered, len(panels)), strict=True):
        kept = [topics[name]["kept"] for name in names]
        labels = [f"{count:,} of {topics[name]['generated']:,}" for name, count in zip(names, kept, strict=True)]
        _draw_bars(axes, names, kept, labels, most)
    return figure


def _columns(bars: int, title: str) -> tuple[Figure, Sequence[Axes]]:
    count = max(1, -(-bars // COLUMN))
    height = 0.55 + 0.19 * -(-bars // count)
    figure = Figure(figsize=(8.6, max(1.2, height)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=10)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _deal(names: Sequence[str], columns: int) -> list[Sequence[str]]:
    size = -(-len(names) // columns)
    return [names[start : start + size] for start in range(0, columns * size, size)]


def _draw_bars(axes: Axes, names: Sequence[str], values: Sequence[float], labels: Sequence[str], most: float) -> None:
    places = range(len(names))
    axes.barh(places, [most] * len(names), color=REJECTED, alpha=0.45, height=0.72)
    axes.barh(places, values, color=KEPT, height=0.72)
    for place, label in zip(places, labels, strict=True):
        axes.annotate(label, (most, place), (4, 0), textcoords="offset points", va="center", fontsize=7.5)
    axes.set_yticks(places, [name.replace("-", " ") for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, most * 1.3)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
