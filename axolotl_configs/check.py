"""``dskill recipe check``: training recipes, judged before a GPU is paid for.

axolotl's environment judges the keys (``strict.py``); here the batch, the dataset and the files that a recipe names.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from axolotl_configs.arithmetic import BATCH
from axolotl_configs.launch import ENVIRONMENT
from axolotl_configs.render import read_choice
from datasets_builder.skillmix.config import read_yaml
from datasets_builder.skillmix.errors import OutsideError, UsageError, near

STRICT = Path(__file__).resolve().parent / "strict.py"
SHARDED = 8  # GPUs that a sharded recipe is taken to run on, unless it says so


class Fault(NamedTuple):
    """One fault of one file, with its cure."""

    file: str
    key: str
    fault: str
    cure: str

    def __str__(self) -> str:
        key = f"key {self.key!r}: " if self.key else ""
        return f"{self.file}: {key}{self.fault}; {self.cure}"


class Target(NamedTuple):
    """What recipes are judged for: the GPUs, None where the recipe tells; the texts a step, None for any; datasets.

    ``by_hand`` holds recipes that were written by hand to that batch as well; only rendered ones claim the paper's.
    """

    gpus: int | None = None
    compute_capability: str = "sm_90"
    batch: int | None = BATCH
    by_hand: bool = True
    data: Mapping[str, Path] = {}  # repository -> a folder that holds it


def check_recipes(paths: Sequence[Path], axolotl: Path, target: Target) -> list[Fault]:
    """All faults of all files, file by file; one process of axolotl's environment judges them all.

    Raises:
        UsageError: A file is not there, or is no YAML mapping.
        OutsideError: The training environment is broken.
    """
    recipes = {path: _read(path) for path in paths}
    faults = list(_ask_axolotl(recipes, axolotl, target))
    for path, recipe in recipes.items():
        faults += [Fault(str(path), *fault) for fault in _check(recipe, path, target)]
    order = [str(path) for path in paths]
    return sorted(faults, key=lambda fault: order.index(fault.file))


def count_gpus(recipe: Mapping[str, Any]) -> int:
    """GPUs that a recipe is meant for: Ray's workers, ``SHARDED`` where it is sharded, else one."""
    if recipe.get("use_ray"):
        return int(recipe.get("ray_num_workers") or 1)
    return SHARDED if recipe.get("fsdp_config") or recipe.get("deepspeed") else 1


def _read(path: Path) -> dict[str, Any]:
    recipe = read_yaml(path)
    if not isinstance(recipe, dict):
        raise UsageError(f"{path}: is no training recipe; one is a list of keys with values, such as base_model: ...")
    return recipe


def _ask_axolotl(recipes: Mapping[Path, dict[str, Any]], axolotl: Path, target: Target) -> Iterator[Fault]:
    jobs = [
        {
            "file": str(path),
            "recipe": recipe,
            "gpus": target.gpus or count_gpus(recipe),
            "compute_capability": target.compute_capability,
        }
        for path, recipe in recipes.items()
    ]
    done = subprocess.run(
        [axolotl.parent / "python", STRICT],
        input="\n".join(json.dumps(job) for job in jobs),
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "PATH": "/usr/bin:/bin"},
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise OutsideError(f"{axolotl.parent.parent}: the training environment cannot check recipes: {reason[:300]}")
    yield from (Fault(**json.loads(line)) for line in done.stdout.splitlines())


def _check(recipe: Mapping[str, Any], path: Path, target: Target) -> Iterator[tuple[str, str, str]]:
    """Faults that need no axolotl, as (key, fault, cure)."""
    if target.by_hand or read_choice(path) is not None:
        yield from _check_batch(recipe, target)
    entries = recipe.get("datasets")
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            yield from _check_dataset(entry, f"datasets[{place}]", target)
    deepspeed = recipe.get("deepspeed")
    if isinstance(deepspeed, str) and not any((root / deepspeed).is_file() for root in (Path(), path.parent)):
        yield "deepspeed", f"{deepspeed} is not here", "start in the folder that sees it, or give its full path"


def _check_batch(recipe: Mapping[str, Any], target: Target) -> Iterator[tuple[str, str, str]]:
    if target.batch is None:
        return
    gpus = target.gpus or count_gpus(recipe)
    micro, steps = recipe.get("micro_batch_size") or 1, recipe.get("gradient_accumulation_steps") or 1
    if isinstance(micro, int) and isinstance(steps, int) and micro * steps * gpus != target.batch:
        fault = f"{micro} x gradient_accumulation_steps {steps} x {gpus} GPUs = {micro * steps * gpus} texts a step"
        yield "micro_batch_size", fault, f"make it {target.batch}, or say --batch {micro * steps * gpus}"


def _check_dataset(entry: Mapping[str, Any], key: str, target: Target) -> Iterator[tuple[str, str, str]]:
    """Whether the folder has the config and the split; a repository is known by ``target.data`` alone."""
    name = str(entry.get("path", ""))
    folder = target.data.get(name, Path(name))
    card = folder / "README.md"
    if not card.is_file():
        return
    configs = _configs(card)
    config = str(entry.get("name"))
    if config not in configs:
        fault = f"{name} has no config {config!r}{near(config, configs)}"
        yield f"{key}.name", fault, f"choose of {', '.join(configs)}"
        return
    split = str(entry.get("split", "train")).split("[")[0]
    if split not in configs[config]:
        yield f"{key}.split", f"{config} has no split {split!r}", f"choose of {', '.join(configs[config])}"


def _configs(card: Path) -> dict[str, list[str]]:
    """The configs in the header of a dataset card, and their splits."""
    from huggingface_hub import DatasetCard

    header = DatasetCard.load(card).data.to_dict()
    return {
        str(config["config_name"]): [part["split"] for part in config.get("data_files", []) if isinstance(part, dict)]
        for config in header.get("configs", [])
    }
