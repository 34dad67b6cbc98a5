"""Runs a study from its recipe to its report."""

import shlex
import sys
from pathlib import Path

from rich.console import Console

from axolotl_configs.launch import find_axolotl
from cards.report import table_rows, write_report
from cards.summary import Summary
from study.execute import run_stages
from study.plan import Stage, plan
from study.progress import LiveProgress, PlainProgress
from study.recipe import load_study
from study.stages import RunFolder


def run_study(recipe: Path, run_dir: Path | None, seed: int | None, axolotl: Path | None, console: Console) -> Summary:
    """Runs every stage that is not done, writes the report into ``<run_dir>/report`` and prints the table.

    Raises:
        UsageError: A recipe or the training environment is missing or wrong.
        ResumeError: The run folder holds work of other recipes.
        OutsideError: A stage failed.
    """
    from study.summary import summarise

    study = load_study(recipe, seed)
    stages = plan(study, find_axolotl(axolotl))
    folder = RunFolder((run_dir or default_run_dir(study.file.name, seed)).resolve())
    with folder.locked():
        done = [stage.name for stage in stages if folder.seconds(stage) is not None]
        _run(stages, folder, study.file.workers, console)
        summary = summarise(study, stages, folder, done)
        report = write_report(summary, folder.path / "report")
    _print_table(summary, console)
    console.print(f"report: {_shown(report)}", highlight=False, soft_wrap=True)
    return summary


def show_plan(recipe: Path, seed: int | None, axolotl: Path | None, console: Console) -> None:
    """Prints the stages of a study as the commands that it would run, and runs none."""
    for stage in plan(load_study(recipe, seed), find_axolotl(axolotl)):
        needs = f"  # after {', '.join(stage.needs)}" if stage.needs else ""
        command = (
            shlex.join(stage.command).replace(f"{sys.executable} -m dskill", "dskill").replace("'{out}'", stage.output)
        )
        console.print(f"{stage.name}: {command}{needs}", highlight=False, markup=False, soft_wrap=True)


def default_run_dir(name: str, seed: int | None) -> Path:
    """``runs/miniature``, or ``runs/miniature-seed-2`` for a seed given on the command line."""
    return Path("runs") / (name if seed is None else f"{name}-seed-{seed}")


def _run(stages: list[Stage], folder: RunFolder, workers: int, console: Console) -> None:
    if console.is_terminal:
        with LiveProgress(console, stages) as progress:
            run_stages(stages, folder, workers, progress)
    else:
        run_stages(stages, folder, workers, PlainProgress(console))


def _print_table(summary: Summary, console: Console) -> None:
    """Full marks in percent with 95 % intervals; one table a side, so that it fits a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    head, *rows = table_rows(summary)
    for side in ("train", "held-out"):
        kept = [0, *(i for i, name in enumerate(head) if name.startswith(side))]
        title = f"full marks in %, {side} skills [95 % interval]"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for i in kept:
            table.add_column(head[i].removeprefix(f"{side} "), justify="left" if i == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*(row[i].replace("[", "\\[") for i in kept))
        console.print(table)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
