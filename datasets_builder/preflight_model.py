"""A model's folder before it is published: safetensors that open, a config and a tokenizer that need no code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from datasets_builder.preflight_files import File
from datasets_builder.preflight_secrets import load_rules

INDEX = "model.safetensors.index.json"
TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("vocab.txt",))
REMOTE_CODE = "auto_map"  # a key that makes transformers load Python files of the repository


def check_model(folder: Path, files: Mapping[str, File]) -> Iterator[str]:
    """Faults of a model's folder."""
    weights = [name for name in files if name.endswith(".safetensors")]
    if not weights:
        yield "model.safetensors: is missing; save the model with safe_serialization, or merge its adapter"
    for name in weights:
        yield from check_weights(folder / name, name)
    if not any(all(part in files for part in parts) for parts in TOKENIZERS):
        yield "tokenizer.json: is missing; save the tokenizer beside the model"
    if "tokenizer_config.json" not in files:
        yield "tokenizer_config.json: is missing; save the tokenizer beside the model"
    for name in ("config.json", "tokenizer_config.json"):
        if name in files and REMOTE_CODE in _read(folder / name):
            yield f"{name}: key {REMOTE_CODE!r} asks for code from the repository, and a release has none; take it out"
    if "model_type" not in _read(folder / "config.json"):
        yield "config.json: key 'model_type' is missing; save the model's config"
    yield from check_index(folder, weights)


def check_weights(path: Path, name: str) -> Iterator[str]:
    """Whether a file of weights opens, and what its header tells."""
    try:
        with safe_open(path, framework="numpy") as file:
            if not list(file.keys()):
                yield f"{name}: holds no tensor; save the model again"
            told = json.dumps(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        yield f"{name}: is no sound safetensors file ({error}); save the model again"
        return
    for kind, _ in load_rules().find(told):
        yield f"{name}: its header holds {kind}; save the model without that"


def check_index(folder: Path, weights: list[str]) -> Iterator[str]:
    """Whether the index of a model in parts names the parts that are there."""
    shards = [name for name in weights if "-of-" in name]
    named = {*_read(folder / INDEX).get("weight_map", {}).values()} if (folder / INDEX).is_file() else set()
    for name in sorted(named ^ {*shards}):
        where = "in the folder" if name in named else f"in {INDEX}"
        yield f"{ascii(name)[1:-1]}: is not {where}; save the model again"


def _read(path: Path) -> dict[str, Any]:
    """A JSON mapping; nothing where it is broken, which is told elsewhere."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
