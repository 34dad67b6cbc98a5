"""The dataset folder: loads by every config, is the same every time, and is whole or not there."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from data_fakes import CONTENT

from cards.dataset_card import render_dataset_card
from datasets_builder import build
from datasets_builder.build import build_dataset, identify, spread
from datasets_builder.dataset import (
    FEATURES,
    REJECT_FEATURES,
    TRANSCRIPT_FEATURES,
    Manifest,
    account,
    read_manifest,
    side,
)
from datasets_builder.licences import HUB, check_licence, header_of_licences
from datasets_builder.manifest import fingerprint_of
from datasets_builder.models import ScriptedTeacher, ScriptedTeacherConfig
from datasets_builder.pipeline import DataRecipe, requests
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import DskillError, OutsideError, ResumeError, UsageError
from datasets_builder.skillmix.prompts import PromptSet

HERE = Path("recipe.yml")


def _card(manifest: Manifest, rows: object) -> str:
    return f"# {manifest.name}\n"


def _full_card(manifest: Manifest, rows: Any) -> str:
    return render_dataset_card(manifest.model_dump(), rows)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small dataset."""
    out = tmp_path_factory.mktemp("built") / "small"
    build_dataset(DataRecipe.model_validate(CONTENT), HERE, out, card=_card)
    return out


@pytest.fixture()
def manifest(built: Path) -> Manifest:
    """Its manifest."""
    found = read_manifest(built)
    assert found
    return found


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("name", ["k1", "k2", "k3", "k12", "k123", None])
def test_every_config_loads_with_the_features(built: Path, manifest: Manifest, name: str | None) -> None:
    loaded = datasets.load_dataset(str(built), name)
    parts = manifest.configs[name or "k123"]
    assert set(loaded) == {"train", "validation"}
    for split in ("train", "validation"):
        assert loaded[split].features == FEATURES
        assert len(loaded[split]) == sum(getattr(manifest.counts[part], split) for part in parts) > 0
        assert set(loaded[split]["split"]) == {split}
        assert {f"k{k}" for k in loaded[split]["k"]} == set(parts)


def test_rows_say_what_they_are(built: Path, catalogue: Catalogue) -> None:
    row = datasets.load_dataset(str(built), "k2", split="train")[0]
    assert [m["role"] for m in row["messages"]] == ["user", "assistant"]
    assert row["messages"][1]["content"] == row["text"]
    assert row["messages"][0]["content"].endswith(" , ".join(row["skills"]))
    assert row["categories"] == [catalogue.skills[s].category for s in row["skills"]]
    assert [m["criterion"] for m in row["marks"]] == [*row["skills"], "topic", "sense", "length"]
    assert all(m["mark"] for m in row["marks"]) and row["votes"] == [[True] * 5] * 2
    assert (row["teacher"], row["recipe"], row["licence"]) == ("scripted/miniature", "small", "CC-BY-4.0")


def test_rejects_keep_the_columns_and_the_reason(built: Path, manifest: Manifest) -> None:
    file = str(built / "rejects" / "rejected.parquet")
    rejected = datasets.load_dataset("parquet", data_files=file, split="train")
    assert rejected.features == REJECT_FEATURES
    assert len(rejected) == sum(manifest.rejects.values()) > 0
    assert all(rejected["reason"]) and all(rejected["detail"])


def test_the_accounts_add_up(manifest: Manifest) -> None:
    assert {name: c.generated for name, c in manifest.counts.items()} == {"k1": 120, "k2": 120, "k3": 80}
    assert all(c.kept + c.rejected == c.generated for c in manifest.counts.values())


def test_all_texts_of_a_combination_stand_on_one_side(built: Path) -> None:
    loaded = datasets.load_dataset(str(built), "k123")
    train, held = ({i.rsplit("-", 1)[0] for i in loaded[split]["id"]} for split in ("train", "validation"))
    assert train and held and not train & held
    assert 0.1 < sum(side(f"k2-{i:012x}", 0.2) == "validation" for i in range(2000)) / 2000 < 0.3


def test_the_same_recipe_gives_the_same_bytes(built: Path, manifest: Manifest, tmp_path: Path) -> None:
    fast = DataRecipe.model_validate(CONTENT | {"concurrency": 3, "input_batch_size": 9})
    again = build_dataset(fast, Path("elsewhere.yml"), tmp_path / "again", card=_card)
    assert again == manifest
    for path in sorted(p for p in built.rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(built)).read_bytes(), path


def test_another_seed_gives_another_dataset(manifest: Manifest, recipe: DataRecipe, tmp_path: Path) -> None:
    other = build_dataset(recipe.with_seed(1), HERE, tmp_path / "other", card=_card)
    assert other.dataset_hash != manifest.dataset_hash


def test_no_path_of_the_machine_is_in_the_folder(built: Path) -> None:
    for path in (p for p in built.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert str(built.parent).encode() not in content and str(Path.cwd()).encode() not in content, path


def test_a_finished_dataset_is_returned_at_once(
    built: Path, manifest: Manifest, recipe: DataRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "run_stream", None)
    quicker = recipe.model_copy(update={"concurrency": 1})
    assert build_dataset(quicker, HERE, built, card=_card) == manifest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"votes": 3}, "votes was 2, now 3; set it back"),
        ({"teacher": {"scripted": "miniature", "slip": 0.1}}, "teacher.slip was 0.3, now 0.1"),
        ({"combinations": {1: {"n": 5}}}, "combinations.1.n was 40, now 5; combinations.1.texts was 3, now 1"),
    ],
)
def test_the_dataset_of_another_recipe_is_refused(built: Path, change: dict[str, Any], told: str) -> None:
    before = (built / "manifest.json").read_bytes()
    with pytest.raises(ResumeError) as caught:
        build_dataset(DataRecipe.model_validate(CONTENT | change), HERE, built, card=_card)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert (built / "manifest.json").read_bytes() == before


def test_a_trial_run_is_another_dataset(built: Path, recipe: DataRecipe) -> None:
    with pytest.raises(ResumeError, match="limit was None, now 9"):
        build_dataset(recipe, HERE, built, card=_card, limit=9)


def test_what_rows_depend_on_names_the_content(recipe: DataRecipe, prompts: PromptSet) -> None:
    other = PromptSet({**prompts.sources, "revise": "again"}, prompts.catalogue)
    key = (frozenset({"simile"}), "sailing")
    prints = [
        fingerprint_of(identify(recipe, prompts)),
        fingerprint_of(identify(recipe, other)),
        fingerprint_of(identify(recipe, prompts, exclude=[key])),
        fingerprint_of(identify(recipe, prompts, limit=3)),
    ]
    assert len(set(prints)) == 4
    assert prints[0] == fingerprint_of(identify(recipe.model_copy(update={"concurrency": 9}), prompts))


@pytest.mark.parametrize("content", ["other.txt", "manifest.json"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, recipe: DataRecipe, content: str) -> None:
    (tmp_path / content).write_text("{}")
    with pytest.raises(UsageError, match=r"name another folder|build into another folder"):
        build_dataset(recipe, HERE, tmp_path, card=_card)
    assert [p.name for p in tmp_path.iterdir()] == [content]


def test_a_limit_takes_from_every_k(recipe: DataRecipe, catalogue: Catalogue) -> None:
    rows = requests(recipe, catalogue)
    few = spread(rows, 10)
    assert [row["k"] for row in few] == [1] * 4 + [2] * 3 + [3] * 3
    assert few[:4] == rows[:4] and spread(rows, None) == rows


def _done(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "reason": None, "text": "t", "marks": [True], **changes}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "generated 2 rows, but 0 kept \\+ 0 rejected"),
        ([_done()], "generated 2 rows, but 1 kept \\+ 0 rejected"),
        ([_done(), _done()], "are not the same rows"),
        ([_done(), _done(id="b", marks=None)], "1 rows have neither marks nor a reason"),
        ([_done(), _done(id="b", text=None)], "1 rows have neither marks nor a reason"),
    ],
)
def test_export_is_refused_when_rows_do_not_add_up(rows: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(DskillError, match=told):
        account([{"id": "a"}, {"id": "b"}], rows)


def test_a_build_that_loses_rows_writes_nothing(
    tmp_path: Path, recipe: DataRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build.run_stream
    monkeypatch.setattr(build, "run_stream", lambda *args, **options: run(*args, **options)[:-1])
    with pytest.raises(DskillError, match="generated 320 rows"):
        build_dataset(recipe, HERE, tmp_path / "out", card=_card)
    assert list(tmp_path.iterdir()) == []


class Refusing(ScriptedTeacher):
    """Writes nothing with two skills, or nothing at all."""

    ks: tuple[int, ...]

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """As the scripted teacher, where it does not refuse."""
        if int(input[-1]["scope"][1]) in self.ks:
            return {"generations": [None] * num_generations, "statistics": {}}
        return await super().agenerate(input, num_generations)


@pytest.fixture()
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the teacher refuse some k."""

    def make(*ks: int) -> None:
        teacher = Refusing(seed=0, slip=0.3, incidental=0.3, ks=ks)
        monkeypatch.setattr(ScriptedTeacherConfig, "llm", lambda self, seed: teacher)

    return make


def load_all(out: Path) -> dict[str, dict[str, int]]:
    """Every config that the README names, loaded: its rows by split."""
    header = yaml.safe_load((out / "README.md").read_text().split("---\n", 2)[1])
    loaded = {c["config_name"]: datasets.load_dataset(str(out), c["config_name"]) for c in header["configs"]}
    return {name: {split: len(rows) for split, rows in config.items()} for name, config in loaded.items()}


def test_a_k_without_a_text_is_told(tmp_path: Path, recipe: DataRecipe, refuse: Callable[..., None]) -> None:
    refuse(2)
    with pytest.raises(DskillError, match=r"no text of k2 was kept, rejected: \{'empty': 120\}; nothing is written"):
        build_dataset(recipe, HERE, tmp_path / "out", card=_card)
    assert list(tmp_path.iterdir()) == []


def test_a_trial_goes_on_without_a_k(tmp_path: Path, recipe: DataRecipe, refuse: Callable[..., None]) -> None:
    refuse(2)
    manifest = build_dataset(recipe, HERE, tmp_path / "out", card=_full_card, limit=30)
    assert list(manifest.configs) == ["k1", "k3", "k13"] and manifest.counts["k2"].rejected == 10
    assert load_all(tmp_path / "out")["transcripts"] == {"transcripts": 30}
    assert "No text of k = 2 was kept." in (tmp_path / "out" / "README.md").read_text()


def test_a_trial_of_which_nothing_is_kept_shows_why(
    tmp_path: Path, recipe: DataRecipe, refuse: Callable[..., None]
) -> None:
    refuse(1, 2, 3)
    manifest = build_dataset(recipe, HERE, tmp_path / "out", card=_full_card, limit=9)
    assert (manifest.configs, manifest.default, manifest.rejects) == ({}, "transcripts", {"empty": 9})
    assert load_all(tmp_path / "out") == {"transcripts": {"transcripts": 9}}
    assert "No text of k = 1, 2, 3 was kept." in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 12, 20, 45, 200])
def test_a_trial_of_any_size_is_a_dataset(tmp_path: Path, recipe: DataRecipe, limit: int) -> None:
    manifest = build_dataset(recipe, HERE, tmp_path / "out", card=_full_card, limit=limit)
    loaded, card = load_all(tmp_path / "out"), (tmp_path / "out" / "README.md").read_text()
    assert loaded.pop("transcripts") == {"transcripts": limit}
    assert sum(
        loaded[name]["train"] + loaded[name].get("validation", 0) for name in ("k1", "k2", "k3") if name in loaded
    ) == sum(c.kept for c in manifest.counts.values())
    assert len({frozenset(splits) for splits in loaded.values()}) <= 1  # every config has both splits, or none has
    assert (
        ("There is no validation split: the texts are too few" in card) == (manifest.validation == 0.0) == (limit < 45)
    )
    assert f"Only the first {limit} texts of the recipe were asked for" in card


def test_texts_that_would_all_be_set_aside_are_not(tmp_path: Path, recipe: DataRecipe) -> None:
    never = recipe.model_copy(update={"validation": 0.999999})
    manifest = build_dataset(never, HERE, tmp_path / "out", card=_card)
    assert manifest.validation == 0.0 and all(c.train and not c.validation for c in manifest.counts.values())
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    build_dataset(recipe.model_copy(update={"validation": 0.0}), HERE, tmp_path / "none", card=_card)
    assert all((tmp_path / "none" / path.relative_to(tmp_path / "out")).read_bytes() == b for path, b in files.items())


def test_what_the_models_said_is_kept_of_every_row(built: Path, manifest: Manifest) -> None:
    said = datasets.load_dataset(str(built), "transcripts", split="transcripts")
    assert said.features == TRANSCRIPT_FEATURES
    assert len(said) == len(set(said["id"])) == sum(c.generated for c in manifest.counts.values())
    assert Counter(reason for reason in said["reason"] if reason) == Counter(manifest.rejects)
    kept = {row["id"]: row for row in datasets.load_dataset(str(built), "k123", split="train")}
    for row in said:
        assert len(row["reply_grade"]) == len(row["votes"])
        if row["id"] in kept:
            assert kept[row["id"]]["text"] in row["reply_revise"] and row["votes"] == kept[row["id"]]["votes"]
            assert [json.loads(tries[-1]).values() for tries in row["reply_grade"]]
    unpaid = [row for row in said if row["reason"] in ("too_long", "empty")]
    assert unpaid and all(row["reply_generate"] is not None and row["reply_grade"] == [] for row in unpaid)


def test_a_licence_is_that_of_the_recipe_or_of_the_row(
    tmp_path: Path, recipe: DataRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"licence": "ODC-By-1.0", "source": "contributed", "contributor": "somebody"}
    ask = build.ask_for

    def mixed(*args: Any) -> list[dict[str, Any]]:
        return [row | (given if row["k"] == 2 else {}) for row in ask(*args)]

    own = recipe.model_copy(update={"licence": "CC0-1.0"})
    build_dataset(own, HERE, tmp_path / "own", card=_full_card, limit=60)
    monkeypatch.setattr(build, "ask_for", mixed)
    manifest = build_dataset(own, HERE, tmp_path / "mixed", card=_full_card, limit=60)
    assert manifest.licences == {"CC0-1.0": 40, "ODC-By-1.0": 20}
    row = datasets.load_dataset(str(tmp_path / "mixed"), "k2", split="train")[0]
    assert {name: row[name] for name in given} == given
    other = datasets.load_dataset(str(tmp_path / "mixed"), "k1", split="train")[0]
    assert (other["licence"], other["source"], other["contributor"]) == ("CC0-1.0", "synthetic", "dskill-mix")
    cards = [(tmp_path / name / "README.md").read_text() for name in ("own", "mixed")]
    assert "license: cc0-1.0\n" in cards[0] and "- **Licence:** CC0-1.0\n" in cards[0]
    assert "license: other\n" in cards[1] and "CC0-1.0 (40 rows), ODC-By-1.0 (20 rows)" in cards[1]


@pytest.mark.parametrize(("given", "name"), [("cc-by-sa-4.0", "CC-BY-SA-4.0"), ("mit", "MIT")])
def test_a_licence_is_spelt_as_spdx_spells_it(given: str, name: str) -> None:
    assert DataRecipe.model_validate(CONTENT | {"licence": given}).licence == name


@pytest.mark.parametrize("given", ["CC BY 4.0", "CC-BY", "MIT OR Apache-2.0", "", "<b>"])
def test_what_is_no_licence_is_refused(tmp_path: Path, given: str) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text(yaml.safe_dump(CONTENT | {"licence": given}))
    with pytest.raises(UsageError, match=r"recipe.yml: key 'licence': no licence that SPDX knows, such as CC-BY-4.0"):
        read_config(DataRecipe, path)


def test_the_hub_gets_its_own_names_of_licences() -> None:
    assert header_of_licences({"ODC-By-1.0"}) == {"license": "odc-by"}
    assert header_of_licences({"EUPL-1.2"})["license_link"] == "https://spdx.org/licenses/EUPL-1.2.html"
    assert set(map(check_licence, HUB)) == set(HUB)


def test_without_validation_there_is_no_such_split(tmp_path: Path, recipe: DataRecipe) -> None:
    build_dataset(recipe.model_copy(update={"validation": 0.0}), HERE, tmp_path / "out", card=_card, limit=60)
    assert set(datasets.load_dataset(str(tmp_path / "out"), "k12")) == {"train"}


def test_a_card_that_fails_leaves_no_folder(tmp_path: Path, recipe: DataRecipe) -> None:
    (tmp_path / ".out.unfinished").mkdir()  # of a run that was killed

    def broken(manifest: Manifest, rows: object) -> str:
        raise KeyError("a gap in the card")

    with pytest.raises(KeyError):
        build_dataset(recipe, HERE, tmp_path / "out", card=broken, limit=60)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_outside_failure(tmp_path: Path, recipe: DataRecipe) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutsideError, match="cannot be written"):
        build_dataset(recipe, HERE, tmp_path / "file" / "out", card=_card, limit=60)


def test_the_readme_has_header_and_body(built: Path) -> None:
    _, header, body = (built / "README.md").read_text().split("---\n", 2)
    content = yaml.safe_load(header)
    assert body.strip() == "# small"
    assert (content["license"], content["annotations_creators"]) == ("cc-by-4.0", ["machine-generated"])
    assert [c["config_name"] for c in content["configs"]] == ["k1", "k2", "k3", "k12", "k123", "transcripts"]
    assert [c["config_name"] for c in content["configs"] if c.get("default")] == ["k123"]
    assert content["size_categories"] == ["n<1K"]


def test_the_manifest_lists_every_parquet_file(built: Path, manifest: Manifest) -> None:
    found = {p.relative_to(built).as_posix() for p in built.rglob("*.parquet")}
    assert set(manifest.files) == found
    assert json.loads((built / "manifest.json").read_text())["default"] == "k123"


def test_another_folder_of_the_same_name_is_not_served_from_the_cache(
    built: Path, tmp_path: Path, recipe: DataRecipe
) -> None:
    """`datasets` caches a local folder by its name and README alone, so the README must tell its rows apart."""
    out = tmp_path / built.name
    build_dataset(recipe.with_seed(1), HERE, out, card=_card)
    first, other = (datasets.load_dataset(str(folder), "k1", split="train") for folder in (built, out))
    assert set(first["text"]) != set(other["text"]) and set(other["seed"]) == {1}
