"""Finds axolotl's environment and says how a recipe is launched there; the training itself is axolotl's."""

import os
from collections.abc import Mapping
from pathlib import Path

from datasets_builder.skillmix.config import read_yaml
from datasets_builder.skillmix.errors import UsageError

ENVIRONMENT = {
    "AXOLOTL_DO_NOT_TRACK": "1",  # telemetry is on by default
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",  # on contended cores two threads are up to 13 times slower than one
    "PYTHONUNBUFFERED": "1",
}
ROOT = Path(__file__).resolve().parent.parent


def find_axolotl(given: Path | None = None) -> Path:
    """The ``axolotl`` program: as given, else ``$DSKILL_AXOLOTL``, else ``.venv-train`` here or beside the sources.

    Raises:
        UsageError: It is nowhere; the message is the line that creates it.
    """
    if given is not None and not given.is_file():
        raise UsageError(f"--axolotl {given}: no such program; create the training environment with: make train-env")
    places = [given, *map(Path, filter(None, [os.environ.get("DSKILL_AXOLOTL")]))]
    places += [base / ".venv-train" / "bin" / "axolotl" for base in (Path.cwd(), ROOT)]
    for place in places:
        if place is not None and place.is_file():
            return place.absolute()
    raise UsageError("no training environment (.venv-train/bin/axolotl); create it with: make train-env")


def environment(axolotl: Path, *, offline: bool) -> dict[str, str]:
    """Variables for axolotl, which finds its launchers (accelerate, torchrun) by PATH."""
    found = {name: value for name, value in ENVIRONMENT.items() if offline or name != "HF_HUB_OFFLINE"}
    return found | {"PATH": f"{axolotl.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def read_recipe(path: Path) -> dict[str, object]:
    """An axolotl recipe as a dictionary, with the two keys that a study follows checked.

    Raises:
        UsageError: Broken YAML, or ``base_model`` / ``output_dir`` missing.
    """
    recipe = read_yaml(path)
    for key in ("base_model", "output_dir"):
        if not isinstance(recipe, dict) or not isinstance(recipe.get(key), str):
            raise UsageError(f"{path}: key {key!r} is missing; an axolotl recipe names it as a folder or a Hub id")
    return {str(key): value for key, value in recipe.items()}


def train_command(axolotl: Path, recipe: Path, overrides: Mapping[str, str | int], gpus: int = 1) -> list[str]:
    """The command line that trains a recipe, ``overrides`` replacing its keys; in one process up to one GPU."""
    pairs = [part for key, value in overrides.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return [str(axolotl), "train", str(recipe), *(["--launcher", "python"] if gpus == 1 else []), *pairs]


def merge_command(axolotl: Path | str, recipe: Path | str, adapter: Path | str, out: Path | str) -> list[str]:
    """The command line that makes a model of an adapter and its base, in ``<out>/merged``."""
    return [str(axolotl), "merge-lora", str(recipe), "--lora-model-dir", str(adapter), "--output-dir", str(out)]
