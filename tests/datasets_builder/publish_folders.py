"""Folders that can be published: two releases of a small dataset, and a model."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from data_fakes import CONTENT
from safetensors.numpy import save_file

from datasets_builder.build import build_dataset
from datasets_builder.pipeline import DataRecipe

NAME = "dskill/mix"
HOME = TemporaryDirectory(prefix="publish-")  # until the tests are over
RELEASES = {  # all have other rows and another number of them; b has no k2
    "a": {"seed": 1, "combinations": {1: {"n": 12}, 2: {"n": 14}}},
    "b": {"seed": 2, "combinations": {1: {"n": 20}}},
    "c": {"seed": 3, "combinations": {1: {"n": 16}, 2: {"n": 25}}},
}
CARD = """---
license: apache-2.0
language: [en]
tags: [skill-mix]
library_name: transformers
base_model: dskill/base
datasets: [dskill/mix]
---

# A tiny model

dskill/mix and dskill/tiny, made of {what}.
"""


@cache
def built(release: str) -> Path:
    """A release, made once."""
    folder = Path(HOME.name, release)
    recipe = DataRecipe.model_validate(CONTENT | {"validation": 0.0} | RELEASES[release])
    build_dataset(recipe, Path("small.yml"), folder, card=lambda *_: f"# Small\n\nA test: {NAME}.\n")
    return folder


def make_dataset(folder: Path, release: str = "a") -> Path:
    """A copy of a release."""
    shutil.copytree(built(release), folder, dirs_exist_ok=True)
    return folder


def make_model(folder: Path, what: str = "noise") -> Path:
    """A model that nobody would run."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"a.weight": np.ones((4, 4), np.float32)}, folder / "model.safetensors", {"format": "pt"})
    files = {
        "config.json": {"model_type": "llama", "hidden_size": 4},
        "tokenizer.json": {"version": "1.0", "model": {"type": "BPE", "vocab": {"a\u200b": 0}, "merges": []}},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    (folder / "README.md").write_text(CARD.format(what=what))
    return folder


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Changes a JSON file."""
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content)))
