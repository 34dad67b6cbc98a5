"""The files of a release: which may be in it, and their hashes."""

import hashlib
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

Kind = Literal["dataset", "model"]

COMMON = ("README.md", "LICENSE", "LICENSE.*", "NOTICE", "CHANGELOG.md", "CITATION.*", "*.yml", "*.yaml")
DATA = ("manifest.json", "croissant.json", "data/*/*.parquet", "*/*.parquet", "figures/*.png")
MODEL = ("*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model", ".eval_results/*.yaml", "figures/*.png")
ALLOWED: dict[Kind, tuple[str, ...]] = {"dataset": (*COMMON, *DATA), "model": (*COMMON, *MODEL)}
CODE = (".py", ".pyc", ".so", ".sh", ".js", ".ipynb", ".ps1", ".bat", ".exe", ".jar", ".html")
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".keras", ".msgpack")
MAX_BYTES = 50 * 10**9  # of a file: the Hub takes larger ones, and advises against them
SAFE_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"


class File(NamedTuple):
    """A file of a release."""

    size: int
    sha256: str
    oid: str  # git's name of the same content


def walk(folder: Path) -> Iterator[Path]:
    """All that is in a folder but its folders, in order; links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
        else:
            yield Path(entry.path)


def check_place(path: Path, name: str, kind: Kind) -> str | None:
    """Why a file may not stand where it stands."""
    shown = ascii(name)[1:-1]  # a name may hold anything
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        return f"{shown}: is a link; put the file itself there"
    if not stat.S_ISREG(state.st_mode):
        return f"{shown}: is no plain file; take it out"
    if path.suffix.lower() in PICKLES:
        return f"{shown}: may run code when it is loaded; take it out, weights are published as safetensors only"
    if path.suffix.lower() in CODE:
        return f"{shown}: is code, and a release has none; take it out"
    if not any(_matches(name, pattern) for pattern in ALLOWED[kind]) or set(name) - {*SAFE_NAME}:
        return f"{shown}: does not belong into a {kind}'s folder; take it out"
    if not 0 < state.st_size <= MAX_BYTES:
        return f"{shown}: has {state.st_size:,} bytes, 1 to {MAX_BYTES:,} are allowed; build again"
    return None


def read_file(path: Path) -> File:
    """A file's size and both its hashes, read once."""
    size = path.stat().st_size
    sha256, oid = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            sha256.update(block)
            oid.update(block)
    return File(size, sha256.hexdigest(), oid.hexdigest())


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(pattern).parts
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
