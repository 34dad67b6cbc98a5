"""Looks at a folder before it is published: each fault is one line that names the file and the cure.

A dataset folder has manifest.json; a model folder has config.json and *.safetensors. Nothing else may be in it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from datasets_builder.preflight_card import check_card
from datasets_builder.preflight_data import check_dataset
from datasets_builder.preflight_files import File, Kind, check_place, read_file, walk
from datasets_builder.preflight_model import check_model
from datasets_builder.preflight_secrets import Rules, check_columns, check_text, load_rules
from datasets_builder.skillmix.errors import UsageError

BINARY = (".parquet", ".safetensors", ".png", ".model")


class Release(NamedTuple):
    """A folder that can be published, once ``faults`` is empty."""

    folder: Path
    kind: Kind
    files: Mapping[str, File]
    configs: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(file.size for file in self.files.values())

    @property
    def digest(self) -> str:
        """16 hex digits that name this content: of the SHA-256 over all paths and theirs."""
        lines = "\n".join(f"{file.sha256}  {path}" for path, file in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def inspect_folder(folder: Path, name: str) -> Release:
    """A folder as a release of the repository ``name``, with all its faults.

    Raises:
        UsageError: It is neither a dataset's folder nor a model's.
    """
    kind = _kind_of(folder)
    paths, faults = [], []
    for path in walk(folder):
        fault = check_place(path, path.relative_to(folder).as_posix(), kind)
        faults += [fault] if fault else []
        paths += [] if fault else [path]
    files = {path.relative_to(folder).as_posix(): read_file(path) for path in paths}
    rules = load_rules()
    for path, inside in zip(paths, files, strict=True):
        faults += check_content(path, inside, rules)
    if "README.md" in files:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
        faults += check_card(text, kind, files)
        if name not in text:
            cure = f"dskill card {folder} --repository {name} writes it"
            faults.append(f"README.md: does not name {name}, so what it tells to load is something else; {cure}")
    else:
        faults.append("README.md: is missing; dskill card writes it")
    configs: tuple[str, ...] = ()
    if kind == "dataset":
        configs = check_dataset(folder, files, faults)
    else:
        faults += check_model(folder, files)
    return Release(folder, kind, files, configs, tuple(faults))


def require_sound(release: Release) -> None:
    """Stops at a release with faults.

    Raises:
        UsageError: The first fault, and how to see the others.
    """
    if release.faults:
        more = len(release.faults) - 1
        others = f" (and {more} more; --dry-run lists them)" if more else ""
        raise UsageError(f"{release.folder}: {release.faults[0]}{others}")


def check_content(path: Path, name: str, rules: Rules) -> Iterator[str]:
    """Faults inside a file, whatever it is for."""
    if path.suffix == ".parquet":
        try:
            yield from check_columns(path, name, rules)
        except pa.ArrowException as error:
            yield f"{name}: is no sound Parquet file ({' '.join(str(error).split()):.200}); build again"
    elif path.suffix not in BINARY:
        yield from check_text(path, name, rules)
        if path.suffix == ".json":
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                yield f"{name}: is no JSON ({error}); write it again"


def _kind_of(folder: Path) -> Kind:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; dskill build --out FOLDER makes one")
    if (folder / "manifest.json").is_file():
        return "dataset"
    if (folder / "config.json").is_file():
        return "model"
    raise UsageError(
        f"{folder}: has neither the manifest.json of a finished dataset nor the config.json of a model; "
        "dskill build --out FOLDER makes a dataset, axolotl train a model"
    )
