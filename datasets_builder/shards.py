"""The Parquet files of one split, written as rows come: a few thousand rows are in memory, whatever the split holds."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Features
from datasets.arrow_writer import ParquetWriter

from datasets_builder.manifest import FileSize

SHARD_ROWS = 250_000  # rows in a file, some 300 MB of short texts at most: a good size to load, to stream, to upload
GROUP_ROWS = 10_000  # rows in a row group: what this writer, and a reader, hold at once


def write_shards(
    folder: Path, part: str, records: Iterable[Mapping[str, Any]], total: int, features: Features
) -> dict[Path, FileSize]:
    """Writes ``total`` records as ``<part>-00000-of-0000N.parquet`` and so on; the same records give the same bytes."""
    waiting, count = iter(records), max(1, -(-total // SHARD_ROWS))
    paths = [folder / f"{part}-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    return {path: write_parquet(path, islice(waiting, SHARD_ROWS), features) for path in paths}


def write_parquet(path: Path, records: Iterable[Mapping[str, Any]], features: Features) -> FileSize:
    """One file, as ``Dataset.to_parquet`` writes it (page index, content-defined chunks), a row group at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting, writer = iter(records), ParquetWriter(features=features, path=str(path))
    while group := list(islice(waiting, GROUP_ROWS)):
        writer.write_table(pa.Table.from_pylist(group, schema=features.arrow_schema), GROUP_ROWS)
    rows, loaded = writer.finalize()
    return FileSize(rows=rows, bytes=path.stat().st_size, loaded=loaded)
