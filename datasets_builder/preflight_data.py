"""A dataset's folder before it is published: every config loads, and the rows are those that manifest.json counts."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import DatasetDict, Features, disable_progress_bars, load_dataset
from datasets.exceptions import DatasetsError

from datasets_builder.manifest import Manifest, read_manifest
from datasets_builder.preflight_card import DatasetHeader, check_configs, read_header
from datasets_builder.preflight_files import File
from datasets_builder.readme import TRANSCRIPTS
from datasets_builder.records import FEATURES, REJECT_FEATURES, SIDES, TRANSCRIPT_FEATURES
from datasets_builder.skillmix.errors import UsageError

COLUMNS = {"rejects": REJECT_FEATURES, TRANSCRIPTS: TRANSCRIPT_FEATURES}  # by folder; all others have a row's
LOADING = (DatasetsError, OSError, ValueError, KeyError)  # what load_dataset raises for folders that are wrong


def check_dataset(folder: Path, files: Mapping[str, File], faults: list[str]) -> tuple[str, ...]:
    """Adds a dataset's faults to those that are known; gives its configs."""
    try:
        manifest = read_manifest(folder)
    except UsageError as error:
        manifest, message = None, str(error)
        faults.append(message.removeprefix(f"{folder}/"))
    if manifest is None:
        return ()
    wrong = [*check_files(manifest, files), *check_header(folder, manifest)]
    configs = (*manifest.configs, TRANSCRIPTS)
    if not wrong:  # what is broken would only break again
        for name in manifest.files:
            wrong += check_rows(folder / name, name)
        wrong += check_rejects(folder, manifest)
        for config in configs:
            wrong += check_config(folder, config, manifest)
    faults += wrong
    return configs


def check_files(manifest: Manifest, files: Mapping[str, File]) -> Iterator[str]:
    """Whether the Parquet files are those of the manifest, byte by byte."""
    there = {name: file.sha256 for name, file in files.items() if name.endswith(".parquet")}
    for name in sorted({*there, *manifest.files}):
        if name not in there:
            yield f"{name}: is missing, manifest.json names it; build again"
        elif name not in manifest.files:
            yield f"{name}: manifest.json does not name it; take it out, or build again"
        elif there[name] != manifest.files[name]:
            yield f"{name}: is not the file that manifest.json names, its SHA-256 differs; build again"


def check_header(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Whether the card names the manifest's configs; other faults of the card are told elsewhere."""
    try:
        header = read_header((folder / "README.md").read_text(encoding="utf-8"), "dataset")
    except (UsageError, OSError, UnicodeDecodeError):
        return
    assert isinstance(header, DatasetHeader)
    yield from check_configs(header, manifest)


def check_rows(path: Path, name: str) -> Iterator[str]:
    """Whether a Parquet file has its columns, and each row says under which licence it stands.

    The columns are asked of the file: what it lacks of a card's ``dataset_info``, ``load_dataset`` makes null.
    """
    file = pq.ParquetFile(path)
    found, expected = Features.from_arrow_schema(file.schema_arrow), COLUMNS.get(name.split("/")[0], FEATURES)
    if found != expected:
        odd = ", ".join(sorted({*found} ^ {*expected})) or "of other types"
        yield f"{name}: the columns are not those of a dataset ({odd}); build again"
        return
    first = 0
    for batch in file.iter_batches(columns=["licence"]) if "licence" in expected else ():
        empty = pc.equal(pc.utf8_trim_whitespace(pc.fill_null(batch["licence"], "")), "")
        if (row := pc.index(empty, True).as_py()) >= 0:
            yield f"{name}: row {first + row} has no licence; build again with one for every row"
            return
        first += len(batch)


def check_rejects(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Whether the rejected rows are as many as the manifest counts."""
    rejected = sum(pq.ParquetFile(path).metadata.num_rows for path in folder.glob("rejects/*.parquet"))
    if rejected != (counted := sum(counts.rejected for counts in manifest.counts.values())):
        yield f"rejects: {rejected:,} rows, manifest.json counts {counted:,}; build again"


def check_config(folder: Path, config: str, manifest: Manifest) -> Iterator[str]:
    """Whether a config loads, with the rows that the manifest counts."""
    with tempfile.TemporaryDirectory(prefix="dskill-load-") as cache:
        try:
            loaded = load_config(str(folder.resolve()), config, Path(cache))
        except LOADING as error:
            reason = " ".join(str(error).split())
            yield f"config {config}: load_dataset cannot read it: {reason:.300}; build again"
            return
        found, expected = {split: len(rows) for split, rows in loaded.items()}, expect(manifest, config)
        if found != expected:
            yield f"config {config}: loads as {found}, manifest.json counts {expected}; build again"


def expect(manifest: Manifest, config: str) -> dict[str, int]:
    """Rows of each split of a config, as the manifest counts them."""
    if config == TRANSCRIPTS:
        return {TRANSCRIPTS: sum(counts.generated for counts in manifest.counts.values())}
    parts = [manifest.counts[part] for part in manifest.configs[config]]
    rows = {side: sum(getattr(counts, side) for counts in parts) for side in SIDES}
    return {side: number for side, number in rows.items() if number}


def load_config(source: str, config: str, cache: Path, **options: Any) -> DatasetDict:
    """One config of a folder or of a repository, with all its splits, prepared in ``cache``."""
    disable_progress_bars()
    return load_dataset(source, config, cache_dir=str(cache), **options)
