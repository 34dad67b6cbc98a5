"""What a checkpoint was made of, kept in its folder: the recipe, and the revision of every dataset.

checkpoints/k123/recipe.yml      as it was trained
checkpoints/k123/data.json       {"base_model": ..., "recipe": <hash>, "datasets": [{"path": ..., "revision": ...}]}
"""

import hashlib
import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from pydantic import Field

from axolotl_configs.launch import merge_command, read_recipe
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError

RECIPE, DATA = "recipe.yml", "data.json"
SUITE = "recipes/eval/paper.yml"


class Source(Strict):
    """One entry of a recipe's datasets; ``revision``: commit on the Hub or hash of a folder, None if unknown."""

    path: str
    config: str | None
    split: str | None
    revision: str | None


class DataFile(Strict):
    """``data.json``; ``recipe`` is the SHA-256 of recipe.yml, ``overrides`` are keys that the command line replaced."""

    base_model: str
    recipe: str
    overrides: dict[str, int] = Field(default_factory=dict)
    datasets: tuple[Source, ...]


def stamp(
    checkpoint: Path,
    recipe: Path,
    where: Path,
    data: Mapping[str, Path] | None = None,
    overrides: Mapping[str, int] | None = None,
) -> DataFile:
    """Writes both files into a checkpoint.

    Args:
        checkpoint: The output_dir of a training.
        recipe: What axolotl was given.
        where: The folder in which axolotl ran, from which the recipe's folders are seen.
        data: Repository -> a folder that holds it.
        overrides: Keys of the recipe that the command line replaced.

    Raises:
        UsageError: There is no such checkpoint or recipe.
    """
    if not checkpoint.is_dir():
        raise UsageError(f"{checkpoint}: no such checkpoint folder; give the output_dir of a finished training")
    content = read_recipe(recipe)
    entries = content.get("datasets")
    made_of = DataFile(
        base_model=_public(str(content["base_model"])),
        recipe=hashlib.sha256(recipe.read_bytes()).hexdigest(),
        overrides=dict(overrides or {}),
        datasets=tuple(_source(entry, where, data or {}) for entry in (entries if isinstance(entries, list) else [])),
    )
    if recipe.resolve() != (checkpoint / RECIPE).resolve():
        shutil.copyfile(recipe, checkpoint / RECIPE)
    (checkpoint / DATA).write_text(made_of.model_dump_json(indent=1), encoding="utf-8")
    return made_of


def read_stamp(checkpoint: Path) -> DataFile:
    """What ``stamp`` wrote.

    Raises:
        UsageError: Nothing, or not of this version.
    """
    try:
        return DataFile.model_validate_json((checkpoint / DATA).read_bytes())
    except (OSError, ValueError):
        raise UsageError(f"{checkpoint}: no sound {DATA} here; write it by dskill recipe stamp") from None


def next_steps(checkpoint: Path, made_of: DataFile, recipe: Path) -> list[str]:
    """The commands that follow a training that was started by hand: merge adapters, evaluate, write the model card."""
    model, results, lines = checkpoint, Path("evaluations") / checkpoint.name, list[str]()
    if read_recipe(recipe).get("adapter"):
        lines.append(shlex.join(merge_command("axolotl", checkpoint / RECIPE, checkpoint, checkpoint)))
        model = checkpoint / "merged"
    lines.append(shlex.join(["dskill", "eval", SUITE, "--model", f"folder/{model}", "--out", str(results)]))
    return [*lines, card_command(checkpoint, made_of, results)]


def card_command(checkpoint: Path, made_of: DataFile, results: Path) -> str:
    """The command that writes the model card, from what the checkpoint keeps and what its evaluation left."""
    trained = next((f"{source.path}@{source.revision}" for source in made_of.datasets if source.revision), None)
    command = ["dskill", "card", str(checkpoint), "--recipe", str(checkpoint / RECIPE), "--results", str(results)]
    return shlex.join([*command, *(["--dataset", trained] if trained else [])])


def show_stamp(checkpoint: Path, recipe: Path, data: Mapping[str, Path]) -> None:
    """Stamps a checkpoint of a training that was started by hand, in this folder, and prints what follows."""
    made_of = stamp(checkpoint, recipe, Path(), data)
    for source in made_of.datasets:
        named = " ".join(filter(None, (source.path, source.config, source.split)))
        print(f"{named}: revision {source.revision or 'unknown; name its folder by --data'}")
    print("\n".join(next_steps(checkpoint, made_of, recipe)))


def _source(entry: Any, where: Path, data: Mapping[str, Path]) -> Source:
    path = str(entry["path"])
    folder = data.get(path, where / path)
    return Source(
        path=_public(path),
        config=entry.get("name"),
        split=entry.get("split"),
        revision=_hash(folder) if folder.exists() else _commit(path, entry.get("revision")),
    )


def _public(path: str) -> str:
    """A name of the Hub, or a folder as the recipe has it; of a folder elsewhere on this machine its name alone."""
    return PurePath(path).name if PurePath(path).is_absolute() or ".." in PurePath(path).parts else path


def _hash(path: Path) -> str | None:
    """Of a dataset that we built its own hash, of another folder with a manifest or of a file that of the bytes."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = path / "manifest.json"
    if not manifest.is_file():
        return None
    content = json.loads(manifest.read_bytes())
    return str(content.get("dataset_hash") or hashlib.sha256(manifest.read_bytes()).hexdigest())


def _commit(repository: str, revision: str | None) -> str | None:
    """The commit that the Hub's client has here of a dataset: what the training read; no network is used."""
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repository)
    except HFValidationError:  # a folder that is gone
        return revision
    refs = Path(HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="dataset") / "refs"
    reference = refs / (revision or "main")
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
