"""The dataset card: complete or not at all, its numbers those of the manifest, and what others wrote is only data."""

import contextlib
import re
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from card_page import CHROMIUM, shoot, to_html
from huggingface_hub import DatasetCard
from jinja2 import UndefinedError
from PIL import Image

from cards.dataset_card import render_dataset_card
from cards.dataset_notes import Notes, Release
from cards.evidence import Evidence, Score
from datasets_builder.dataset import Manifest
from datasets_builder.preflight_card import check_card
from datasets_builder.readme import header_of
from datasets_builder.records import FEATURES, TRANSCRIPT_FEATURES
from datasets_builder.skillmix.errors import UsageError

HOSTILE = (
    "<img src=x onerror=alert(1)> | `tick` ```\n# head [a](http://x.org) ![b](x) **bold** ~~gone~~ $x$ \x1b[31m\u202e"
)
SAMPLES = [{"skills": ["simile", "belief"], "topic": "sailing", "text": HOSTILE}]
NOTES = Notes.model_validate(
    {
        "repository": "some-lab/made-up",
        "faults": ["A semicolon ends no sentence."],
        "releases": [{"version": "v1.0.0", "date": "2026-03-01", "added": 5479, "removed": 0, "note": "First."}],
        "evidence": [
            Evidence(
                model=name,
                catalogue="miniature",
                grader="miniature",
                votes=1,
                prompts="abc",
                created="2026-03-01T10:00:00Z",
                scores=(
                    Score(split="held-out", k=2, full_marks=share, low=0.3, high=0.6, combinations=400, generations=1),
                ),
            )
            for name, share in (("base", 0.39), ("tuned", 0.71))
        ],
    }
)


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
        "prompts": {"grade": "0123456789abcdef"},
        "counts": counts,
        "words": {"k1": {"10": 34}, "k2": {"20": 45}, "k3": {"30": 5400}},
        "characters": {"k1": 4000, "k2": 8000, "k3": 2_000_000},
        "licences": {"CC-BY-4.0": 6090},
        "contributors": {"dskill-mix": 5470, "Ada Lovelace": 9},
        "costs": [],
        "validation": 0.1,
        "rejects": {"missed_skill": 600, "missed_topic": 11},
        "configs": {"k1": ("k1",), "k2": ("k2",), "k3": ("k3",), "k12": ("k1", "k2"), "k123": ("k1", "k2", "k3")},
        "default": "k123",
        "files": {"data/k1/train-00000-of-00001.parquet": "00"},
        "dataset_hash": "ff00",
        "versions": {"datasets": "5.2.0"},
    }
    return Manifest.model_validate(content).model_dump()


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of the miniature, with its card."""
    from cards.dataset_card import make_dataset_card
    from datasets_builder.build import build_dataset
    from datasets_builder.pipeline import DataRecipe
    from datasets_builder.skillmix.config import read_config

    path, out = root / "recipes/data/miniature.yml", tmp_path_factory.mktemp("card") / "miniature"
    recipe = read_config(DataRecipe, path)
    build_dataset(recipe, path, out, limit=150, card=lambda m, rows: make_dataset_card(m.model_dump(), rows))
    return out


def test_the_first_screen_says_what_how_much_licence_and_how_to_load(manifest: dict[str, Any]) -> None:
    first = "\n".join(render_dataset_card(manifest).splitlines()[:30])
    for wanted in (
        "5,479 short English texts",
        "**Licence:** CC-BY-4.0",
        "163,240 words, about 500,000 tokens",
        "A miniature",
        "Not the authors' release",
        "language skill",
        "load_dataset",
    ):
        assert wanted in first, wanted


def test_every_config_has_a_snippet_and_a_row(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest, notes=NOTES)
    assert 'home = "some-lab/made-up"\n' in card and "- path: some-lab/made-up\n" in card
    for name in manifest["configs"]:
        assert re.search(rf'^{name} += load_dataset\(home, "{name}"\)', card, re.MULTILINE)
    two = "| scripted/miniature | scripted/miniature | CC-BY-4.0 |"
    assert f"| **k12** | 1,\u00a02 | 70 | 9 | 1,240 | ~3,000 | 88 % {two}" in card
    assert f"| **k123** | 1,\u00a02,\u00a03 | 4,970 | 509 | 163,240 | ~500,000 | 90 % {two}" in card


def test_the_snippets_of_the_card_run_in_the_folder(built: Path, tmp_path: Path) -> None:
    python, axolotl = (
        re.search(rf"```{kind}\n(.*?)```", (built / "README.md").read_text(), re.S) for kind in ("python", "yaml")
    )
    assert python and axolotl
    found: dict[str, Any] = {}
    with contextlib.chdir(built):
        exec(python[1], found)  # our own template's text
    assert len(found["k123"]["train"]) == sum(len(found[name]["train"]) for name in ("k1", "k2", "k3"))
    assert found["transcripts"]["transcripts"].num_rows == 150
    entry = yaml.safe_load(axolotl[1])["datasets"][0]
    with contextlib.chdir(built.parent):
        rows = datasets.load_dataset(entry["path"], entry["name"], split=entry["split"])
    assert entry["field_messages"] in rows.column_names


def test_dataset_info_is_what_loading_finds(built: Path, tmp_path: Path) -> None:
    infos = {info["config_name"]: info for info in DatasetCard.load(built / "README.md").data.to_dict()["dataset_info"]}
    assert {*infos} == {"k1", "k2", "k3", "k12", "k123", "transcripts"}
    for name, info in infos.items():
        builder = datasets.load_dataset_builder(str(built), name, cache_dir=str(tmp_path / name))
        builder.download_and_prepare()
        told = {split["name"]: (split["num_examples"], split["num_bytes"]) for split in info["splits"]}
        for split, (rows, size) in told.items():
            loaded = builder.info.splits[split]
            assert loaded.num_examples == rows and abs(loaded.num_bytes - size) <= 0.01 * size, (name, split)
        assert {*told} == {*builder.info.splits} and info["download_size"] > 0
        assert builder.info.features == (TRANSCRIPT_FEATURES if name == "transcripts" else FEATURES)


def test_the_card_and_its_header_pass_the_check_of_releases(built: Path) -> None:
    files = [path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()]
    assert list(check_card((built / "README.md").read_text(), "dataset", files)) == []


@pytest.mark.parametrize("name", ["a\n---\nlicense: mit", "x: [y", "'\"#&*!|>%@`", "---", "- \u202e"])
def test_no_name_breaks_the_header(manifest: dict[str, Any], name: str) -> None:
    content = Manifest.model_validate(manifest | {"name": name, "licences": {"CC-BY-4.0": 1, "MIT": 2}})
    header = yaml.safe_dump(header_of(content), sort_keys=False, allow_unicode=True)
    card = DatasetCard(f"---\n{header}---\n\n{render_dataset_card(content.model_dump())}")
    assert card.data.pretty_name == name and card.data.license == "other" and "made-up" not in card.text


def test_rejects_are_told_by_reason_most_first(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest)
    assert "The 611 others" in card
    assert card.index("missed\\_skill | 600") < card.index("missed\\_topic | 11")
    assert "None was rejected." in render_dataset_card(manifest | {"rejects": {}})


def test_costs_are_told_and_what_is_unknown_is_called_so(manifest: dict[str, Any]) -> None:
    paid = {"model": "a/b", "stage": "grade", "input_tokens": 1200, "output_tokens": 80, "cached_input_tokens": 0}
    costs = [paid | {"usd": 1.5}, paid | {"model": "c/d", "usd": None}]
    card = render_dataset_card(manifest | {"costs": costs})
    assert "| a/b | grade | 1,200 | 0 | 80 | 1.50 |" in card and "| c/d | grade | 1,200 | 0 | 80 | unknown |" in card
    assert "In all \\$1.50 and what c/d cost, whose price is unknown" in card
    assert "Nothing: programs" in render_dataset_card(manifest)
    assert "Unknown: this build counted no tokens" in render_dataset_card(manifest | {"costs": None})


def test_notes_become_faults_evidence_and_changelog(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest, notes=NOTES)
    assert "**Known fault:** A semicolon ends no sentence." in card
    assert "| v1.0.0 | 2026-03-01 | 5,479 | 0 | First. |" in card
    assert (
        "| tuned | held-out skills | **71&nbsp;%** (30–60) |" in card and "400 combinations a cell, 1 text each" in card
    )
    plain = render_dataset_card(manifest)
    assert not re.search("Known fault:|## Changelog|Does training", plain)


def test_both_papers_are_cited_and_whose_release_it_is(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest)
    assert card.count("@misc{") == 2 and "2409.19808" in card and "2310.17567" in card
    assert "This is not the authors' release" in card
    assert "Contributors: Ada Lovelace (9 rows). Thank you." in card


def test_what_others_wrote_is_data(manifest: dict[str, Any]) -> None:
    counted = {"generated": 5, "kept": 1, "missed": 1, "rejects": {HOSTILE: 4}}
    hostile = manifest | {
        "name": HOSTILE,
        "teacher": HOSTILE,
        "grader": HOSTILE,
        "skills": {HOSTILE: counted},
        "rejects": {HOSTILE: 4},
        "contributors": {HOSTILE: 1},
        "versions": {HOSTILE: HOSTILE},
        "costs": [
            {
                "model": HOSTILE,
                "stage": HOSTILE,
                "input_tokens": 1,
                "output_tokens": 1,
                "cached_input_tokens": 0,
                "usd": None,
            }
        ],
    }
    told = NOTES.evidence[0].model_copy(update={"model": HOSTILE, "grader": HOSTILE, "catalogue": HOSTILE})
    release = Release.model_validate(
        {"version": "v1.0.0", "date": "2026-03-01", "added": 1, "removed": 0, "note": HOSTILE}
    )
    notes = NOTES.model_copy(update={"faults": (HOSTILE,), "evidence": (told,), "releases": (release,)})
    row = {"messages": [], "skills": [HOSTILE], "topic": HOSTILE, "text": HOSTILE}
    card = render_dataset_card(hostile, [row], notes)
    page = re.sub(r"<pre>.*?</pre>", "", to_html(card), flags=re.DOTALL)
    assert not re.search(r"<img|onerror=[^&]*>(?<!&gt;)|<del>|x\.org\"|\x1b|\u202e", page)
    assert page.count("<h1>") == 1 and page.count("&lt;img src=x") > 12
    widths = {len(row.split("<td")) for table in page.split("<table>")[1:2] for row in table.split("<tr>")[2:]}
    assert widths == {11}


@pytest.mark.parametrize("samples", [[], SAMPLES])
def test_no_placeholder_remains(manifest: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    card = render_dataset_card(manifest, samples, NOTES)
    assert not re.search(
        r"\{\{|\}\}|\{%|None[^ ]|More Information|TODO|TBD|<(?!/?(?:details|summary)>)[a-z-]+>|undefined", card
    )
    assert card.endswith("\n") and "\n\n\n" not in card


@pytest.mark.parametrize("text", ["TODO: measure it", "[More Information Needed]", "see {{ link }}", "lorem ipsum"])
def test_a_placeholder_is_an_error_and_no_card(manifest: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match="placeholder"):
        render_dataset_card(manifest, notes=Notes(faults=(text,)))


@pytest.mark.parametrize(
    "key",
    ["name", "teacher", "seed", "rejects", "dataset_hash", "versions", "files", "fingerprint", "costs", "prompts"],
)
def test_a_gap_in_the_manifest_is_an_error_and_no_card(manifest: dict[str, Any], key: str) -> None:
    del manifest[key]
    with pytest.raises((UndefinedError, KeyError)):
        render_dataset_card(manifest)


def test_texts_of_a_model_are_not_called_a_miniature(manifest: dict[str, Any]) -> None:
    card = render_dataset_card(manifest | {"teacher": "openai/some-model", "grader": "openai/other"})
    assert "miniature" not in card.replace("catalogue miniature", "") and "openai/some-model" in card


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
def test_the_page_shows_its_pictures(built: Path, tmp_path: Path) -> None:
    shoot(built / "README.md", tmp_path / "page.png", width=1060, height=1600, dark=True)
    page = Image.open(tmp_path / "page.png").convert("RGB")
    colours = {colour for _, colour in page.getcolors(1 << 20) or ()}
    assert page.size == (1060, 1600) and (0x00, 0x72, 0xB2) in colours and (0x0B, 0x0F, 0x19) in colours
