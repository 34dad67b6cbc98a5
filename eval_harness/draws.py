"""Which requests a cell of SKILL-MIX(k) asks: one split of skills, one k, the same draw for every model.

Example: ``Cell(split="held-out", k=2, n=400)`` of the miniature with 10 held-out skills and 4 held-out topics has only
180 combinations; all are drawn, and ``generations_for`` says that 3 texts of each make up the 400.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError

from datasets_builder.skillmix.catalogue import Catalogue, PartitionConfig, Split, load_catalogue
from datasets_builder.skillmix.combinations import Combination, Key, Method, count, draw
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.prompts import PromptSet, load_prompts

MIN_K, MAX_K = 1, 12  # beyond twelve skills no text of eleven sentences was ever meant


class Cell(Strict):
    """One cell: k skills of one split on topics of one split, ``n`` distinct combinations or all there are."""

    split: Split
    k: int = Field(ge=MIN_K, le=MAX_K)
    n: int = Field(ge=1)
    topics: Split = "held-out"
    seed: int = 0
    method: Method = "balanced"
    partition: PartitionConfig = PartitionConfig()


@lru_cache(maxsize=4)
def load_world(catalogue: str, prompts: str | None = None, limit: int | None = None) -> PromptSet:
    """A catalogue with its own prompts, or other ones, bound to it; read once a process."""
    world = load_catalogue(catalogue)
    return load_prompts(prompts or world.about.prompts, world, limit)


def make_cell(**values: Any) -> Cell:
    """A cell from the task's options.

    Raises:
        UsageError: An option has a value that it does not know.
    """
    try:
        return Cell.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        option, given = ".".join(str(part) for part in fault["loc"]), fault["input"]
        hint = near(str(given), get_args(Split) + get_args(Method))
        raise UsageError(f"option {option!r}: {fault['msg']}, got {given!r}{hint}") from None


def draw_cell(catalogue: Catalogue, cell: Cell, exclude: Collection[Key] = ()) -> list[Combination]:
    """The cell's combinations, none of them excluded; fewer than ``cell.n`` only when no more exist.

    Raises:
        UsageError: k is larger than the split has skills, or nothing is left to draw.
    """
    sides = catalogue.partition(cell.partition)
    skills, topics = sides.skills(cell.split), sides.topics(cell.topics)
    if cell.k > len(skills):
        raise UsageError(f"cell {cell.split} k = {cell.k}: the split has {len(skills)} skills; choose a smaller k")
    met = sum(len(names) == cell.k and names <= set(skills) and topic in topics for names, topic in set(exclude))
    left = count(len(skills), len(topics), cell.k) - met
    if left == 0:
        raise UsageError(f"cell {cell.split} k = {cell.k}: all combinations are in the excluded data; use other topics")
    method: Method = "uniform" if cell.n >= left else cell.method  # all that are left: nothing to balance
    return draw(skills, topics, cell.k, min(cell.n, left), cell.seed, method=method, exclude=exclude)


def generations_for(n: int, combinations: int, planned: int = 1) -> int:
    """Texts of each combination: as planned, or as many more as it takes to reach ``n`` texts."""
    return max(planned, -(-n // combinations))


def read_keys(folder: Path, topics: Sequence[str]) -> frozenset[Key]:
    """The (skills, topic) of the rows on these topics in a dataset folder: what a model may have trained on.

    Raises:
        UsageError: No such folder, or no parquet file in it has the columns ``skills`` and ``topic``.
    """
    import polars as pl

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such dataset folder; 'exclude' takes the folder that a build wrote")
    files = [
        path for path in sorted(folder.rglob("*.parquet")) if {"skills", "topic"} <= pl.read_parquet_schema(path).keys()
    ]
    if not files:
        raise UsageError(f"{folder}: no parquet file with columns 'skills' and 'topic' here; is this a dataset folder?")
    wanted = pl.col("topic").is_in(list(topics))
    rows = [pl.scan_parquet(path).filter(wanted).select("skills", "topic").collect() for path in files]
    return frozenset((frozenset(skills), topic) for found in rows for skills, topic in found.iter_rows())
