"""The results of one model on one suite, every text with its votes, and how sure the scores are.

``results-<fingerprint>.json`` holds one ``EvalRun``; comparisons, audits, cards and reports all read it.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import ValidationError

from datasets_builder.skillmix.catalogue import PartitionConfig, Split
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.stats import share_interval
from eval_harness.suite_config import EvalSuite


class TextRow(Strict):
    """One text. ``marks`` and the metrics are None when it is unscored; ``shotgun`` when the control was not run.

    ``marks`` are the majority's after the deductions by a program; ``votes`` are as cast, None where unreadable.
    """

    combination: str
    generation: int  # from 1
    skills: tuple[str, ...]
    topic: str
    text: str
    marks: dict[str, bool] | None
    full_marks: bool | None
    all_skills: bool | None
    skills_fraction: float | None
    shotgun: float | None
    votes: tuple[dict[str, bool] | None, ...] = ()
    too_long: bool = False  # over the sentence limit
    named: bool = False  # names one of its own skills, whether or not that cost points


class HitRate(Strict):
    """How often a skill was shown of the times it was asked for, in scored texts."""

    shown: int
    asked: int


class CellResult(Strict):
    """The scores of one model on one cell, all from 0 to 1.

    A score is the mean over combinations of the mean over their scored texts, with its 95 % interval over
    combinations: Wilson, with the n that their variance is worth. ``*_max`` takes the best text of a combination
    instead, as the paper does; it grows with the number of texts, so compare it at equal ``generations`` alone.
    """

    split: Split
    k: int
    generations: int
    n_combinations: int  # with at least one scored text
    n_texts: int  # scored
    full_marks: float
    low: float
    high: float
    full_marks_max: float
    all_skills: float
    all_skills_max: float
    skills_fraction: float
    sf_low: float
    sf_high: float
    skills_fraction_max: float
    unscored: int  # texts whose verdict was unreadable; they count nowhere else
    unscored_combinations: int  # left without any scored text
    shotgun: float | None
    skills: dict[str, HitRate]
    rows: tuple[TextRow, ...]


class Provenance(Strict):
    """Where scores come from: all that must be equal, or be told, when they stand beside others."""

    catalogue: str
    catalogue_hash: str
    prompts: str  # version of the prompt set: a hash
    grader: str  # a program's name, or the full name of the grader model
    votes: int
    generations: int  # planned; a cell with few combinations has more
    revise: bool
    name_deduction: bool
    temperature: float | None  # None where the records of others do not say
    seed: int | None
    partition: PartitionConfig
    topics: Split
    created: str  # ISO 8601, UTC, to the second
    versions: dict[str, str]  # of the packages that shape a score
    logs: tuple[str, ...]  # file names of the Inspect logs
    source: Literal["skillmix", "regrade", "import"] = "skillmix"
    note: str = ""
    limit: int | None = None  # sentences a text may have, where not max(1, k - 1)
    teacher: str | None = None  # who wrote the data that the model was trained on, where known


class EvalRun(Strict):
    """``results-<fingerprint>.json``: what a finished suite leaves beside its logs."""

    fingerprint: str
    model: str
    suite: EvalSuite | None  # None for records of others
    provenance: Provenance
    cells: tuple[CellResult, ...]

    def cell(self, split: Split, k: int) -> CellResult | None:
        """The result on one cell, or None when it was not evaluated."""
        return next((cell for cell in self.cells if (cell.split, cell.k) == (split, k)), None)


def read_run(path: Path) -> EvalRun:
    """A results file, or the only one in a folder.

    Raises:
        UsageError: There is none, or there are several, or the file is of another version.
    """
    if not path.is_dir():
        return _read(path)
    found = sorted(path.glob("results-*.json"))
    if len(found) != 1:
        raise UsageError(f"{path}: {len(found)} finished suites (results-*.json) here, need one; run dskill eval")
    return _read(found[0])


def write_run(run: EvalRun, folder: Path) -> Path:
    """Writes ``results-<fingerprint>.json``, whole or not at all, and last: the file means that all is finished."""
    path = results_path(folder, run.fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(run.model_dump_json(indent=1), encoding="utf-8")
    os.replace(part, path)
    return path


def results_path(folder: Path, fingerprint: str) -> Path:
    """Where the results of this fingerprint stand."""
    return folder / f"results-{fingerprint}.json"


def _read(path: Path) -> EvalRun:
    try:
        return EvalRun.model_validate_json(path.read_bytes())
    except OSError:
        raise UsageError(f"{path}: no such results file; dskill eval writes results-*.json into its --out") from None
    except ValidationError:
        raise UsageError(f"{path}: not a results file of this version; delete it to evaluate anew") from None


def summarise(rows: Sequence[TextRow], split: Split, k: int, generations: int) -> CellResult:
    """The scores of one cell from its texts.

    Raises:
        OutsideError: No text is scored: that is a failed grader, not a score of 0.
    """
    scored = [row for row in rows if row.marks is not None]
    if not scored:
        raise OutsideError(
            f"cell {split} k = {k}: none of {len(rows)} verdicts was readable; check the grader's answers"
        )
    full, every = by_combination(scored, "full_marks"), by_combination(scored, "all_skills")
    fraction = by_combination(scored, "skills_fraction")
    means = [fmean(values) for values in full.values()]
    fractions = [fmean(values) for values in fraction.values()]
    shots = [row.shotgun for row in scored if row.shotgun is not None]
    low, high = share_interval(means)
    sf_low, sf_high = share_interval(fractions)
    return CellResult(
        split=split,
        k=k,
        generations=generations,
        n_combinations=len(full),
        n_texts=len(scored),
        full_marks=fmean(means),
        low=low,
        high=high,
        full_marks_max=_mean_best(full),
        all_skills=fmean([fmean(values) for values in every.values()]),
        all_skills_max=_mean_best(every),
        skills_fraction=fmean(fractions),
        sf_low=sf_low,
        sf_high=sf_high,
        skills_fraction_max=_mean_best(fraction),
        unscored=len(rows) - len(scored),
        unscored_combinations=len({row.combination for row in rows}) - len(full),
        shotgun=fmean(shots) if shots else None,
        skills=_hit_rates(scored),
        rows=tuple(rows),
    )


def by_combination(rows: Sequence[TextRow], metric: str) -> Mapping[str, list[float]]:
    """The metric of every scored text, by combination id: what two models are compared on."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if (value := getattr(row, metric)) is not None:
            values[row.combination].append(float(value))
    return values


def _mean_best(values: Mapping[str, Sequence[float]]) -> float:
    return fmean([max(found) for found in values.values()])


def _hit_rates(rows: Sequence[TextRow]) -> dict[str, HitRate]:
    marks: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        for skill in row.skills:
            marks[skill].append((row.marks or {})[skill])
    return {skill: HitRate(shown=sum(marks[skill]), asked=len(marks[skill])) for skill in sorted(marks)}
