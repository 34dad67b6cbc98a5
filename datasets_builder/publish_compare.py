"""Reads a revision as a user will, with empty caches, and compares it with the folder that it was made of."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.exceptions import DatasetsError
from huggingface_hub import constants, snapshot_download

from datasets_builder.preflight import Release
from datasets_builder.preflight_data import load_config
from datasets_builder.preflight_files import read_file
from datasets_builder.skillmix.errors import OutsideError


def compare(release: Release, name: str, revision: str, token: str | None) -> Iterator[str]:
    """Compares all rows of all configs of a dataset, or all files of a model; tells what was compared.

    Raises:
        OutsideError: Something is not as in the folder.
    """
    if release.kind == "model":
        yield _compare_files(release, name, revision, token)
    for config in release.configs:
        yield _compare_config(release, config, name, revision, token)


def _compare_config(release: Release, config: str, name: str, revision: str, token: str | None) -> str:
    with tempfile.TemporaryDirectory(prefix="dskill-compare-") as folder, _empty_cache(Path(folder, "hub")):
        here = load_config(str(release.folder.resolve()), config, Path(folder, "here"))
        try:
            there = load_config(name, config, Path(folder, "there"), revision=revision, token=token)
        except (DatasetsError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise _unlike(name, revision, f"{config} cannot be loaded ({reason:.300})") from error
        splits = sorted({*here, *there})
        for split in splits:
            if split not in here or split not in there or here[split].data.table != there[split].data.table:
                raise _unlike(name, revision, f"split {split} of {config} loads with other rows")
        return f"{config} loads as the folder does, {', '.join(f'{split} {len(there[split]):,}' for split in splits)}"


def _compare_files(release: Release, name: str, revision: str, token: str | None) -> str:
    with tempfile.TemporaryDirectory(prefix="dskill-compare-") as folder, _empty_cache(Path(folder, "hub")):
        there = Path(snapshot_download(name, revision=revision, token=token))
        for path, file in release.files.items():
            if not (there / path).is_file() or read_file(there / path) != file:
                raise _unlike(name, revision, f"{path} downloads as another file")
    return f"{len(release.files)} files download as they are in the folder"


def _unlike(name: str, revision: str, what: str) -> OutsideError:
    return OutsideError(f"{name}: {what} at {revision}; nothing is merged; the same command compares again")


@contextmanager
def _empty_cache(folder: Path) -> Iterator[None]:
    """Downloads go to ``folder``: ``load_dataset`` has no option for that, and what is cached would prove nothing."""
    before = constants.HF_HUB_CACHE
    constants.HF_HUB_CACHE = str(folder)
    try:
        yield
    finally:
        constants.HF_HUB_CACHE = before
