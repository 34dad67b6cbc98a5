"""An Inspect log of the task ``skillmix`` as rows of results."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval_harness.results import CellResult, TextRow, summarise

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

Vote = Mapping[str, bool] | None


def read_cell(log: "EvalLog") -> CellResult:
    """The results of one finished evaluation of the task ``skillmix``.

    Raises:
        ValueError: The log has no samples, or is of another task.
    """
    facts = log.eval.metadata or {}
    if not log.samples or not {"split", "k", "generations"} <= facts.keys():
        raise ValueError(f"{log.location}: not a log of the task skillmix with its samples")
    rows = sorted((read_row(sample) for sample in log.samples), key=lambda row: (row.combination, row.generation))
    return summarise(rows, facts["split"], facts["k"], facts["generations"])


def read_row(sample: "EvalSample") -> TextRow:
    """One text with its votes and marks, from the one score of its sample."""
    (score,) = (sample.scores or {}).values()
    kept: dict[str, Any] = score.metadata or {}
    value = score.value if isinstance(score.value, dict) else {}  # an unscored text has NaN in place of the metrics
    scored = bool(value)
    votes: Sequence[Vote] = kept["votes"]
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
        votes=tuple(None if vote is None else dict(vote) for vote in votes),
        too_long=kept.get("too_long", False),
        named=kept.get("named", False),
    )
