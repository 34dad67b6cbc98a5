"""Plots: the same bytes every time, text as text, names that do not lie on each other."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cards.plots import TUNED, inline_svg, spread, write_plots
from cards.summary import Summary


def test_the_same_summary_gives_the_same_bytes(summary: Summary, tmp_path: Path) -> None:
    first, second = write_plots(summary, tmp_path / "a"), write_plots(summary, tmp_path / "b")
    assert [path.name for path in first] == ["full_marks.png", "full_marks.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_files_have_an_opaque_white_ground(summary: Summary, tmp_path: Path) -> None:
    png, svg = write_plots(summary, tmp_path)
    with Image.open(png) as image:
        assert image.convert("RGBA").getpixel((2, 2)) == (255, 255, 255, 255)
        assert round(image.info["dpi"][0]) == 200
    assert "fill: #ffffff" in svg.read_text(encoding="utf-8")


def test_svg_text_is_text_and_names_every_arm(summary: Summary, tmp_path: Path) -> None:
    texts = list(ElementTree.parse(write_plots(summary, tmp_path)[1]).getroot().itertext())
    for wanted in ("Train skills", "Held-out skills", "base", "(1)", "(1,2)", "(1,2,3)", "texts with full marks (%)"):
        assert any(wanted in text for text in texts), wanted


def test_inline_svg_takes_the_page_colour_and_has_its_own_ids(summary: Summary) -> None:
    train, held_out = inline_svg(summary, "train"), inline_svg(summary, "held-out")
    assert "currentColor" in train and "#010203" not in train
    ids = [{e.get("id") for e in ElementTree.fromstring(svg).iter() if e.get("id")} for svg in (train, held_out)]
    assert ids[0] and not ids[0] & ids[1]


@pytest.mark.parametrize("name", ["<b>bold</b>", "$\\frac{1}{2}$", 'quote " & amp'])
def test_the_name_of_an_arm_is_data(figures: dict, name: str) -> None:
    for cell in figures["cells"]:
        cell["arm"] = name if cell["arm"] == "(1)" else cell["arm"]
    figures["arms"][1]["name"] = name
    summary = Summary.model_validate(figures | {"comparisons": [], "samples": []})
    texts = list(ElementTree.fromstring(inline_svg(summary, "train")).itertext())
    assert any(name == text.strip() for text in texts)


def test_arms_differ_without_colour() -> None:
    assert len({(look.marker) for look in TUNED}) == len(TUNED)


@given(st.lists(st.floats(0, 1), max_size=7))
def test_names_move_apart_and_keep_their_order(wanted: list[float]) -> None:
    places = spread(wanted, 0.062, 0.0, 1.0)
    ordered = sorted(places)
    assert all(b - a >= 0.062 - 1e-9 for a, b in pairwise(ordered))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    assert sorted(range(len(wanted)), key=lambda i: wanted[i]) == sorted(range(len(wanted)), key=lambda i: places[i])
