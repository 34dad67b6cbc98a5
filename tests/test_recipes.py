"""Every recipe that we ship is read by what runs it, and the recipes agree with one another."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from axolotl_configs.launch import read_recipe
from datasets_builder.corpus import CorpusRecipe
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.config import read_config
from study.recipe import StudyFile

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "recipes").rglob("*.yml"))


def read(name: str) -> object:
    """A recipe by the model of its folder."""
    path = ROOT / name
    if name.startswith("recipes/data/"):
        from datasets_builder.pipeline import DataRecipe

        return read_config(CorpusRecipe if "corpus" in name else DataRecipe, path)
    if name.startswith("recipes/eval/"):
        from eval_harness.suite_config import EvalSuite

        return read_config(EvalSuite, path)
    if name.startswith("recipes/studies/"):
        return read_config(StudyFile, path)
    return read_recipe(path)


def test_the_list_is_complete() -> None:
    tracked = subprocess.run(["git", "ls-files", "recipes"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert {name for name in tracked if name.endswith(".yml")} <= set(RECIPES) and len(RECIPES) >= 8


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_valid_and_starts_with_its_command(name: str) -> None:
    assert read(name)
    first = (ROOT / name).read_text().splitlines()[0]
    assert re.match(r"# (dskill (build|corpus|eval|study) recipes/|axolotl train )", first), first


@pytest.mark.parametrize("name", [n for n in RECIPES if "/train/" in n])
def test_training_recipes_hold_no_path_of_one_machine(name: str) -> None:
    recipe = read_recipe(ROOT / name)
    paths = [recipe["base_model"], recipe["output_dir"], *(d["path"] for d in recipe["datasets"])]  # type: ignore[attr-defined]
    assert not any(Path(str(path)).is_absolute() or ".." in Path(str(path)).parts for path in paths)


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
    from eval_harness.suite_config import EvalSuite

    data = read_config(DataRecipe, ROOT / "recipes/data/miniature.yml").with_seed(3)
    suite = read_config(EvalSuite, ROOT / "recipes/eval/miniature.yml").with_seed(3)
    catalogue = load_catalogue("miniature")
    assert catalogue.partition(data.partition) == catalogue.partition(suite.partition)
    assert not set(catalogue.partition(data.partition).topics(data.topics)) & set(
        catalogue.partition(suite.partition).topics(suite.topics)
    )


def asked(name: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests of a data recipe; run, as its first line says, at the root."""
    from datasets_builder.build import ask_for, read_source
    from datasets_builder.pipeline import DataRecipe

    monkeypatch.chdir(ROOT)
    path = Path(f"recipes/data/{name}.yml")
    recipe = read_config(DataRecipe, path)
    return ask_for(recipe, read_source(recipe, path), path)


DATA = [n for n in RECIPES if n.startswith("recipes/data/") and "corpus" not in n]


@pytest.mark.parametrize("name", DATA)
def test_a_data_recipe_asks_for_what_its_catalogue_has(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets_builder.model_names import warn_of_family
    from datasets_builder.pipeline import DataRecipe

    recipe = read_config(DataRecipe, ROOT / name)
    rows = asked(Path(name).stem, monkeypatch)
    assert len({row["id"] for row in rows}) == len(rows) > 0
    assert name == f"recipes/data/{recipe.name}.yml" or recipe.name == "maths"
    assert warn_of_family(recipe.teacher.model_name, recipe.grader.model_name) is None


@pytest.mark.parametrize("name", [n for n in DATA if "miniature" not in n])
def test_a_data_recipe_can_be_built_to_a_budget(name: str) -> None:
    from datasets_builder.build import check_budget
    from datasets_builder.meter import load_prices
    from datasets_builder.pipeline import DataRecipe

    check_budget(read_config(DataRecipe, ROOT / name), "stream", load_prices(), 20.0)


def test_the_paper_and_what_is_drawn_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = asked("paper", monkeypatch)
    assert Counter(row["k"] for row in paper) == {1: 5000, 2: 10000, 3: 10000}
    small, sized, preview = (asked(n, monkeypatch) for n in ("control-small-123", "data-efficiency", "preview"))
    assert {row["id"] for row in sized} < {row["id"] for row in small} < {row["id"] for row in paper}
    assert Counter(row["k"] for row in small) == {1: 2000, 2: 2000, 3: 2000} and len(preview) == 20
    large = Counter(row["k"] for row in asked("control-large-12", monkeypatch))
    assert set(large) == {1, 2} and large.total() > 4 * len(small)
    assert set(row["k"] for row in asked("wide", monkeypatch)) == {1, 2, 3, 4, 5, 6}


def test_the_example_catalogue_is_whole() -> None:
    from datasets_builder.skillmix.combinations import Combination
    from datasets_builder.skillmix.prompts import load_prompts

    folder = ROOT / "examples/catalogues/maths"
    maths = load_catalogue(folder)
    assert (len(maths.skills), len(maths.topics)) == (8, 6) and all(
        maths.partition().skills(s) for s in ("train", "held-out")
    )
    combination = Combination(tuple(maths.partition().skills("train")), "coins")
    prompts = load_prompts(folder / "prompts", maths)
    assert prompts.version != load_prompts("full", maths).version
    for text in (prompts.generate(combination), prompts.grade(combination, "A text.")):
        assert all(maths.skills[skill].definition in text for skill in combination.skills)
