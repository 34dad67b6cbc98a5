"""A checkpoint keeps its recipe and the revision of its data, and says what comes next."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from datasets_builder.skillmix.errors import UsageError
from study.stamp import DATA, RECIPE, next_steps, read_stamp, stamp


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder in which axolotl ran: a dataset, a corpus and a checkpoint."""
    for folder in ("checkpoint", "dataset", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dataset/manifest.json").write_text(json.dumps({"dataset_hash": "abc"}))
    (tmp_path / "elsewhere/manifest.json").write_text(json.dumps({"dataset_hash": "def"}))
    (tmp_path / "texts.jsonl").write_text("{}")
    return tmp_path


def write_recipe(folder: Path, *paths: str, **more: object) -> Path:
    entries = [{"path": path, "name": "k1", "split": "train[:5]", "type": "chat_template"} for path in paths]
    recipe = folder / "mine.yml"
    recipe.write_text(yaml.safe_dump({"base_model": "org/m", "output_dir": "checkpoint", "datasets": entries, **more}))
    return recipe


def test_folders_files_and_repositories_have_their_revision(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refs = trained / "hub/datasets--org--cached/refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("0123abcd")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(trained / "hub"))
    recipe = write_recipe(trained, "./dataset", "texts.jsonl", "org/cached", "org/named", "org/unknown")
    stamp(trained / "checkpoint", recipe, trained, {"org/named": trained / "elsewhere"})
    made_of = read_stamp(trained / "checkpoint")
    found = [source.revision for source in made_of.datasets]
    assert (found[0], found[2:]) == ("abc", ["0123abcd", "def", None]) and len(found[1] or "") == 64
    assert (trained / "checkpoint" / RECIPE).read_bytes() == recipe.read_bytes()
    assert str(trained) not in (trained / "checkpoint" / DATA).read_text()


def test_no_folder_of_this_machine_is_told(trained: Path) -> None:
    recipe = write_recipe(trained, str(trained / "dataset"), f"../{trained.name}/elsewhere", "/gone")
    made_of = stamp(trained / "checkpoint", recipe, trained)
    found = [(source.path, source.revision) for source in made_of.datasets]
    assert found == [("dataset", "abc"), ("elsewhere", "def"), ("gone", None)]


def test_what_comes_next(trained: Path) -> None:
    recipe, checkpoint = write_recipe(trained, "dataset"), trained / "checkpoint"
    lines = next_steps(Path("checkpoint"), stamp(checkpoint, recipe, trained), recipe)
    assert lines == [
        "dskill eval recipes/eval/paper.yml --model folder/checkpoint --out evaluations/checkpoint",
        "dskill card checkpoint --recipe checkpoint/recipe.yml --results evaluations/checkpoint --dataset dataset@abc",
    ]


def test_adapters_are_merged_first(trained: Path, dskill: Callable[..., tuple[int, str, str]]) -> None:
    recipe = write_recipe(trained, "org/x", adapter="lora")
    code, out, _ = dskill("recipe", "stamp", trained / "checkpoint", "--recipe", recipe, "--data", "org/x=nowhere")
    assert code == 0 and "org/x k1 train[:5]: revision unknown" in out
    merge, evaluate, _ = out.splitlines()[1:]
    assert merge.startswith("axolotl merge-lora") and "folder/" in evaluate and "/merged --out" in evaluate


def test_a_missing_checkpoint_is_one_line(trained: Path) -> None:
    with pytest.raises(UsageError, match="no such checkpoint folder"):
        stamp(trained / "checkpont", write_recipe(trained, "dataset"), trained)
    with pytest.raises(UsageError, match=r"no sound data\.json here; write it by dskill recipe stamp"):
        read_stamp(trained / "checkpoint")
