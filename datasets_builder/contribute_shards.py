"""Reads graded texts: a JSON lines file with its header, or a shard, a folder with a header and rows of the dataset."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets_builder.contribute_files import HEADER, Contribution, Fault, read_bytes, show
from datasets_builder.contribute_forms import (
    MAX_FAULTS,
    MAX_ROWS,
    GradedFile,
    GradedText,
    Header,
    Spot,
    Unreadable,
    check_form,
    read_json_line,
    read_yaml_form,
)
from datasets_builder.records import FEATURES
from datasets_builder.shards import SHARD_ROWS
from datasets_builder.skillmix.catalogue import Catalogue

NOTES = frozenset({b"huggingface", b"pandas"})  # what writers leave in a Parquet file about its columns; JSON, not used
MAX_UNPACKED = 2_000_000_000  # bytes of a Parquet file's columns
BATCH = 1000  # rows in memory at once
AT_ONCE = 400_000_000  # bytes that they may come to, were each as large as the whole column

Texts = list[tuple[GradedText, Spot]]


def read_graded(path: Path) -> GradedFile:
    """A file of graded texts.

    Raises:
        Unreadable: With all faults of its lines.
    """
    file = show(path)
    first, *lines = read_bytes(path).split(b"\n")
    spot = Spot(file, 1)
    filled = read_json_line(first, spot)
    if isinstance(filled, dict) and "text" in filled:
        raise Unreadable(spot.fault("canary", "the header is missing", "put the line of dskill new graded before all"))
    texts = (_form(line, Spot(file, n)) for n, line in _rows(lines, 2, file))
    try:
        header = check_form(Header, filled, spot)
    except Unreadable as error:
        _collect(chain([error], texts))
        raise
    return GradedFile(header, spot, _collect(texts))


def read_shard(contribution: Contribution, catalogue: Mapping[str, Catalogue]) -> GradedFile:
    """A shard: its header and the texts of all its files.

    Args:
        contribution: Its files.
        catalogue: The catalogues that a header may name, which know the category of a skill.

    Raises:
        Unreadable: With all faults of its files.
    """
    head, *files = contribution.files
    if head.name != HEADER or not files:
        place = show(head.parent)
        missing = "rows" if head.name == HEADER else HEADER
        raise Unreadable(Fault(place, None, "", f"has no {missing}", f"a shard has {HEADER} and *.parquet or *.jsonl"))
    header, spot = read_yaml_form(Header, read_bytes(head), show(head))
    known = catalogue.get(header.catalogue)

    def texts() -> Iterator[tuple[GradedText, Spot] | Unreadable]:
        for path in files:
            for row, at in _read_rows(path):
                try:
                    yield _from_row(row, header, known, at), at
                except Unreadable as error:
                    yield error

    return GradedFile(header, spot, _collect(texts()))


def _collect(found: Iterable[tuple[GradedText, Spot] | Unreadable]) -> Texts:
    """The texts, when all can be read; else their faults together, as Unreadable."""
    texts: Texts = []
    faults: list[Fault] = []
    for one in found:
        if isinstance(one, Unreadable):
            faults += one.faults
        else:
            texts.append(one)
        if len(faults) > MAX_FAULTS:
            break
    if faults:
        raise Unreadable(*faults)
    return texts


def _form(line: bytes, spot: Spot) -> tuple[GradedText, Spot] | Unreadable:
    try:
        return check_form(GradedText, read_json_line(line, spot), spot), spot
    except Unreadable as error:
        return error


def _rows(lines: Sequence[bytes], first: int, file: str) -> list[tuple[int, bytes]]:
    """Lines with something on them, by their number."""
    rows = [(n, line) for n, line in enumerate(lines, first) if line.strip()]
    if not 0 < len(rows) <= MAX_ROWS:
        raise Unreadable(Fault(file, None, "", f"has {len(rows):,} texts", f"1 to {MAX_ROWS:,} are allowed"))
    return rows


def _read_rows(path: Path) -> Iterator[tuple[Any, Spot]]:
    """The rows of a shard's file; a row of Parquet is named by its number as if it were a line."""
    file, content = show(path), read_bytes(path)
    if path.suffix == ".jsonl":
        for n, line in _rows(content.split(b"\n"), 1, file):
            yield read_json_line(line, Spot(file, n)), Spot(file, n)
        return
    try:
        parquet = pq.ParquetFile(BytesIO(content))
        if wrong := _shape_fault(parquet):
            raise Unreadable(Fault(file, None, *wrong))
        rows = (row for batch in parquet.iter_batches(_batch_size(parquet)) for row in batch.to_pylist())
        yield from ((row, Spot(file, n)) for n, row in enumerate(rows, 1))
    except (pa.ArrowException, OSError, ValueError) as error:
        fault = f"broken Parquet: {' '.join(str(error).split())[:120]}"
        raise Unreadable(Fault(file, None, "", fault, "write it anew, as datasets does")) from None


def _shape_fault(parquet: pq.ParquetFile) -> tuple[str, str, str] | None:
    """What is wrong with a Parquet file as a whole, before any row is unpacked: key, fault, cure."""
    about, schema = parquet.metadata, parquet.schema_arrow
    if about.num_rows > SHARD_ROWS or not about.num_rows:
        return "", f"has {about.num_rows:,} rows", f"1 to {SHARD_ROWS:,} are allowed"
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if unpacked > MAX_UNPACKED:
        return "", f"unpacks to {unpacked:,} bytes", f"at most {MAX_UNPACKED:,}; contribute it in parts"
    if other := sorted({*(schema.metadata or {}), *(about.metadata or {})} - NOTES - {b"ARROW:schema"}):
        return "", f"carries the note {ascii(other[0])[1:60]}", "write the rows alone"
    for note in sorted(NOTES & set(schema.metadata or {})):
        if not _is_json(schema.metadata[note]):
            return "", f"its note {note.decode()} is no JSON", "write the rows alone"
    for field in FEATURES.arrow_schema:
        if field.name not in schema.names:
            return field.name, "the column is missing", f"the columns are {', '.join(FEATURES)}"
    for field in schema:
        if field.name not in FEATURES:
            return ascii(field.name)[1:-1], "is no column of the dataset", "take it out"
        if _plain(field.type) != (wanted := _plain(FEATURES.arrow_schema.field(field.name).type)):
            return field.name, f"has the type {str(field.type)[:60]}", f"it must be {wanted}"
    return None


def _batch_size(parquet: pq.ParquetFile) -> int:
    """So few rows that they fit into memory even if each repeats the largest cell, which a dictionary stores once."""
    groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
    largest = max(group.column(i).total_uncompressed_size for group in groups for i in range(group.num_columns))
    return int(max(1, min(BATCH, AT_ONCE // max(largest, 1))))


def _is_json(note: bytes) -> bool:
    try:
        json.loads(note)
    except (ValueError, RecursionError):
        return False
    return True


def _plain(type_: pa.DataType) -> str:
    """A type without the differences that writers make: large or not, names inside lists."""
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list of {_plain(type_.value_type)}"
    if pa.types.is_struct(type_):
        return f"{{{', '.join(f'{f.name}: {_plain(f.type)}' for f in sorted(type_, key=lambda f: f.name))}}}"
    return str(type_).removeprefix("large_").removesuffix("_view")


def _from_row(row: Any, header: Header, catalogue: Catalogue | None, spot: Spot) -> GradedText:
    """A row of the dataset as a graded text, when its other columns agree with it and with the header."""
    if not isinstance(row, dict) or set(row) != set(FEATURES):
        raise Unreadable(spot.fault("", "has not the columns of the dataset", f"they are {', '.join(FEATURES)}"))
    try:
        marks = {given["criterion"]: given["mark"] for given in row["marks"]}
        said = [(turn["role"], turn["content"]) for turn in row["messages"]]
    except (TypeError, KeyError):
        raise Unreadable(spot.fault("marks", "marks and messages are not as in the dataset", "see the card")) from None
    given = {name: row[name] for name in ("id", "text", "skills", "topic", "votes")}
    text = check_form(GradedText, given | {"marks": marks, "full_marks": all(marks.values())}, spot)
    known = catalogue.skills if catalogue else {}
    wanted: dict[str, Any] = {"k": len(text.skills), "licence": header.licence, "source": header.source}
    wanted |= {"contributor": header.contributor, "teacher": header.teacher, "grader": header.grader}
    if all(slug in known for slug in text.skills):
        wanted["categories"] = [known[slug].category for slug in text.skills]
    wrong = [
        spot.fault(key, f"is {row[key]!r:.60}, not {value!r:.60}", "make them agree")
        for key, value in wanted.items()
        if row[key] != value
    ]
    if len(row["marks"]) != len(marks):
        wrong.append(spot.fault("marks", "a criterion stands there twice", "give one mark for each"))
    if [role for role, _ in said] != ["user", "assistant"] or said[1][1] != text.text:
        wrong.append(spot.fault("messages", "are not a request and this text", "give the two turns"))
    if wrong:
        raise Unreadable(*wrong)
    return text
