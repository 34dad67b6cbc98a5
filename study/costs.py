"""What a study will cost, before anything is run: GPU hours by arithmetic, data and grading in USD.

Hours are ``axolotl_configs.arithmetic``: FLOPs over an assumed share of the GPUs' peak. For the lower end the share is
that which MosaicML published for pre-training of 7B and 13B models in sequences of 1,024 on eight H100 (llm-foundry,
scripts/train/benchmarking/README.md at 061f2c7: 10,203 and 5,502 tokens/s a GPU, HFU 57.1 % and 59.0 %). Texts of
varying length, unpacked, will not reach it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from axolotl_configs.arithmetic import MEAN_TOKENS, MFU, hours
from axolotl_configs.blocks import load_block
from axolotl_configs.launch import read_recipe
from axolotl_configs.render import read_choice
from study.recipe import Study

PUBLISHED = 0.57  # share of the peak, recomputation counted, as in arithmetic.MFU
WIDTH = 150  # of what is not shown on a terminal
STUDENT = "vllm/checkpoint"  # stands for the models that the study will train


class Run(NamedTuple):
    """One training run; hours are None for a recipe that was not rendered from building blocks."""

    arm: str
    what: str
    steps: int
    gpus: int
    hours: float | None

    @property
    def gpu_hours(self) -> float:
        """All GPUs together, 0 where the hours are not known."""
        return (self.hours or 0.0) * self.gpus


class Money(NamedTuple):
    """USD: low, expected, high; models whose price is unknown are left out and named."""

    low: float
    expected: float
    high: float
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        unknown = f" + unknown ({', '.join(self.unknown)})" if self.unknown else ""
        return f"${self.low:,.0f} / {self.expected:,.0f} / {self.high:,.0f}{unknown}"


def show_costs(studies: Sequence[Study], console: Console) -> None:
    """Prints the training runs of a study, and what data, training and grading come to; several seeds are summed up."""
    first, times = studies[0], len(studies)
    wide = console if console.is_terminal else Console(file=console.file, width=WIDTH)
    found = [run_of(arm, path) for arm, path in first.recipes.items()]
    wide.print(_table(found, plain=not console.is_terminal))
    seeds = f" for each of {times} seeds" if times > 1 else ""
    lines = [
        f"training: {len(found) * times} runs{_describe_hours(sum(run.gpu_hours for run in found) * times)}",
        f"data: {data_cost(first)}{seeds}, low / expected / high",
        f"grading of {len(first.arms)} models: {grading_cost(first)}{seeds}, low / expected / high; "
        "the GPU hours of their texts are not counted",
    ]
    for line in lines:
        wide.print(line, markup=False, highlight=False, soft_wrap=True)


def _describe_hours(total: float) -> str:
    """With what they rest on; nothing where no recipe tells them."""
    if not total:
        return ""
    least = total * MFU / PUBLISHED
    return (
        f", {total:,.0f} GPU hours at {MFU:.0%} of the GPUs' peak (assumed), {least:,.0f} at {PUBLISHED:.0%} "
        f"(published by MosaicML for packed sequences of 1,024 on 8 x H100); {MEAN_TOKENS} tokens a row; not measured"
    )


def run_of(arm: str, path: Path) -> Run:
    """The run of one training recipe, by the building blocks that its head names."""
    recipe, choice = read_recipe(path), read_choice(path)
    steps = int(str(recipe.get("max_steps") or 0))
    if choice is None:
        return Run(arm, "written by hand", steps, 0, None)
    model, method = load_block("models", choice.model), load_block("methods", choice.method)
    hardware = load_block("hardware", choice.hardware)
    what = f"{model.title}, {method.title}, {choice.hardware}"
    return Run(arm, what, steps, hardware.gpus, hours(model, method, hardware, steps))


def data_cost(study: Study) -> Money:
    """What ``dskill build --dry-run`` says of the data recipe."""
    from datasets_builder.build import ask_for, read_source
    from datasets_builder.estimate import estimate
    from datasets_builder.meter import load_prices
    from datasets_builder.pipeline import DataRecipe
    from datasets_builder.skillmix.config import read_config

    path = study.beside(study.file.data)
    recipe = read_config(DataRecipe, path).with_seed(study.seed)
    source = read_source(recipe, path)
    found = estimate(recipe, source, ask_for(recipe, source, path), load_prices())
    return Money(found.total("low"), found.total("expected"), found.total("high"), tuple(found.unknown))


def grading_cost(study: Study) -> Money:
    """What ``dskill eval --dry-run`` says of the suite's grader, for all arms."""
    from datasets_builder.meter import load_prices
    from datasets_builder.skillmix.config import read_config
    from eval_harness.money import estimate
    from eval_harness.suite import plan_suite
    from eval_harness.suite_config import EvalSuite

    if study.file.grader is None:
        return Money(0, 0, 0, ())
    suite = read_config(EvalSuite, study.beside(study.file.eval)).with_seed(study.seed)
    found = estimate(plan_suite(suite, STUDENT, grader_model=study.file.grader), load_prices())
    low, expected, high = (len(study.arms) * found.total(case, "grader") for case in ("low", "expected", "high"))
    return Money(low, expected, high, tuple(found.unknown))


def _table(runs: Sequence[Run], *, plain: bool) -> Table:
    table = Table(box=None if plain else box.SIMPLE, pad_edge=False)
    for name in ("arm", "training"):
        table.add_column(name, overflow="fold")
    for name in ("steps", "GPUs", "hours", "GPU hours"):
        table.add_column(name, justify="right")
    for run in runs:
        known = ["unknown", "unknown"] if run.hours is None else [f"{run.hours:.1f}", f"{run.gpu_hours:.1f}"]
        table.add_row(run.arm, run.what, f"{run.steps:,}", str(run.gpus or "-"), *known)
    return table
