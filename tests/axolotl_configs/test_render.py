"""The renderer: what is shipped is what it gives, the paper's numbers are in it, and what cannot run is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from axolotl_configs.arithmetic import gigabytes, hours
from axolotl_configs.blocks import load_block, names
from axolotl_configs.render import SHIPPED, Choice, read_choice, render_recipe, shipped
from datasets_builder.skillmix.errors import UsageError

RECIPES = dict(shipped())
SIZED = re.compile(r"k\d+-\d+(-lora)?")  # of a study of smaller sets, which the paper has no numbers of
PAPER = [
    path
    for path in RECIPES
    if path.parts[0] in ("llama-2-13b-chat", "mistral-7b-instruct-v0.2") and not SIZED.fullmatch(path.stem)
]
MIXTURES = {"k1", "k12", "k123", "control-large-12", "control-small-123"}


def gpus(recipe: dict[str, Any]) -> int:
    return recipe.get("ray_num_workers") or (8 if "fsdp_config" in recipe or "deepspeed" in recipe else 1)


def test_what_is_shipped_is_what_the_renderer_gives() -> None:
    lying = {path.relative_to(SHIPPED) for path in SHIPPED.rglob("*.yml") if path.parent.name != "miniature"}
    assert lying == set(RECIPES)
    stale = [path for path, content in RECIPES.items() if (SHIPPED / path).read_text() != content]
    assert not stale, "dskill recipe render --all"


def test_the_papers_matrix_is_there() -> None:
    for model in ("llama-2-13b-chat", "mistral-7b-instruct-v0.2"):
        assert {path.stem for path in PAPER if path.parts[0] == model} >= MIXTURES


@pytest.mark.parametrize("path", PAPER, ids=str)
def test_the_papers_numbers(path: Path) -> None:
    recipe = yaml.safe_load(RECIPES[path])
    assert (recipe["max_steps"], recipe["sequence_len"], recipe["warmup_steps"]) == (4000, 1024, 64)
    assert recipe["micro_batch_size"] * recipe["gradient_accumulation_steps"] * gpus(recipe) == 64
    assert recipe["lr_scheduler"] == "constant_with_warmup" and recipe["sample_packing"] is False
    assert recipe["learning_rate"] == (2e-4 if "adapter" in recipe else 2e-5)
    texts, corpus = recipe["datasets"]
    assert texts["roles_to_train"] == ["assistant"] and corpus["type"] == "completion"


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_a_recipe_tells_how_it_is_used(path: Path) -> None:
    lines = RECIPES[path].splitlines()
    assert lines[0] == f"# axolotl train recipes/train/{path.as_posix()}"
    head = "\n".join(lines[:14])
    assert "Needs:" in head and "not measured" in head and "First thing to change" in head
    assert max(map(len, lines)) <= 140
    assert all(not line.endswith(" ") for line in lines)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"model": "llama-2-13b-chatt"}, "did you mean 'llama-2-13b-chat'"),
        ({"model": "llama-2-13b-chat", "hardware": "1x80gb"}, "choose lora or qlora"),
        ({"model": "llama-2-70b-chat"}, "needs about 1[0-9][0-9] GB on each GPU"),
        ({"model": "llama-2-13b-chat", "method": "lora", "hardware": "1x24gb"}, "choose qlora"),
        ({"model": "llama-2-13b-chat", "method": "qlora"}, "QLoRA is for one GPU"),
        ({"model": "llama-2-13b-chat", "data": "k1234"}, "no data 'k1234'"),
    ],
)
def test_what_cannot_run_is_refused(choice: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render_recipe(Choice(**{"data": "k123", **choice}))


def test_the_arithmetic_by_hand() -> None:
    model, full = load_block("models", "llama-2-13b-chat"), load_block("methods", "full")
    eight = load_block("hardware", "8x80gb-fsdp2")
    # 13.02e9 x 16 / 8 = 26.04; two layers 2.6; 8,192 tokens x (5,120 x 114 + 320,000) = 7.4; 2 overhead
    assert gigabytes(model, full, eight) == pytest.approx(38.1, abs=0.1)
    # 13.02e9 x 8 x 4,000 x 64 x 600 / (8 x 989e12 x 0.35) seconds
    assert hours(model, full, eight) == pytest.approx(1.60, abs=0.01)


def test_a_folder_takes_the_place_of_the_repository() -> None:
    recipe = yaml.safe_load(render_recipe(Choice(model="llama-2-7b-chat", data="k1", dataset="./data/mine", replay=0)))
    assert [entry["path"] for entry in recipe["datasets"]] == ["./data/mine"]


def test_fewer_rows_are_the_first_of_each_k() -> None:
    recipe = yaml.safe_load(render_recipe(Choice(model="llama-2-7b-chat", data="k123", rows=500)))
    *parts, corpus = recipe["datasets"]
    splits = {part["name"]: part["split"] for part in parts}
    assert splits == {"k1": "train[:167]", "k2": "train[:167]", "k3": "train[:166]"}
    assert corpus["split"] == "train[:56]"  # 10 % of all
    with pytest.raises(UsageError, match="has about 2800"):
        render_recipe(Choice(model="llama-2-7b-chat", data="k1", rows=5000))


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_a_recipe_names_the_blocks_that_made_it(path: Path) -> None:
    choice = read_choice(SHIPPED / path)
    assert choice is not None and choice.path == path
    assert read_choice(SHIPPED / "miniature/base.yml") is None


def test_every_block_is_sound() -> None:
    for kind in ("models", "methods", "hardware", "data"):
        assert all(load_block(kind, name) for name in names(kind))  # type: ignore[call-overload]
