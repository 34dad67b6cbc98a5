"""Results as the Hub reads them in a model's repository: ``.eval_results/*.yaml``, and the older ``model-index``.

Example entry: dataset {id: org/bench, task_id: skillmix_held-out_k3}, value 0.37, notes "full marks, 0 to 1, 95 % ..".
The value is the mean over texts, which the benchmark's ``eval.yaml`` computes, too; the maximum over generations, as
the papers have it, stands in the notes and in model-index.
"""

from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # re-exported without saying so

from datasets_builder.model_names import public_name
from datasets_builder.skillmix.errors import UsageError
from eval_harness.results import CellResult, EvalRun

DIGITS = 4  # of a share; the intervals are wider by orders of magnitude
HALVES = {"train": "skills of training", "held-out": "held-out skills", "all": "all skills"}


def check_id(option: str, repository: str) -> str:
    """The id of a Hub repository, ``namespace/name``; anything else is a UsageError."""
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UsageError(f"{option} {repository!r:.120}: {str(error).splitlines()[0]}") from None
    if "/" not in repository:
        raise UsageError(f"{option} {repository!r}: the Hub needs namespace/name, such as my-lab/{repository}")
    return repository


def config_of(cell: CellResult) -> str:
    """The name of a cell among the configs of the benchmark's dataset, such as ``held-out_k3``."""
    return f"{cell.split}_k{cell.k}"


def task_of(cell: CellResult) -> str:
    """The id of a cell among the tasks of the benchmark, such as ``skillmix_held-out_k3``."""
    return f"skillmix_{config_of(cell)}"


def dump_eval_results(run: EvalRun, dataset_id: str, source_url: str | None = None) -> str:
    """The text of ``.eval_results/skillmix.yaml``: an entry a cell.

    Args:
        source_url: Where the logs are published.
    """
    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=task_of(cell),
            value=_short(cell.full_marks),
            date=run.provenance.created,
            source_url=source_url,
            source_name="Inspect logs" if source_url else None,
            notes=_notes(run, cell),
        )
        for cell in run.cells
    ]
    return _dump(eval_result_entries_to_yaml(entries))


def dump_model_index(run: EvalRun, model_id: str, dataset_id: str, source_url: str | None = None) -> str:
    """The YAML block ``model-index`` of a model card: three metrics a cell, each by mean and by maximum."""
    name = model_id.partition("/")[2]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="SKILL-MIX",
            dataset_type=dataset_id,
            dataset_name=f"SKILL-MIX(k={cell.k}), {HALVES[cell.split]}",
            dataset_config=config_of(cell),
            dataset_split="test",
            metric_type=metric,
            metric_name=f"{metric.replace('_', ' ')}, {how}",
            metric_value=_short(getattr(cell, field)),
            metric_args={"generations": cell.generations, "combinations": cell.n_combinations},
            source_name="Inspect logs" if source_url else None,
            source_url=source_url,
        )
        for cell in run.cells
        for metric in ("full_marks", "all_skills", "skills_fraction")
        for field, how in ((metric, "mean per text"), (f"{metric}_max", f"best of {cell.generations} texts"))
        if field == metric or cell.generations > 1
    ]
    return f"{ModelCardData(model_name=name, eval_results=results).to_yaml()}\n"


def _notes(run: EvalRun, cell: CellResult) -> str:
    facts = run.provenance
    best = f"; best of {cell.generations} texts {cell.full_marks_max:.3f}" if cell.generations > 1 else ""
    unscored = f", {cell.unscored} texts unscored" if cell.unscored else ""
    source = "; imported records, graded elsewhere" if facts.source == "import" else ""
    return (
        f"full marks, mean per text, from 0 to 1; 95 % interval {cell.low:.3f} to {cell.high:.3f} over "
        f"{cell.n_combinations} combinations{best}; skills fraction {cell.skills_fraction:.3f}{unscored}; "
        f"grader {public_name(facts.grader)}, {facts.votes} {'vote' if facts.votes == 1 else 'votes'}; "
        f"prompts {facts.prompts}; length decided by program{source}"
    )


def _short(share: float) -> float:
    return round(share, DIGITS)


def _dump(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
