"""Builds a dataset folder from a data recipe: draws the requests, runs the pipeline, checks the accounts, writes."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from datasets_builder.dataset import Origin, account, write_dataset
from datasets_builder.decontaminate import DecontaminateConfig, hash_evaluated, met_combination, read_evaluated
from datasets_builder.manifest import Card, Manifest, StageCost, fingerprint_of, read_manifest
from datasets_builder.meter import Meter, Prices, current_meter
from datasets_builder.models import IN_BATCHES, InspectConfig, StockConfig
from datasets_builder.pipeline import (
    OPERATIONAL,
    DataRecipe,
    blame,
    check_models,
    make_pipeline,
    prompts_name,
    requests,
)
from datasets_builder.resume import alone, ledger_of, refuse_changes, under_way
from datasets_builder.runner import Report, run_stream
from datasets_builder.skillmix.catalogue import Catalogue, hash_catalogue, load_catalogue
from datasets_builder.skillmix.combinations import Key
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.steps import Row, rejection
from datasets_builder.stock_runner import run_ray, run_stock

Runner = Literal["stream", "stock", "ray"]


class Source(NamedTuple):
    """What a recipe names, read."""

    catalogue: Catalogue
    prompts: PromptSet


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
    prices: Prices | None = None,
    budget_usd: float | None = None,
) -> Manifest:
    """The dataset of a recipe in the folder ``out``; a finished one of the same recipe is returned as it is.

    Answers of paid models are kept beside ``out``, so that the same call goes on where an earlier one was stopped.

    Args:
        recipe: What to make.
        recipe_path: Its file, for error messages.
        out: The dataset's folder.
        runner: ``stream`` in this process, or distilabel's ``stock`` with a process for each step, or the same on
            ``ray``. Same rows.
        card: Gives the README's body, after the YAML header, and the files that it shows, from the manifest and one
            row of each k.
        exclude: Combinations that must not be asked for, such as those of an evaluation.
        limit: Texts to ask for, spread over k, instead of the recipe's: a trial run.
        progress: Told how far the run is; by the streaming runner only.
        prices: Counts what the run costs, in ``current_meter``; by the streaming runner only.
        budget_usd: What the dataset may cost, over all runs that it takes.

    Raises:
        UsageError: The recipe asks for what its catalogue has not, ``out`` holds something else, or another build runs.
        ResumeError: ``out`` holds the dataset, or the unfinished build, of another recipe; names what changed.
        BudgetError: The budget is spent.
        DskillError: Rows were lost, or no text of some k was kept; nothing is written.
    """
    check_budget(recipe, runner, prices, budget_usd)
    source = read_source(recipe, recipe_path)
    identity = identify(recipe, source.prompts, exclude, limit)
    if finished := _finished(out, identity):
        return finished
    if warning := check_models(recipe, recipe_path):
        print(warning, file=sys.stderr)
    with alone(out), _kept(recipe, out, identity), _metered(recipe, out, runner, prices, budget_usd):
        asked = ask_for(recipe, source, recipe_path, exclude, limit)
        rows = _run(recipe, source.prompts, asked, runner, progress, out.resolve().parent)
        origin = Origin(
            teacher=recipe.teacher.model_name,
            grader=recipe.grader.model_name,
            prompt_version=source.prompts.version,
            recipe=recipe.name,
            seed=recipe.seed,
            validation=recipe.validation,
            licence=recipe.licence,
            prompts={part: hashlib.sha256(text.encode()).hexdigest() for part, text in source.prompts.sources.items()},
            trial=(limit or recipe.limit) is not None,
        )
        return write_dataset(out, account(asked, rows), origin, source.catalogue, identity, card, _costs(recipe))


def read_source(recipe: DataRecipe, recipe_path: Path) -> Source:
    """The catalogue and the prompts of a recipe.

    Raises:
        UsageError: They are not there, or broken; names the recipe's file and key.
    """
    with blame(f"{recipe_path}: key 'catalogue'"):
        catalogue = load_catalogue(recipe.catalogue)
    with blame(f"{recipe_path}: key 'prompts'"):
        return Source(catalogue, load_prompts(prompts_name(recipe, catalogue), catalogue))


def ask_for(
    recipe: DataRecipe, source: Source, recipe_path: Path, exclude: Collection[Key] = (), limit: int | None = None
) -> list[Row]:
    """The rows that go into the pipeline."""
    rows = spread(requests(recipe, source.catalogue, exclude, recipe_path), limit or recipe.limit)
    return reject_met(rows, recipe.decontaminate)


def check_budget(recipe: DataRecipe, runner: Runner, prices: Prices | None, budget_usd: float | None) -> None:
    """Refuses a budget that could not be kept.

    Raises:
        UsageError: A price is unknown, or requests are sent where nobody counts them.
    """
    if budget_usd is None:
        return
    if runner != "stream":
        raise UsageError(f"--budget is kept by the streaming runner only, not by {runner}; drop one of the two")
    models = (recipe.teacher, recipe.grader)
    if stock := next((model for model in models if isinstance(model, StockConfig)), None):
        raise UsageError(f"--budget cannot count what {stock.distilabel} of distilabel costs; use a model: entry")
    if batched := next((model for model in models if isinstance(model, InspectConfig) and model.batch), None):
        raise UsageError(
            f"--budget cannot be kept by {batched.model_name} in batch mode, where all requests are sent before the "
            "first is paid for; drop one of the two, or use --limit"
        )
    if unknown := (prices or Prices(prices=())).unknown([model.model_name for model in models]):
        raise UsageError(
            f"--budget needs the price of {' and '.join(unknown)}; give it in a file like datasets_builder/prices.yml "
            "and name that by --prices"
        )


def identify(
    recipe: DataRecipe, prompts: PromptSet, exclude: Collection[Key] = (), limit: int | None = None
) -> dict[str, Any]:
    """What the rows depend on, as flat keys: the recipe less what only changes speed, and the content that it names.

    Catalogue, prompts and the files of evaluations stand here by name and hash, so that no path of this machine gets
    into a manifest.
    """
    excluded = sorted([*sorted(skills), topic] for skills, topic in exclude)
    return {
        **_flatten(recipe.model_dump(mode="json", exclude={*OPERATIONAL, "decontaminate"})),
        "catalogue": prompts.catalogue.about.name,
        "catalogue_hash": hash_catalogue(prompts.catalogue),
        "prompts": prompts.version,
        "decontaminate": hash_evaluated(recipe.decontaminate) if recipe.decontaminate else None,
        "exclude": hashlib.sha256(json.dumps(excluded).encode()).hexdigest()[:12] if excluded else None,
        "limit": limit or recipe.limit,
    }


def reject_met(rows: list[Row], config: DecontaminateConfig | None) -> list[Row]:
    """The requests; those whose combination an evaluation has are rejected already: nothing is paid for them."""
    if config is None:
        return rows
    evaluated = read_evaluated(config)
    faults = [met_combination(evaluated, row["skills"], row["topic"]) for row in rows]
    return [
        row | (rejection("contaminated", fault) if fault else {"reason": None, "detail": None})
        for row, fault in zip(rows, faults, strict=True)
    ]


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


def _run(
    recipe: DataRecipe, prompts: PromptSet, asked: list[Row], runner: Runner, progress: Report | None, spool: Path
) -> Sequence[Row]:
    pipeline = make_pipeline(recipe, prompts)
    if runner == "stream":
        return run_stream(pipeline, asked, concurrency=_width(recipe), progress=progress, spool=spool)
    run = run_ray if runner == "ray" else run_stock
    return run(pipeline, asked, batch_size=recipe.input_batch_size)


def _costs(recipe: DataRecipe) -> tuple[StageCost, ...] | None:
    """What the run's meter says; nothing for programs, None where a model was asked that no meter counts."""
    models, meter = (recipe.teacher, recipe.grader), current_meter.get()
    if meter is None or any(isinstance(model, StockConfig) for model in models):
        return None if any(isinstance(model, (InspectConfig, StockConfig)) for model in models) else ()
    return meter.costs


def _width(recipe: DataRecipe) -> int:
    """Rows under way in each Task; where a model is asked in batches all of them, so that its batches are full."""
    models = (recipe.teacher, recipe.grader)
    in_batches = any(isinstance(model, InspectConfig) and model.batch for model in models)
    return IN_BATCHES if in_batches else recipe.concurrency


@contextmanager
def _kept(recipe: DataRecipe, out: Path, identity: Mapping[str, Any]) -> Iterator[None]:
    """With the answers kept, unless no model gives any that were paid for."""
    if any(isinstance(model, InspectConfig) for model in (recipe.teacher, recipe.grader)):
        with under_way(out, identity):
            yield
    else:
        yield


@contextmanager
def _metered(
    recipe: DataRecipe, out: Path, runner: Runner, prices: Prices | None, budget_usd: float | None
) -> Iterator[None]:
    asked = [model for model in (recipe.teacher, recipe.grader) if isinstance(model, InspectConfig)]
    if prices is None or runner != "stream" or not asked:
        yield
        return
    batched = [model.model_name for model in asked if model.batch]
    with closing(Meter(prices, budget_usd=budget_usd, batched=batched, ledger=ledger_of(out))) as meter:
        token = current_meter.set(meter)
        try:
            yield
        finally:
            current_meter.reset(token)


def _finished(out: Path, identity: Mapping[str, Any]) -> Manifest | None:
    """The dataset that is there already, when it is of the same identity."""
    manifest = read_manifest(out)
    if manifest is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out}: exists and is no finished dataset; name another folder, or move it away")
        return None
    if manifest.fingerprint == fingerprint_of(identity):
        return manifest
    cure = "set it back, or name another folder"
    refuse_changes(manifest.identity, identity, f"{out}: holds the dataset of another recipe", cure)
    return manifest


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
