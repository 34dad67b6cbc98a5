"""The dataset card: complete or not at all, and its numbers are those of the manifest."""

import re
from typing import Any

import pytest
from jinja2 import UndefinedError

from cards.dataset_card import render_dataset_card
from datasets_builder.dataset import Manifest

SAMPLES = [{"skills": ["simile", "belief"], "topic": "sailing", "text": "<img src=x> ```\n# not a heading"}]


@pytest.fixture()
def manifest() -> dict[str, Any]:
    """A made-up manifest in the form that the dataset builder writes."""
    counts = {
        "k1": {"generated": 40, "train": 30, "validation": 4, "rejected": 6},
        "k2": {"generated": 50, "train": 40, "validation": 5, "rejected": 5},
        "k3": {"generated": 6000, "train": 4900, "validation": 500, "rejected": 600},
    }
    content = {
        "name": "made-up",
        "fingerprint": "0011223344556677",
        "identity": {"catalogue": "miniature", "seed": 3},
        "seed": 3,
        "teacher": "scripted/miniature",
        "grader": "scripted/miniature",
        "prompt_version": "abcdef012345",
        "counts": counts,
        "licences": {"CC-BY-4.0": 6090},
        "validation": 0.1,
        "rejects": {"missed_skill": 600, "missed_topic": 11},
        "configs": {"k1": ("k1",), "k2": ("k2",), "k3": ("k3",), "k12": ("k1", "k2"), "k123": ("k1", "k2", "k3")},
        "default": "k123",
        "files": {"data/k1/train-00000-of-00001.parquet": "00"},
        "dataset_hash": "ff00",
        "versions": {"datasets": "5.2.0"},
    }
    return Manifest.model_validate(content).model_dump()


def test_the_first_screen_says_what_how_much_licence_and_how_to_load(manifest: dict[str, Any]) -> None:
    first = "\n".join(render_dataset_card(manifest).splitlines()[:40])
    for wanted in (
        "5,479 short English texts",
        "**Licence:** CC-BY-4.0",
        "A miniature",
        "Not the authors' release",
        "language skill",
        "load_dataset",
    ):
        assert wanted in first, wanted


def test_every_config_has_a_snippet_and_a_row(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest, repository="somebody/made-up")
    for name in manifest["configs"]:
        assert f'{name} = load_dataset("somebody/made-up", "{name}")' in card
    assert "| k12 | 1, 2 | 70 | 9 | 90 | 88 % |" in card
    assert "| k123 | 1, 2, 3 | 4,970 | 509 | 6,090 | 90 % |" in card


def test_the_python_of_the_card_is_python(manifest: dict[str, Any]) -> None:
    snippet = re.search(r"```python\n(.*?)```", render_dataset_card(manifest), re.DOTALL)
    assert snippet
    compile(snippet[1], "card", "exec")


def test_rejects_are_told_by_reason_most_first(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest)
    assert "The 611 others" in card
    assert card.index("missed\\_skill | 600") < card.index("missed\\_topic | 11")
    assert "None was rejected." in render_dataset_card(manifest | {"rejects": {}})


def test_both_papers_are_cited_as_text(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest)
    assert "2409.19808" in card and "2310.17567" in card and "neither by these authors" in card


def test_sample_text_is_data(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest, SAMPLES)
    assert "````text\n<img src=x> ```\n# not a heading\n````" in card


@pytest.mark.parametrize("samples", [[], SAMPLES])
def test_no_placeholder_remains(manifest: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    card = render_dataset_card(manifest, samples)
    ours = card.replace("<img src=x>", "")
    assert not re.search(r"\{\{|\}\}|\{%|None[^ ]|More Information|TODO|TBD|<[a-z-]+>|undefined", ours)
    assert card.endswith("\n") and "\n\n\n\n" not in card


@pytest.mark.parametrize(
    "key", ["name", "teacher", "seed", "rejects", "dataset_hash", "versions", "files", "fingerprint"]
)
def test_a_gap_in_the_manifest_is_an_error_and_no_card(manifest: dict[str, Any], key: str) -> None:
    del manifest[key]
    with pytest.raises((UndefinedError, KeyError)):
        render_dataset_card(manifest)


def test_texts_of_a_model_are_not_called_a_miniature(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest | {"teacher": "openai/some-model"})
    assert "miniature" not in card.replace("scripted/miniature", "").replace("catalogue `miniature`", "")
    assert "openai/some-model" in card
