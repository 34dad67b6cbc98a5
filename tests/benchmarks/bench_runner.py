"""Rows a second of the streaming runner and of distilabel's own, on the same scripted pipeline, in one run.

    python tests/benchmarks/bench_runner.py [rows for stream] [rows for stock] [batch of stock]

The models answer at once, so this is what the machinery costs; it includes starting and ending each runner.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from datasets_builder.build import spread
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.quiet_distilabel import Pipeline
from datasets_builder.runner import run_stream
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.prompts import load_prompts
from datasets_builder.steps import Row
from datasets_builder.stock_runner import run_stock

RECIPE = Path(__file__).parents[2] / "recipes" / "data" / "miniature.yml"


def measure(run: Callable[[Pipeline, list[Row]], list[Row]], rows: list[Row], batch: int) -> tuple[float, float]:
    """Rows a second of wall time and of this process's CPU time, start and end included."""
    recipe = read_config(DataRecipe, RECIPE).model_copy(update={"input_batch_size": batch})
    catalogue = load_catalogue(recipe.catalogue)
    pipeline = make_pipeline(recipe, load_prompts(recipe.prompts or catalogue.about.prompts, catalogue))
    began, worked = time.perf_counter(), time.process_time()
    run(pipeline, rows)
    return len(rows) / (time.perf_counter() - began), len(rows) / (time.process_time() - worked)


def main(streamed: int = 10_000, stocked: int = 2_000, batch: int = 50) -> None:
    """Prints both rates and their ratio."""
    recipe = read_config(DataRecipe, RECIPE)
    rows = requests(recipe, load_catalogue(recipe.catalogue))
    stream, alone = measure(run_stream, spread(rows, streamed), 500)
    stock, _ = measure(lambda pipeline, some: run_stock(pipeline, some, batch_size=batch), spread(rows, stocked), batch)
    print(f"stream {stream:8.0f} rows/s  ({min(streamed, len(rows))} rows, one process; {alone:.0f} rows a CPU second)")
    print(f"stock  {stock:8.0f} rows/s  ({min(stocked, len(rows))} rows, batch {batch}, a process for each step)")
    print(f"ratio  {stream / stock:8.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
