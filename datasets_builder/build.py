"""Builds a dataset folder from a data recipe: draws the requests, runs the pipeline, checks the accounts, writes."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from datasets_builder.dataset import Origin, account, write_dataset
from datasets_builder.manifest import Card, Manifest, fingerprint_of, read_manifest
from datasets_builder.pipeline import (
    OPERATIONAL,
    DataRecipe,
    blame,
    hash_catalogue,
    make_pipeline,
    prompts_name,
    requests,
)
from datasets_builder.runner import Report, run_stock, run_stream
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.combinations import Key
from datasets_builder.skillmix.errors import ResumeError, UsageError
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.steps import Row

Runner = Literal["stream", "stock"]
MAX_CHANGES = 3  # changed keys that an error names


def build_dataset(
    recipe: DataRecipe,
    recipe_path: Path,
    out: Path,
    *,
    runner: Runner = "stream",
    card: Card,
    exclude: Collection[Key] = (),
    limit: int | None = None,
    progress: Report | None = None,
) -> Manifest:
    """The dataset of a recipe in the folder ``out``; a finished one of the same recipe is returned as it is.

    Args:
        recipe: What to make.
        recipe_path: Its file, for error messages.
        out: The dataset's folder.
        runner: ``stream`` in this process, or distilabel's ``stock`` with a process for each step. Same rows.
        card: Gives the README's body, after the YAML header, from the manifest and one row of each k.
        exclude: Combinations that must not be asked for, such as those of an evaluation.
        limit: Texts to ask for, spread over k, instead of all: a trial run.
        progress: Told how far the run is; by the streaming runner only.

    Raises:
        UsageError: The recipe asks for what its catalogue has not, or ``out`` holds something else.
        ResumeError: ``out`` holds the dataset of another recipe; names what changed.
        DskillError: Rows were lost, or no text of some k was kept; nothing is written.
    """
    with blame(f"{recipe_path}: key 'catalogue'"):
        catalogue = load_catalogue(recipe.catalogue)
    with blame(f"{recipe_path}: key 'prompts'"):
        prompts = load_prompts(prompts_name(recipe, catalogue), catalogue)
    identity = identify(recipe, prompts, exclude, limit)
    if finished := _finished(out, identity):
        return finished
    asked = spread(requests(recipe, catalogue, exclude, recipe_path), limit)
    pipeline = make_pipeline(recipe, prompts)
    if runner == "stream":
        rows = run_stream(pipeline, asked, concurrency=recipe.concurrency, progress=progress)
    else:
        rows = run_stock(pipeline, asked, batch_size=recipe.input_batch_size)
    origin = Origin(
        teacher=recipe.teacher.model_name,
        grader=recipe.grader.model_name,
        prompt_version=prompts.version,
        recipe=recipe.name,
        seed=recipe.seed,
        validation=recipe.validation,
    )
    return write_dataset(out, account(asked, rows), origin, catalogue, identity, card)


def identify(
    recipe: DataRecipe, prompts: PromptSet, exclude: Collection[Key] = (), limit: int | None = None
) -> dict[str, Any]:
    """What the rows depend on, as flat keys: the recipe less what only changes speed, and the content that it names.

    Catalogue and prompts stand here by name and hash, so that no path of this machine gets into a manifest.
    """
    excluded = sorted([*sorted(skills), topic] for skills, topic in exclude)
    return {
        **_flatten(recipe.model_dump(mode="json", exclude=set(OPERATIONAL))),
        "catalogue": prompts.catalogue.about.name,
        "catalogue_hash": hash_catalogue(prompts.catalogue),
        "prompts": prompts.version,
        "exclude": hashlib.sha256(json.dumps(excluded).encode()).hexdigest()[:12] if excluded else None,
        "limit": limit,
    }


def spread(rows: list[Row], limit: int | None) -> list[Row]:
    """The first ``limit`` rows, taken from every k in turn; all for None."""
    if limit is None:
        return rows
    seen: Counter[int] = Counter()
    turns = []
    for index, row in enumerate(rows):
        turns.append((seen[row["k"]], index))
        seen[row["k"]] += 1
    return [rows[index] for index in sorted(index for _, index in sorted(turns)[:limit])]


def _finished(out: Path, identity: Mapping[str, Any]) -> Manifest | None:
    """The dataset that is there already, when it is of the same identity."""
    manifest = read_manifest(out)
    if manifest is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out}: exists and is no finished dataset; name another folder, or move it away")
        return None
    if manifest.fingerprint == fingerprint_of(identity):
        return manifest
    changes = _changes(manifest.identity, identity)
    more = f" (and {len(changes) - MAX_CHANGES} more)" if len(changes) > MAX_CHANGES else ""
    named = "; ".join(changes[:MAX_CHANGES])
    raise ResumeError(f"{out}: holds the dataset of another recipe: {named}{more}; set it back, or name another folder")


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = sorted(old.keys() | new.keys())
    return [f"{key} was {old.get(key)!r}, now {new.get(key)!r}" for key in keys if old.get(key) != new.get(key)]


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
