"""A finished run as files for the Hub, none of which names a path, a key or a server of this machine.

model/.eval_results/skillmix.yaml      into the model's repository; the Hub shows it on the model's page
model/model-index.yml                  a block for the model card's YAML header, the older way to the same end
benchmark/                             a dataset repository: combinations, requests, eval.yaml
logs/                                  the Inspect logs with their viewer: a static Space
"""

from pathlib import Path
from typing import NamedTuple

from datasets_builder.skillmix.errors import UsageError
from datasets_builder.whole import whole
from eval_harness.results import read_run


class Export(NamedTuple):
    """What was written; ``rows`` and ``log_bytes`` are None where a part was left out."""

    cells: int
    rows: int | None
    log_bytes: int | None


def export_run(
    path: Path,
    model_id: str,
    dataset_id: str,
    out: Path,
    judge: str | None = None,
    benchmark: bool = True,
    logs: bool = True,
    logs_url: str | None = None,
) -> Export:
    """Writes the folder, whole or not at all.

    Args:
        path: A run's folder or results file, with its logs beside it.
        judge: The model that the benchmark's ``eval.yaml`` names as grader; the run's own where that is a model.
        benchmark, logs: Whether to write these parts.
        logs_url: Where the logs will be published; stands as the source of the results.

    Raises:
        UsageError: An id, an option or the output folder is wrong, or the run lacks what a part needs.
        OutsideError: A log cannot be read, or the folder cannot be written.
    """
    from eval_harness.hub_benchmark import check_judge, find_world, write_benchmark
    from eval_harness.hub_results import check_id, dump_eval_results, dump_model_index
    from eval_harness.log_bundle import bundle_logs, find_logs

    run = read_run(path)
    check_id("--model-id", model_id)
    check_id("--dataset-id", dataset_id)
    if logs_url is not None and not logs_url.startswith("https://"):
        raise UsageError(f"--logs-url {logs_url!r:.200}: give an https:// address")
    grader = check_judge(judge, run) if benchmark and find_world(run) else ""
    names = run.provenance.logs if logs else ()
    found = find_logs(path if path.is_dir() else path.parent, names)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: not empty; give a new folder, so that nothing of an earlier export is mixed in")
    with whole(out, "the export") as folder:
        results = folder / "model" / ".eval_results" / "skillmix.yaml"
        results.parent.mkdir(parents=True)
        results.write_text(dump_eval_results(run, dataset_id, logs_url), encoding="utf-8")
        index = dump_model_index(run, model_id, dataset_id, logs_url)
        (folder / "model" / "model-index.yml").write_text(index, encoding="utf-8")
        rows = write_benchmark(run, dataset_id, grader, folder / "benchmark") if benchmark else None
        size = bundle_logs(found, folder / "logs", model_id) if found else None
    return Export(len(run.cells), rows, size)
