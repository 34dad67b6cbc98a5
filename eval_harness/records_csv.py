"""Reads a CSV file that nobody here wrote: UTF-8, one header, every row as long as it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from datasets_builder.skillmix.errors import UsageError, near

MAX_BYTES = 256_000_000  # a paper-sized round of 100 combinations takes 2 MB
Row = dict[str, str]


def read_csv(path: Path, columns: Sequence[str]) -> list[Row]:
    """All rows, as text, with at least these columns.

    Raises:
        UsageError: The file is missing, too large, not UTF-8, broken, empty, or lacks a column; names file and row.
    """
    reader = csv.DictReader(io.StringIO(_read(path), newline=""), strict=True)
    try:
        header = list(reader.fieldnames or ())
        if missing := [column for column in columns if column not in header]:
            raise UsageError(f"{path}: no column {missing[0]!r}{near(missing[0], header)} (is it a SKILL-MIX record?)")
        rows = list(reader)
    except csv.Error as error:  # a field over 128 kB, a quotation mark left open
        raise UsageError(f"{path}:{reader.line_num}: broken CSV: {error}") from None
    if not rows:
        raise UsageError(f"{path}: no row; was the round interrupted?")
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise UsageError(f"{path} row {number}: {_cells(row)} cells, the header has {len(header)}")
    return rows


def _cells(row: Row) -> int:
    """How many cells a row has that is shorter or longer than the header; DictReader keeps a surplus under None."""
    surplus: object = row.get(None, ())  # type: ignore[call-overload]
    found = sum(value is not None for key, value in row.items() if key is not None)
    return found + len(surplus if isinstance(surplus, list) else ())


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: larger than {MAX_BYTES} bytes; is it a SKILL-MIX record?")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{path}: holds a NUL character; is it really a CSV file?")
    return text
