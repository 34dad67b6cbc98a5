"""Runs a study from its recipe to its report."""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from axolotl_configs.launch import find_axolotl, read_recipe
from cards.report import table_rows, write_report
from cards.summary import Summary
from study.costs import show_costs
from study.execute import AwayError, run_stages
from study.plan import Stage, plan
from study.progress import LiveProgress, PlainProgress
from study.recipe import Study, load_study
from study.stages import RunFolder
from study.stamp import DATA, card_command, read_stamp


class Options(NamedTuple):
    """The command's options."""

    run_dir: Path | None = None
    seed: int | None = None
    axolotl: Path | None = None
    train_command: str | None = None
    wait: bool = False


def run_studies(recipe: Path, options: Options, console: Console) -> None:
    """Runs a study, once for each of its seeds; work handed over for one seed does not keep the next from starting.

    Raises:
        UsageError: A recipe or the training environment is missing or wrong.
        ResumeError: The run folder holds work of other recipes.
        OutsideError: A stage failed, or work that was handed over is not done.
    """
    away = list[str]()
    for study, run_dir in _studies(recipe, options):
        try:
            run_study(study, run_dir, options, console)
        except AwayError as error:
            away.append(str(error))
    if away:
        raise AwayError("; ".join(away))


def run_study(study: Study, run_dir: Path, options: Options, console: Console) -> Summary:
    """Runs what is not done, writes the report into the run folder and prints the table and what may follow."""
    from study.summary import summarise

    stages = plan(study, _axolotl(study, options))
    folder = RunFolder(run_dir.resolve())
    with folder.locked():
        done = [stage.name for stage in stages if folder.seconds(stage) is not None]
        _run(stages, folder, study.file.workers, options.wait, console)
        summary = summarise(study, stages, folder, done)
        report = write_report(summary, folder.path / study.file.report)
    _print_table(summary, console)
    for stage in stages:
        if stage.recipe and (folder.path / stage.output / DATA).is_file():
            _print_card(stage, folder, console)
    console.print(f"report: {_shown(report)}", highlight=False, soft_wrap=True)
    return summary


def show_plan(recipe: Path, options: Options, console: Console) -> None:
    """Prints what a study would run and cost: the commands, the GPU hours, the money; runs and asks nothing."""
    studies = _studies(recipe, options)
    for study, run_dir in studies:
        stages = plan(study, _axolotl(study, options))
        if len(studies) > 1:
            console.print(f"{run_dir}:", highlight=False, soft_wrap=True)
        for stage in stages:
            needs = f"  # after {', '.join(stage.needs)}" if stage.needs else ""
            command = shlex.join(stage.command).replace(f"{sys.executable} -m dskill", "dskill")
            command = command.replace("'{out}'", stage.output)
            console.print(f"{stage.name}: {command}{needs}", highlight=False, markup=False, soft_wrap=True)
    show_costs([study for study, _ in studies], console)


def _studies(recipe: Path, options: Options) -> list[tuple[Study, Path]]:
    """The study for each seed, with its run folder."""
    first = load_study(recipe, options.seed, options.train_command)
    if options.seed is not None or not first.file.seeds:
        return [(first, options.run_dir or default_run_dir(first.file.name, options.seed))]
    return [
        (
            load_study(recipe, seed, options.train_command),
            options.run_dir / f"seed-{seed}" if options.run_dir else default_run_dir(first.file.name, seed),
        )
        for seed in first.file.seeds
    ]


def _axolotl(study: Study, options: Options) -> Path:
    """The program; its name alone where nothing is trained or merged here."""
    if study.file.train_command and not any(read_recipe(path).get("adapter") for path in study.recipes.values()):
        return Path("axolotl")
    return find_axolotl(options.axolotl)


def default_run_dir(name: str, seed: int | None) -> Path:
    """``runs/miniature``, or ``runs/miniature-seed-2`` for a seed given on the command line."""
    return Path("runs") / (name if seed is None else f"{name}-seed-{seed}")


def _run(stages: list[Stage], folder: RunFolder, workers: int, patient: bool, console: Console) -> None:
    if console.is_terminal:
        with LiveProgress(console, stages) as progress:
            run_stages(stages, folder, workers, progress, patient)
    else:
        run_stages(stages, folder, workers, PlainProgress(console), patient)


def _print_card(stage: Stage, folder: RunFolder, console: Console) -> None:
    """How a checkpoint gets its card; it is merged and evaluated."""
    checkpoint = folder.path / stage.output
    results = folder.path / "evaluations" / checkpoint.name
    command = card_command(_shown(checkpoint), read_stamp(checkpoint), _shown(results))
    console.print(f"{stage.name}: {command}", markup=False, highlight=False, soft_wrap=True)


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
