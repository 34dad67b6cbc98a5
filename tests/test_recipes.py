"""Every recipe that we ship is read by what runs it, and the recipes agree with one another."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from axolotl_configs.launch import read_recipe
from datasets_builder.corpus import CorpusRecipe
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.config import read_config
from study.recipe import StudyFile

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "recipes").rglob("*.y*ml"))


def read(name: str) -> object:
    """A recipe by the model of its folder."""
    path = ROOT / name
    if name.startswith("recipes/data/"):
        from datasets_builder.pipeline import DataRecipe

        return read_config(CorpusRecipe if "corpus" in name else DataRecipe, path)
    if name.startswith("recipes/eval/"):
        from eval_harness.suite import EvalSuite

        return read_config(EvalSuite, path)
    if name.startswith("recipes/studies/"):
        return read_config(StudyFile, path)
    return read_recipe(path)


def test_the_list_is_complete() -> None:
    tracked = subprocess.run(["git", "ls-files", "recipes"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert set(tracked) <= set(RECIPES) and len(RECIPES) >= 8


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_valid_and_starts_with_its_command(name: str) -> None:
    assert read(name)
    first = (ROOT / name).read_text().splitlines()[0]
    assert re.match(r"# (dskill (build|corpus|eval|study) recipes/|axolotl train )", first), first


@pytest.mark.parametrize("name", [n for n in RECIPES if "/train/" in n])
def test_training_recipes_hold_no_path_of_one_machine(name: str) -> None:
    recipe = read_recipe(ROOT / name)
    paths = [recipe["base_model"], recipe["output_dir"], *(d["path"] for d in recipe["datasets"])]  # type: ignore[attr-defined]
    assert all(str(path).startswith("./") for path in paths)


def test_the_fine_tuning_recipes_differ_in_their_data_alone() -> None:
    """Same steps, batch and optimiser for every mixture; half as many replayed rows as the dataset holds, in each."""
    recipes = {
        ks: yaml.safe_load((ROOT / f"recipes/train/miniature/sft-k{ks}.yml").read_text()) for ks in ("1", "12", "123")
    }
    kept = 3000
    for ks, recipe in recipes.items():
        dataset, replay = recipe.pop("datasets")
        assert dataset.pop("name") == f"k{ks}" and replay.pop("name") == "replay"
        assert replay.pop("split") == f"train[:{kept // 2 * len(ks)}]"
        assert recipe.pop("output_dir").endswith(ks) and recipe.pop("dataset_prepared_path").endswith(ks)
    assert recipes["1"] == recipes["12"] == recipes["123"]


def test_the_study_evaluates_the_split_that_its_data_holds_out() -> None:
    from datasets_builder.pipeline import DataRecipe
    from eval_harness.suite import EvalSuite

    data = read_config(DataRecipe, ROOT / "recipes/data/miniature.yml").with_seed(3)
    suite = read_config(EvalSuite, ROOT / "recipes/eval/miniature.yml").with_seed(3)
    catalogue = load_catalogue("miniature")
    assert catalogue.partition(data.partition) == catalogue.partition(suite.partition)
    assert not set(catalogue.partition(data.partition).topics(data.topics)) & set(
        catalogue.partition(suite.partition).topics(suite.topics)
    )
