"""The recipe: what it asks for, and that every mistake in it is one line with file, key and cure."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets_builder.build import build_dataset
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet

FOLDER = Path(__file__).parents[2] / "recipes" / "data"
SHIPPED = [path for path in sorted(FOLDER.glob("*.yml")) if not path.read_text().startswith("# dskill corpus ")]
GOOD = """
name: small
catalogue: miniature
partition: {by: random, train: 22, seed: 0}
combinations: {1: {n: 10, texts: 2}}
seed: 0
teacher: {scripted: miniature}
grader: {scripted: miniature}
"""


def test_one_row_for_each_text(recipe: DataRecipe, catalogue: Catalogue) -> None:
    rows = requests(recipe, catalogue)
    assert Counter(row["k"] for row in rows) == {1: 120, 2: 120, 3: 80}
    assert len({row["id"] for row in rows}) == 320
    assert rows[0]["id"] == f"{rows[0]['combination']}-0" and rows[1]["id"].endswith("-1")
    assert rows == requests(recipe, catalogue)


def test_only_train_skills_and_topics_are_asked_for(recipe: DataRecipe, catalogue: Catalogue) -> None:
    partition = catalogue.partition(recipe.partition)
    rows = requests(recipe, catalogue)
    assert {s for row in rows for s in row["skills"]} == set(partition.skills("train"))
    assert {row["topic"] for row in rows} <= set(partition.topics("train"))


def test_excluded_combinations_are_not_asked_for(recipe: DataRecipe, catalogue: Catalogue) -> None:
    first = {(frozenset(row["skills"]), row["topic"]) for row in requests(recipe, catalogue)}
    second = {(frozenset(row["skills"]), row["topic"]) for row in requests(recipe, catalogue, exclude=first)}
    assert len(first) == 180 and not first & second


def test_another_seed_is_another_split_and_another_draw(recipe: DataRecipe, catalogue: Catalogue) -> None:
    other = recipe.with_seed(5)
    assert (other.seed, other.partition.seed) == (5, 5)
    assert catalogue.partition(other.partition) != catalogue.partition(recipe.partition)
    assert requests(other, catalogue) != requests(recipe, catalogue)


def test_only_the_skills_named_are_asked_for(recipe: DataRecipe, catalogue: Catalogue) -> None:
    named = catalogue.partition(recipe.partition).skills("train")[:4]
    few = recipe.model_copy(update={"only_skills": named, "combinations": {2: recipe.combinations[2]}})
    few = few.model_copy(update={"combinations": {2: few.combinations[2].model_copy(update={"n": 20})}})
    assert {s for row in requests(few, catalogue) for s in row["skills"]} == set(named)


def test_the_steps_stand_in_order(recipe: DataRecipe, prompts: PromptSet) -> None:
    names = ["generate", "revise", "screen", "grade", "select", "deduplicate"]
    assert list(make_pipeline(recipe, prompts).dag) == names
    plain = make_pipeline(recipe.model_copy(update={"revise": False}), prompts)
    assert list(plain.dag) == [name for name in names if name != "revise"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_recipe_is_valid_and_opens_with_its_command(path: Path, catalogue: Catalogue) -> None:
    recipe = read_config(DataRecipe, path)
    assert path.read_text().startswith(f"# dskill build recipes/data/{path.name} ")
    if recipe.catalogue == "miniature":
        assert requests(recipe, catalogue, where=path)


def _with(**changes: Any) -> str:
    return yaml.safe_dump(yaml.safe_load(GOOD) | changes)


BAD = {
    "unknown key": (_with(vote=3), "unknown key 'vote', did you mean 'votes'?"),
    "unknown key of the teacher": (
        _with(teacher={"scripted": "miniature", "slips": 0.1}),
        "unknown key 'teacher.slips', did you mean 'slip'?",
    ),
    "missing key": (GOOD.replace("seed: 0\n", ""), "key 'seed' is missing"),
    "broken YAML": (GOOD + "votes: [1\n", "broken YAML"),
    "not a mapping": ("- a\n", "expected keys and values"),
    "wrong value": (_with(validation=1.5), "key 'validation'"),
    "no combinations": (_with(combinations={}), "key 'combinations'"),
    "k of zero": (_with(combinations={0: {"n": 1}}), "key 'combinations.0"),
    "unknown program": (_with(grader={"scripted": "gpt"}), "key 'grader.scripted'"),
    "no kind of model": (_with(grader={"modle": "openai/gpt-5"}), "key 'grader': a model needs one of the keys"),
    "model without provider": (_with(teacher={"model": "gpt-5"}), "key 'teacher.model'"),
    "unknown key of a model": (
        _with(teacher={"model": "openai/gpt-5", "temprature": 1}),
        "unknown key 'teacher.temprature', did you mean 'temperature'?",
    ),
    "a key in the recipe": (
        _with(teacher={"model": "openai/gpt-5", "extra_body": {"api_key": "sk-1"}}),
        "key 'teacher.extra_body': holds api_key; keys come from the environment only",
    ),
    "misspelt catalogue": (
        _with(catalogue="minature"),
        "key 'catalogue': no catalogue 'minature', did you mean 'miniature'?",
    ),
    "misspelt prompts": (
        _with(prompts="minature"),
        "key 'prompts': no prompts 'minature', did you mean 'miniature'?",
    ),
    "misspelt skill": (
        _with(only_skills=["similie"]),
        "key 'only_skills': unknown skill 'similie', did you mean 'simile'?",
    ),
    "skill of the other side": (_with(only_skills=["belief"]), "'belief' is not among the train skills"),
    "k too large": (_with(only_skills=["purpose"], combinations={2: {"n": 1}}), "key 'combinations.2': k = 2 needs"),
    "too many combinations": (_with(combinations={1: {"n": 177}}), "key 'combinations.1': asked for 177 combinations"),
    "no held-out skills left": (_with(partition={"by": "random", "train": 32}), "key 'partition.train'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_in_the_recipe_is_one_line_that_names_it(case: str, tmp_path: Path) -> None:
    content, message = BAD[case]
    path = tmp_path / "recipe.yml"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        build_dataset(read_config(DataRecipe, path), path, tmp_path / "out", card=lambda m, rows: "")
    assert str(path) in str(caught.value) and message in str(caught.value)
    assert "\n" not in str(caught.value) and "sk-1" not in str(caught.value)
    assert not (tmp_path / "out").exists()
