"""A catalogue of four skills and three topics, written for these tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets_builder.skillmix.catalogue import Catalogue, load_catalogue

SKILLS = {"simile": "rhetorical", "epizeuxis": "rhetorical", "causality": "reasoning", "belief": "theory of mind"}
TOPICS = {"sailing": "train", "cooking": "train", "football": "held-out"}

Write = Callable[[str, dict[str, Any]], Path]


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """The folder of a small, sound catalogue; a test may break it."""
    root = tmp_path / "small"
    categories = {"rhetorical": "train", "reasoning": "held-out", "theory of mind": "held-out"}
    about = {"name": "small", "description": "For tests.", "categories": categories, "prompts": "small"}
    _write(root / "catalogue.yml", about)
    for slug, category in SKILLS.items():
        _write(root / "skills" / f"{slug}.yml", skill(slug, category))
    for slug, side in TOPICS.items():
        _write(root / "topics" / f"{slug}.yml", {"name": slug, "slug": slug, "split": side, "licence": "CC-BY-4.0"})
    return root


@pytest.fixture()
def write(folder: Path) -> Write:
    """Writes one file of the catalogue: ``write("skills/simile.yml", content)``."""
    return lambda name, content: _write(folder / name, content)


@pytest.fixture()
def catalogue(folder: Path) -> Catalogue:
    """The small catalogue."""
    return load_catalogue(folder)


def skill(slug: str, category: str, **changes: Any) -> dict[str, Any]:
    """The content of a sound skill file, with changes."""
    content = {
        "name": slug.title(),
        "slug": slug,
        "category": category,
        "definition": f"What {slug} is.",
        "examples": [f"{slug} {i}" for i in range(3)],
        "near_miss": {"text": "no", "reason": "for tests"},
        "reference": "none",
        "licence": "CC-BY-4.0",
    }
    return content | changes


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
