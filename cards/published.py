"""Figures that others published, for the reader to see beside ours: published.yml and what of it belongs there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.config import Strict, read_config
from eval_harness.results import CellResult

PUBLISHED = Path(__file__).resolve().parent / "published.yml"

Column = Literal["full marks", "all skills", "skills fraction"]


class PublishedTable(Strict):
    """Figures that others published: by row and k the metrics in the order of ``columns``."""

    name: str
    source: str
    date: str
    mark: Literal["primary", "secondary"]
    note: str
    split: Split
    columns: tuple[Column, ...]
    rows: dict[str, dict[int, tuple[float, ...]]]

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k that a row has, ascending."""
        return tuple(sorted({k for row in self.rows.values() for k in row}))


def find_published(cells: Iterable[CellResult]) -> tuple[PublishedTable, ...]:
    """The tables that share a k with these cells; those on held-out skills need a held-out cell of that k."""
    found = list(cells)
    return tuple(
        table
        for table in read_config(_Published, PUBLISHED).tables
        if any(cell.k in table.ks and table.split in (cell.split, "all") for cell in found)
    )


class _Published(Strict):
    """published.yml."""

    tables: tuple[PublishedTable, ...]
