"""croissant.json: sound for mlcroissant, and records are read by it from the folder's own files."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from cards.croissant import CONFORMS, dump_croissant
from cards.dataset_card import make_dataset_card
from cards.dataset_notes import Notes
from datasets_builder.build import build_dataset
from datasets_builder.manifest import Manifest, read_manifest
from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.config import read_config

mlc = pytest.importorskip("mlcroissant")
RELEASED = Notes.model_validate(
    {
        "repository": "some-lab/mix",
        "faults": ["A semicolon ends no sentence."],
        "releases": [{"version": "v1.2.0", "date": "2026-03-01", "added": 1, "removed": 0}],
    }
)
RAI = [
    "dataCollection",
    "dataCollectionType",
    "dataPreprocessingProtocol",
    "dataAnnotationProtocol",
    "annotationsPerItem",
    "machineAnnotationTools",
    "dataBiases",
    "dataLimitations",
    "dataUseCases",
    "dataSocialImpact",
    "personalSensitiveInformation",
    "dataReleaseMaintenancePlan",
]


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, out = root / "recipes/data/miniature.yml", tmp_path_factory.mktemp("croissant") / "out"
    card = lambda m, rows: make_dataset_card(m.model_dump(), rows, RELEASED)  # noqa: E731
    build_dataset(read_config(DataRecipe, path), path, out, limit=120, card=card)
    return out


@pytest.fixture(scope="module")
def manifest(built: Path) -> Manifest:
    found = read_manifest(built)
    assert found
    return found


def test_mlcroissant_finds_nothing_to_complain_of(built: Path) -> None:
    issues = mlc.Dataset(jsonld=str(built / "croissant.json")).metadata.ctx.issues
    assert not issues.errors and not issues.warnings


def test_records_are_the_rows_of_the_files(built: Path, manifest: Manifest) -> None:
    read = mlc.Dataset(jsonld=str(built / "croissant.json"))
    names = {record_set.id for record_set in read.metadata.record_sets}
    assert names == {f"k{k}_train" for k in (1, 2, 3)} | {"transcripts"}
    for k in (1, 2, 3):
        assert len(list(read.records(f"k{k}_train"))) == manifest.counts[f"k{k}"].train
    first, sample = next(iter(read.records("k2_train"))), manifest.samples[1]
    assert first["k2_train/text"].decode() == sample["text"]
    assert [skill.decode() for skill in first["k2_train/skills"]] == sample["skills"]
    turns = [
        {name.rpartition("/")[2]: part.decode() for name, part in turn.items()} for turn in first["k2_train/messages"]
    ]
    assert turns == sample["messages"]
    assert first["k2_train/votes"] == sample["votes"]
    told = next(iter(itertools.islice(read.records("transcripts"), 1)))
    assert isinstance(told["transcripts/reply_generate"], bytes)


def test_files_are_named_by_their_hash(built: Path) -> None:
    content = json.loads((built / "croissant.json").read_text())
    there = {path.relative_to(built).as_posix() for path in built.rglob("*.parquet")}
    assert {file["contentUrl"] for file in content["distribution"]} == there
    for file in content["distribution"]:
        stored = (built / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(stored).hexdigest() and file["contentSize"] == f"{len(stored)} B"


def test_the_fields_of_responsible_ai_are_there(built: Path) -> None:
    content: dict[str, Any] = json.loads((built / "croissant.json").read_text())
    assert content["conformsTo"] == CONFORMS
    assert all(content[f"rai:{name}"] for name in RAI)
    assert "Known fault: A semicolon ends no sentence." in content["rai:dataLimitations"]
    assert (content["version"], content["datePublished"]) == ("1.2.0", "2026-03-01")
    assert content["url"] == "https://huggingface.co/datasets/some-lab/mix"


def test_the_same_numbers_give_the_same_bytes(built: Path, manifest: Manifest) -> None:
    assert dump_croissant(manifest, RELEASED) == (built / "croissant.json").read_bytes()


def test_hostile_names_stay_json(manifest: Manifest) -> None:
    name = '"}],"@context":"http://x.org",\n\u2028</script>'
    content = json.loads(dump_croissant(manifest.model_copy(update={"name": name, "teacher": name}), Notes()))
    assert content["name"] == name and isinstance(content["@context"], dict) and "version" not in content
