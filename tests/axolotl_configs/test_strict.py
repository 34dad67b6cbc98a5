"""The strict validator: every shipped recipe passes, and planted faults are found, each by its own message."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from axolotl_configs.check import Target, check_recipes
from axolotl_configs.render import SHIPPED

Plant = Callable[[dict[str, Any]], None]
SHIPPED_FILES = [path for path in sorted(SHIPPED.rglob("*.yml")) if path.parent.name != "miniature"]
FULL, LORA = "mistral-7b-instruct-v0.2/k123.yml", "mistral-7b-instruct-v0.2/k123-lora.yml"


def put(key: str, value: Any, inside: str | None = None) -> Plant:
    def plant(recipe: dict[str, Any]) -> None:
        target = recipe if inside is None else recipe[inside][0] if isinstance(recipe[inside], list) else recipe[inside]
        target[key] = value

    return plant


def drop(key: str) -> Plant:
    return lambda recipe: recipe.pop(key)


def pack(recipe: dict[str, Any]) -> None:
    recipe |= {"sample_packing": True, "attn_implementation": None}


PLANTED: list[tuple[str, str, Plant, str]] = [
    ("misspelt key", FULL, put("lerning_rate", 1e-5), r"'lerning_rate': unknown key; did you mean 'learning_rate'"),
    ("misspelt key of a dataset", FULL, put("roles_to_trian", ["a"], "datasets"), r"datasets\[0\]\.roles_to_trian"),
    ("misspelt key of FSDP", FULL, put("reshard_after_forwad", True, "fsdp_config"), r"fsdp_config\.reshard_after"),
    ("dataset type", FULL, put("type", "chat_templatee", "datasets"), r"reading a dataset; did you mean 'chat_t"),
    ("optimizer", FULL, put("optimizer", "adamw_torch_fussed"), r"did you mean 'adamw_torch_fused'"),
    ("scheduler", FULL, put("lr_scheduler", "constant_with_warmpu"), r"did you mean 'constant_with_warmup'"),
    ("hub strategy", FULL, put("hub_strategy", "nope"), r"'hub_strategy': 'nope' is not known"),
    ("save strategy", FULL, put("save_strategy", "stepz"), r"'save_strategy'"),
    ("plugin", FULL, put("plugins", ["axolotl.integrations.liga.LigerPlugin"]), r"there is no plugin"),
    ("deepspeed with fsdp", FULL, put("deepspeed", "recipes/train/deepspeed/zero3.json"), r"together with fsdp_config"),
    ("deepspeed file", LORA, put("deepspeed", "zero9.json"), r"zero9\.json is not here"),
    ("streamed text beside datasets", FULL, put("pretraining_dataset", [{"path": "x"}]), r"drops datasets in silence"),
    ("packing without isolation", LORA, pack, r"see one another"),
    ("pushing", FULL, put("hub_model_id", "org/name"), r"publish with dskill publish"),
    ("batch", FULL, put("micro_batch_size", 16), r"16 x gradient_accumulation_steps 1 x 8 GPUs = 128 texts a step"),
    ("end of turn missing", FULL, drop("eot_tokens"), r"'eot_tokens': missing"),
    ("end of turn of another template", FULL, put("eot_tokens", ["<|im_end|>"]), r"never writes '<\|im_end\|>'"),
    ("chat template", FULL, put("chat_template", "mistral_v9"), r"chat_template"),
    ("end not trained", FULL, put("train_on_eos", "none", "datasets"), r"train_on_eos"),
    ("precision unset", FULL, drop("bf16"), r"'bf16': unset"),
    ("two warm-ups", FULL, put("warmup_ratio", 0.1), r"warmup"),
    ("old attention name", FULL, put("attn_implementation", "flash"), r"attn_implementation|flash"),
    ("learning rate in words", FULL, put("learning_rate", "small"), r"learning_rate"),
    ("no dataset", FULL, drop("datasets"), r"dataset"),
]  # fmt: skip


CARD = """---
configs:
- config_name: k1
  data_files:
  - {split: train, path: data/k1/train-*.parquet}
---
"""
LOOKED_UP = {  # entry of a dataset that lies in a folder -> the one fault
    "config": ({"name": "k12"}, r"has no config 'k12', did you mean 'k1'\?; choose of k1"),
    "split": ({"name": "k1", "split": "validation[:5]"}, r"k1 has no split 'validation'; choose of train"),
}


@pytest.fixture(scope="module")
def found(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The faults of every file, by its name: shipped, planted, and with a dataset at hand; one process judges all."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "README.md").write_text(CARD)
    for number, (_, source, plant, _) in enumerate(PLANTED):
        recipe = yaml.safe_load((SHIPPED / source).read_text())
        plant(recipe)
        (folder / f"{number}.yml").write_text(yaml.safe_dump(recipe))
    for name, (entry, _) in LOOKED_UP.items():
        recipe = yaml.safe_load((SHIPPED / FULL).read_text())
        recipe["datasets"][0] |= {"path": "at/hand", **entry}
        (folder / f"{name}.yml").write_text(yaml.safe_dump(recipe))
    paths = [*SHIPPED_FILES, *folder.glob("*.yml")]
    faults = check_recipes(paths, axolotl, Target(data={"at/hand": folder}))
    return {
        path.stem if path.parent == folder else str(path): [str(f) for f in faults if f.file == str(path)]
        for path in paths
    }


@pytest.mark.parametrize("number", range(len(PLANTED)), ids=[name for name, *_ in PLANTED])
def test_a_planted_fault_is_found(found: dict[str, list[str]], number: int) -> None:
    lines = found[str(number)]
    assert any(re.search(PLANTED[number][3], line) for line in lines), lines


def test_the_shipped_recipes_have_no_fault(found: dict[str, list[str]]) -> None:
    assert len(SHIPPED_FILES) > 25
    assert [line for path in SHIPPED_FILES for line in found[str(path)]] == []


@pytest.mark.parametrize("name", LOOKED_UP)
def test_a_dataset_is_looked_up_where_it_lies(found: dict[str, list[str]], name: str) -> None:
    (fault,) = found[name]
    assert re.search(LOOKED_UP[name][1], fault)


def test_recipes_written_by_hand_have_a_batch_of_their_own(axolotl: Path) -> None:
    paths = sorted((SHIPPED / "miniature").glob("*.yml"))
    assert check_recipes(paths, axolotl, Target(by_hand=False)) == []
    assert {fault.key for fault in check_recipes(paths[:1], axolotl, Target())} == {"micro_batch_size"}
