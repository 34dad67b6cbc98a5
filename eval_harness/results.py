"""An Inspect log as plain results: one ``CellResult`` a cell, with every text and how sure the scores are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import OutsideError
from eval_harness.stats import share_interval, wilson

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample


class TextRow(Strict):
    """One text. ``marks`` and the metrics are None when it is unscored; ``shotgun`` when the control was not run."""

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


class HitRate(Strict):
    """How often a skill was shown of the times it was asked for, in scored texts."""

    shown: int
    asked: int


class CellResult(Strict):
    """The scores of one model on one cell, all from 0 to 1.

    A score is the mean over combinations of the mean over their scored texts, with its 95 % interval over
    combinations: Wilson for full marks, BCa for the skills fraction. ``*_max`` takes the best text of a combination
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
    skills_fraction: float
    sf_low: float
    sf_high: float
    skills_fraction_max: float
    unscored: int  # texts whose verdict was unreadable; they count nowhere else
    unscored_combinations: int  # left without any scored text
    shotgun: float | None
    skills: dict[str, HitRate]
    rows: tuple[TextRow, ...]


def read_cell(log: "EvalLog") -> CellResult:
    """The results of one finished evaluation of the task ``skillmix``.

    Raises:
        ValueError: The log has no samples, or is of another task.
    """
    facts = log.eval.metadata or {}
    if not log.samples or not {"split", "k", "generations"} <= facts.keys():
        raise ValueError(f"{log.location}: not a log of the task skillmix with its samples")
    rows = sorted((_row(sample) for sample in log.samples), key=lambda row: (row.combination, row.generation))
    return summarise(rows, facts["split"], facts["k"], facts["generations"])


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
    low, high = wilson(sum(means), len(means))
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
        full_marks_max=fmean([max(values) for values in full.values()]),
        all_skills=fmean([fmean(values) for values in every.values()]),
        skills_fraction=fmean(fractions),
        sf_low=sf_low,
        sf_high=sf_high,
        skills_fraction_max=fmean([max(values) for values in fraction.values()]),
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


def _row(sample: "EvalSample") -> TextRow:
    (score,) = (sample.scores or {}).values()
    kept = score.metadata or {}
    value = score.value if isinstance(score.value, dict) else {}  # an unscored text has NaN in place of the metrics
    scored = bool(value)
    return TextRow(
        combination=str(sample.id),
        generation=sample.epoch,
        skills=tuple(sample.metadata["skills"]),
        topic=sample.metadata["topic"],
        text=score.answer or "",
        marks=kept["marks"] if scored else None,
        full_marks=value["full_marks"] == 1 if scored else None,
        all_skills=value["all_skills"] == 1 if scored else None,
        skills_fraction=value["skills_fraction"] if scored else None,
        shotgun=kept.get("shotgun"),
    )


def _hit_rates(rows: Sequence[TextRow]) -> dict[str, HitRate]:
    marks: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        for skill in row.skills:
            marks[skill].append((row.marks or {})[skill])
    return {skill: HitRate(shown=sum(marks[skill]), asked=len(marks[skill])) for skill in sorted(marks)}
