"""Gathers what the stages of a study left behind into one summary: the figures of its report."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cards.summary import Arm, Cell, Comparison, Data, Provenance, Sample, Sides, Summary, Timing, YieldOfK
from datasets_builder.dataset import Manifest, read_manifest
from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError
from eval_harness.results import CellResult, EvalRun, TextRow, by_combination, read_run
from eval_harness.stats import paired_difference
from study.plan import Stage
from study.recipe import Study
from study.stages import RunFolder

SHOWN = (
    ("train", 2),
    ("train", 3),
    ("train", 4),
    ("held-out", 2),
    ("held-out", 3),
)  # cells that samples are taken from
SAMPLES = 2  # requests a cell: one that the last arm meets, one that it misses, where both exist

Results = Mapping[str, EvalRun]


def summarise(study: Study, stages: Sequence[Stage], folder: RunFolder, skipped: Iterable[str] = ()) -> Summary:
    """The figures of a finished study.

    Raises:
        UsageError: A stage's output is missing or of another version.
    """
    evaluations = {s.name.removeprefix("eval "): folder.path / s.output for s in stages if s.name.startswith("eval ")}
    results = {arm: read_run(path) for arm, path in evaluations.items()}
    manifest = read_manifest(folder.path / study.file.dataset)
    if manifest is None:
        raise UsageError(f"{folder.path / study.file.dataset}: not a finished dataset; run the study again")
    recipe = read_config(DataRecipe, study.beside(study.file.data)).with_seed(study.seed)
    partition = load_catalogue(recipe.catalogue).partition(recipe.partition)
    again = set(skipped)
    return Summary(
        study=study.file.name,
        title=study.file.title,
        seed=study.seed,
        arms=tuple(Arm(name=name, ks=_ks(name), trained_on=arm.trained_on) for name, arm in study.arms.items()),
        cells=tuple(_cell(arm, cell) for arm, found in results.items() for cell in found.cells if cell.split != "all"),
        comparisons=tuple(c for arm, against in study.file.compare for c in _compare(arm, against, results)),
        samples=tuple(_samples(results)),
        data=_data(manifest, folder.path / study.file.dataset),
        partition=Sides(
            train_skills=partition.skills("train"),
            held_out_skills=partition.skills("held-out"),
            train_topics=partition.topics("train"),
            held_out_topics=partition.topics("held-out"),
        ),
        timings=tuple(Timing(stage=s.name, seconds=folder.seconds(s) or 0.0, skipped=s.name in again) for s in stages),
        provenance=_provenance(study, stages, manifest, next(iter(results.values()))),
    )


def _ks(arm: str) -> tuple[int, ...]:
    """``(1,2)`` -> (1, 2); any other name, such as ``base``, was not fine-tuned on a mixture."""
    inner = arm.removeprefix("(").removesuffix(")")
    return tuple(int(k) for k in inner.split(",")) if inner.replace(",", "").isdigit() else ()


def _cell(arm: str, result: CellResult) -> Cell:
    fields = Cell.model_fields.keys() & CellResult.model_fields.keys()
    return Cell(arm=arm, **{name: getattr(result, name) for name in fields})


def _compare(arm: str, against: str, results: Results) -> Iterable[Comparison]:
    """Paired differences of two arms in every cell, on the combinations that both have scored."""
    others = {(cell.split, cell.k): cell for cell in results[against].cells}
    for cell in results[arm].cells:
        if cell.split == "all":  # the report compares the sides
            continue
        mine, theirs = (by_combination(c.rows, "full_marks") for c in (cell, others[cell.split, cell.k]))
        shared = sorted(mine.keys() & theirs.keys())
        a, b = ([sum(found[c]) / len(found[c]) for c in shared] for found in (theirs, mine))
        pair = paired_difference(a, b)
        yield Comparison(
            arm=arm,
            against=against,
            split=cell.split,
            k=cell.k,
            difference=pair.difference,
            low=pair.low,
            high=pair.high,
            p=pair.p_value,
        )


def _samples(results: Results) -> Iterable[Sample]:
    """The same requests for every arm: the first by id that the last arm meets, and the first that it misses."""
    last = list(results)[-1]
    for split, k in SHOWN:
        rows = {arm: _first_texts(found, split, k) for arm, found in results.items()}
        chosen = [_first(rows[last], met) for met in (True, False)]
        for combination in [c for c in chosen if c][:SAMPLES]:
            for arm, found in rows.items():
                if row := found.get(combination):
                    yield _sample(arm, split, k, row)


def _first_texts(found: EvalRun, split: str, k: int) -> dict[str, TextRow]:
    cell = next((c for c in found.cells if (c.split, c.k) == (split, k)), None)
    return {row.combination: row for row in cell.rows if row.generation == 1 and row.marks is not None} if cell else {}


def _first(rows: Mapping[str, TextRow], met: bool) -> str | None:
    return next((c for c, row in sorted(rows.items()) if row.full_marks is met), None)


def _sample(arm: str, split: Any, k: int, row: TextRow) -> Sample:
    marks, full = row.marks or {}, bool(row.full_marks)
    return Sample(
        arm=arm, split=split, k=k, skills=row.skills, topic=row.topic, text=row.text, marks=marks, full_marks=full
    )


def _data(manifest: Manifest, dataset: Path) -> Data:
    counts = {int(name.removeprefix("k")): found for name, found in manifest.counts.items()}
    return Data(
        generated=sum(c.generated for c in counts.values()),
        kept=sum(c.kept for c in counts.values()),
        by_k=tuple(
            YieldOfK(k=k, generated=c.generated, kept=c.kept, mean_words=_mean_words(dataset / "data" / f"k{k}"))
            for k, c in sorted(counts.items())
        ),
        rejects=manifest.rejects,
    )


def _mean_words(folder: Path) -> float:
    import polars as pl

    words = pl.col("text").str.split(" ").list.len().mean()
    return float(pl.scan_parquet(folder / "*.parquet").select(words).collect().item() or 0.0)


def _provenance(study: Study, stages: Sequence[Stage], manifest: Manifest, found: EvalRun) -> Provenance:
    assert found.suite is not None  # a study evaluates by suites alone
    recipes = {key: content for stage in stages for key, content in stage.inputs.items() if key != "seed"}
    return Provenance(
        dataset_hash=manifest.dataset_hash,
        prompt_version=manifest.prompt_version,
        recipes={
            name: hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
            for name, content in recipes.items()
        },
        seeds={"study": study.seed},
        versions=manifest.versions,
        temperature=found.suite.temperature,
        generations=found.suite.generations,
        grader=found.suite.grader,
    )
