"""``dskill build``: what a recipe will cost, or the dataset of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from datasets_builder.build import Runner, ask_for, build_dataset, check_budget, read_source
from datasets_builder.costs import CASES, describe_price, show_stage
from datasets_builder.estimate import Estimate, estimate, explain
from datasets_builder.live import Live, describe
from datasets_builder.manifest import Card, Manifest
from datasets_builder.meter import load_prices
from datasets_builder.pipeline import DataRecipe
from datasets_builder.resume import cache_of, size_of
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError

PLAIN_WIDTH = 150  # of what is not shown on a terminal


class Options(NamedTuple):
    """The command's options."""

    seed: int | None = None
    runner: Runner = "stream"
    limit: int | None = None
    budget_usd: float | None = None
    prices: Path | None = None


def run_build(recipe_path: Path, out: Path | None, options: Options, card: Card, console: Console) -> Manifest:
    """Makes the dataset, with its progress shown; the same command goes on where it was stopped.

    Raises:
        DskillError: As ``build_dataset``.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    if out is None:
        raise UsageError("--out is missing: the folder to write; only --dry-run goes without it")
    with Live(console, "build", describe) as live, _terminable():
        manifest = build_dataset(
            _read(recipe_path, options),
            recipe_path,
            out,
            runner=options.runner,
            card=card,
            limit=options.limit,
            progress=live,
            prices=load_prices(options.prices),
            budget_usd=options.budget_usd,
        )
    kept, asked = (sum(getattr(c, name) for c in manifest.counts.values()) for name in ("kept", "generated"))
    print(f"{out}: {kept} texts kept of {asked} ({kept / asked:.0%}), configs {', '.join(manifest.configs)}")
    if (cache := cache_of(out)).is_dir():
        print(f"{cache}: the answers, {size_of(cache) / 1e6:,.1f} MB; the dataset needs them no longer")
    return manifest


def show_estimate(recipe_path: Path, options: Options, console: Console) -> Estimate:
    """Prints what the build would cost; asks no model, and needs no key.

    Raises:
        UsageError: The recipe is not sound, or a budget is given that could not be kept.
    """
    recipe, prices = _read(recipe_path, options), load_prices(options.prices)
    check_budget(recipe, options.runner, prices, options.budget_usd)
    source = read_source(recipe, recipe_path)
    asked = ask_for(recipe, source, recipe_path, limit=options.limit)
    found = estimate(recipe, source, asked, prices)
    wide = console if console.is_terminal else Console(file=console.file, width=PLAIN_WIDTH)
    wide.print(_table(found, plain=not console.is_terminal))
    for model, price in found.prices.items():
        wide.print(describe_price(model, price), markup=False, highlight=False, soft_wrap=True)
    wide.print(explain(), markup=False, highlight=False)
    if options.budget_usd is not None and found.total("expected") > options.budget_usd:
        share = options.budget_usd / found.total("expected")
        wide.print(f"A budget of ${options.budget_usd:,.2f} is expected to last for {share:.0%} of it.")
    return found


def _read(recipe_path: Path, options: Options) -> DataRecipe:
    recipe = read_config(DataRecipe, recipe_path)
    return recipe if options.seed is None else recipe.with_seed(options.seed)


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM an interrupt, as Ctrl-C is."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _table(found: Estimate, *, plain: bool) -> Table:
    table = Table(box=None if plain else box.SIMPLE, pad_edge=False, title=None)
    table.add_column("stage")
    table.add_column("model", overflow="fold")
    for name in ("calls", "input tokens", "output tokens", *(f"{case} USD" for case in CASES)):
        table.add_column(name, justify="right", no_wrap=True)
    for name, cases in found.stages.items():
        table.add_row(name, found.models[name], *show_stage(cases))
    unknown = " + unknown" if found.unknown else ""
    table.add_row("total", "", "", "", "", *(f"{found.total(case):,.2f}{unknown}" for case in CASES))
    return table
