"""The pictures of a dataset card: what the manifest has figures for, the same bytes each time, shown on the card."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cards.dataset_card import make_dataset_card, render_dataset_card
from cards.dataset_plots import COLUMN, draw_plots
from datasets_builder.dataset import Manifest
from datasets_builder.tally import Tally


def _record(number: int, reason: str | None) -> dict[str, Any]:
    """One row that asks for two skills of a hundred; a rejected one missed its first."""
    skills = [f"skill-{number % 100}", f"skill-{(number * 7 + 1) % 100}"]
    criteria = [*skills, "topic", "sense", "length"]
    return {
        "skills": skills,
        "topic": f"topic-{number % 90}",
        "k": 2,
        "split": "train" if number % 9 else "validation",
        "text": "word " * (5 + number % 40),
        "messages": [{"role": "assistant", "content": "word " * 8}],
        "contributor": "dskill-mix",
        "marks": [{"criterion": name, "mark": not (reason and name == skills[0])} for name in criteria],
        "licence": "CC-BY-4.0",
        "reason": reason,
    }


@pytest.fixture()
def tally() -> Tally:
    """900 rows, every seventh rejected."""
    counted = Tally()
    for number in range(900):
        counted.add(_record(number, "missed_skill" if number % 7 == 0 else None))
    return counted


@pytest.fixture()
def manifest(tally: Tally) -> dict[str, Any]:
    """The manifest of these rows."""
    content: dict[str, Any] = dict.fromkeys(("fingerprint", "teacher", "grader", "prompt_version", "dataset_hash"), "x")
    content |= {
        "name": "made-up",
        "identity": {"catalogue": "c"},
        "seed": 0,
        "default": "k2",
        "configs": {"k2": ("k2",)},
    }
    content |= {"counts": tally.counts(), "rejects": tally.reasons(), "skills": tally.skills()}
    content |= {"characters": tally.characters(), "contributors": tally.contributors}
    content |= {
        "topics": tally.topics(),
        "words": tally.words(),
        "licences": tally.licences,
        "validation": 0.1,
        "files": {"a": "b"},
        "versions": {},
    }
    return Manifest.model_validate(content).model_dump()


def test_the_tally_adds_up(tally: Tally) -> None:
    (counted,) = tally.counts().values()
    assert (counted.generated, counted.rejected, counted.kept) == (900, 129, 771)
    assert sum(one.generated for one in tally.skills().values()) == 2 * 900
    assert sum(one.kept for one in tally.skills().values()) == 2 * 771
    assert sum(one.missed for one in tally.skills().values()) == 129
    assert sum(n for one in tally.skills().values() for n in one.rejects.values()) == 2 * 129
    assert sum(one.kept for one in tally.topics().values()) == sum(tally.words()["k2"].values()) == 771
    assert tally.characters() == {"k2": 771 * 40} and tally.contributors == {"dskill-mix": 771}


def test_the_pictures_are_pictures_on_an_opaque_white_ground(manifest: dict[str, Any]) -> None:
    plots = draw_plots(manifest)
    assert list(plots) == ["figures/overview.png", "figures/skills.png", "figures/topics.png"]
    for name, content in plots.items():
        image = Image.open(BytesIO(content)).convert("RGBA")
        assert image.getpixel((0, 0)) == (255, 255, 255, 255), name
        assert image.getextrema()[3] == (255, 255), name
        assert image.width < 1400 and len(image.getcolors(1 << 20) or ()) > 20, name


def test_the_same_figures_give_the_same_bytes(manifest: dict[str, Any]) -> None:
    assert draw_plots(manifest) == draw_plots(manifest)


def test_a_manifest_read_back_gives_the_same_pictures(manifest: dict[str, Any]) -> None:
    text = Manifest.model_validate(manifest).model_dump_json()
    assert draw_plots(Manifest.model_validate_json(text).model_dump()) == draw_plots(manifest)


def test_names_of_others_are_drawn_as_they_are(manifest: dict[str, Any]) -> None:
    odd = manifest | {"skills": {r"$\frac{": manifest["skills"]["skill-1"]}}
    assert draw_plots(odd)["figures/skills.png"]


def test_many_skills_are_set_in_columns(manifest: dict[str, Any]) -> None:
    def height(skills: int) -> int:
        some = dict(list(manifest["skills"].items())[:skills])
        return Image.open(BytesIO(draw_plots(manifest | {"skills": some})["figures/skills.png"])).height

    assert height(5) < height(COLUMN) and height(100) <= height(COLUMN)


def test_figures_that_an_older_manifest_lacks_are_not_drawn(manifest: dict[str, Any]) -> None:
    body, plots = make_dataset_card(manifest | {"skills": {}, "topics": {}, "words": {}})
    assert list(plots) == ["figures/overview.png"] and "skills.png" not in body


def test_the_card_shows_every_picture_by_its_relative_path(manifest: dict[str, Any]) -> None:
    body, plots = make_dataset_card(manifest)
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", body) == list(plots)
    assert "![" not in render_dataset_card(manifest)


def test_the_card_has_the_skills_that_are_rejected_most(manifest: dict[str, Any]) -> None:
    body, _ = make_dataset_card(manifest)
    worst = min(manifest["skills"].items(), key=lambda item: (item[1]["kept"] / item[1]["generated"], item[0]))[0]
    rows = re.findall(r"\| (skill-\d+) \| \d+ \| (\d+) % \| (\d+) \| missed\\_skill \((\d+)\) \|", body)
    assert len(rows) == 10 and rows[0][0] == worst
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)


def test_a_build_writes_the_pictures_into_the_folder(dskill: Any, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert dskill("build", root / "recipes/data/miniature.yml", "--out", out, "--limit", 90)[0] == 0
    shown = re.findall(r"\]\((figures/[^)]+)\)", (out / "README.md").read_text())
    assert len(shown) == 3 and all((out / name).read_bytes().startswith(b"\x89PNG") for name in shown)
