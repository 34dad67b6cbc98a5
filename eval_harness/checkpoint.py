"""A checkpoint folder, looked at without loading it: is it complete, and which weights are these?"""

import hashlib
import json
from pathlib import Path
from typing import cast

from datasets_builder.skillmix.errors import UsageError

IDENTITY = (
    "config.json",
    "adapter_config.json",
    "generation_config.json",
    "tokenizer*",
    "chat_template*",
    "*.safetensors",
)
LOADERS = ("hf", "vllm", "sglang")  # Inspect's providers that also take folders, one behind the other: <base>:<adapter>


def is_folder(model: str) -> bool:
    """Whether a model's name is ``folder/<path>``."""
    return model.startswith("folder/")


def folders_of(model: str) -> list[Path]:
    """The folders on this machine that a model's name stands for; none for a name that its provider resolves."""
    provider, _, rest = model.partition("/")
    if provider == "folder":
        return [Path(rest)]
    return [Path(part) for part in rest.split(":") if Path(part).is_dir()] if provider in LOADERS else []


def is_local(model: str) -> bool:
    """Whether a model's weights may change under its name."""
    return bool(folders_of(model))


def weights_of(model: str) -> str:
    """What a model's name does not say: a digest of its folders. Other names must pin their version themselves.

    Raises:
        UsageError: A folder is missing or not complete.
    """
    folders = folders_of(model)
    for folder in folders:
        if folder is folders[0] or not (folder / "adapter_config.json").is_file():
            check_folder(folder)
    return "-".join(digest_folder(folder) for folder in folders)


def check_folder(folder: Path) -> None:
    """Raises a UsageError with the cure unless the folder holds a complete transformers checkpoint."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such checkpoint folder; give a finished training's output_dir as folder/<path>")
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise UsageError(f"{folder}: an adapter alone; merge it (axolotl merge-lora), or use vllm/<base>:<adapter>")
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder}: config.json is missing; give the output_dir of a finished training")
    if missing := _missing_weights(folder):
        raise UsageError(f"{folder}: {missing} is missing; the training or the copy was cut off, run it again")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise UsageError(f"{folder}: no tokenizer (tokenizer.json); save the tokenizer beside the model")


def _missing_weights(folder: Path) -> str | None:
    """The first safetensors file that should be there and is not."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return None if (folder / "model.safetensors").is_file() else "model.safetensors"
    try:
        shards = sorted(set(cast(dict[str, str], json.loads(index.read_text(encoding="utf-8"))["weight_map"]).values()))
    except (ValueError, KeyError, AttributeError):
        return f"a readable {index.name}"
    return next((shard for shard in shards if not (folder / shard).is_file()), None)


def digest_folder(folder: Path) -> str:
    """A SHA-256 over the files that decide what the model writes; about a second a gigabyte."""
    digest = hashlib.sha256()
    for path in sorted({found for pattern in IDENTITY for found in folder.glob(pattern)}):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
