"""Finds the files of contributions and reads them; what a path or a file could do to the reader stops here.

    contrib/skills/<slug>.yml     contrib/graded/<slug>.jsonl
    contrib/topics/<slug>.yml     contrib/data/<slug>/contribution.yml, *.parquet, *.jsonl

No link is followed, nothing but plain files is opened, and nothing is read that is larger than its kind may be.
"""

import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from datasets_builder.skillmix.errors import OutsideError, UsageError, near

Kind = Literal["skills", "topics", "graded", "data"]
SUFFIX: dict[str, str] = {"skills": ".yml", "topics": ".yml", "graded": ".jsonl"}
LAYOUT = (
    "skills/<slug>.yml, topics/<slug>.yml, graded/<slug>.jsonl, data/<slug>/contribution.yml with *.parquet or *.jsonl"
)
HEADER = "contribution.yml"  # of a shard: whose it is
BESIDE = ("README.md", "catalogue.yml")  # of contrib/ itself
SLUG = re.compile(r"[a-z][a-z0-9-]{0,63}")
SHARD_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\.(?:parquet|jsonl)")
MAX_BYTES = {".yml": 50_000, ".jsonl": 20_000_000, ".parquet": 500_000_000}
MAX_FILES = 10_000
DEPTH = 4  # folders below the one that is given


class Fault(NamedTuple):
    """What is wrong in a file, and what to do about it."""

    file: str
    line: int | None
    key: str
    fault: str
    cure: str

    def __str__(self) -> str:
        """One line that a terminal can show, and that begins with the file."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        line = ": ".join(part for part in (place, self.key, f"{self.fault}; {self.cure}") if part)
        return "".join(char if char.isprintable() else "?" for char in line)


class Contribution(NamedTuple):
    """The files of one contribution; a shard's header comes first."""

    root: Path
    kind: Kind
    slug: str
    files: tuple[Path, ...]


def show(path: Path) -> str:
    """A path in print: a name may hold anything."""
    return ascii(str(path))[1:-1]


def find_contributions(paths: Iterable[Path]) -> tuple[list[Contribution], list[Fault]]:
    """The contributions that the files belong to, and what is wrong with other files; folders are searched.

    Raises:
        UsageError: A path does not exist.
    """
    found: dict[tuple[Path, Kind, str], list[Path]] = {}
    faults: list[Fault] = []
    for path in islice(_expand(paths), MAX_FILES + 1):
        if len(found) == MAX_FILES:
            faults.append(Fault(show(path), None, "", f"more than {MAX_FILES:,} files", "contribute them in parts"))
        elif fault := _place_fault(path):
            faults.append(Fault(show(path), None, "", *fault))
        elif path.name not in BESIDE or path.parent.name in (*SUFFIX, "data"):
            kind, slug = _kind_of(path)
            root = path.parents[2] if kind == "data" else path.parents[1]
            found.setdefault((root, kind, slug), []).append(path)
    return [_whole(*key, files) for key, files in found.items()], faults


def changed_since(base: str, paths: Sequence[Path]) -> list[Path]:
    """The files below ``paths`` that are new or other than where the branch left ``base``; git runs none of their code.

    Raises:
        UsageError: This is no git repository, or it has no such revision.
    """
    if base.startswith("-"):
        raise UsageError(f"--base {base!r}: name a branch, a tag or a commit")
    where = ["--", *map(str, paths)]
    tracked = ["diff", "--name-only", "-z", "--relative", "--no-renames", "--diff-filter=d", "--merge-base", base]
    names = _git([*tracked, *where], base) + _git(["ls-files", "-z", "--others", "--exclude-standard", *where], base)
    return [Path(os.fsdecode(name)) for name in dict.fromkeys(names)]


def read_bytes(path: Path) -> bytes:
    """The content of a plain file; a link, or a file that grew too large, is refused even when it came just now.

    Raises:
        OutsideError: The file cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError("is no plain file any more")
            content = file.read(MAX_BYTES[path.suffix] + 1)
            if len(content) > MAX_BYTES[path.suffix]:
                raise OSError("grew while it was read")
            return content
    except OSError as error:
        raise OutsideError(f"{show(path)}: cannot be read: {error.strerror or error}") from None


def _expand(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            mode = path.lstat().st_mode
        except (OSError, ValueError):
            siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise UsageError(f"{show(path)}: no such file or folder{near(path.name, siblings)}") from None
        yield from _walk(path, DEPTH) if stat.S_ISDIR(mode) else (path,)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and depth:
            yield from _walk(Path(entry.path), depth - 1)
        else:
            yield Path(entry.path)


def _place_fault(path: Path) -> tuple[str, str] | None:
    """Why a file is not opened, and the cure."""
    kind, slug = _kind_of(path)
    folders = [path, *path.parents[: 3 if kind == "data" else 2]]
    if ".." in path.parts:
        return "the path leads out of its folder", "name the file where it stands"
    if any(place.is_symlink() for place in folders):
        return "is a link, or stands behind one", "put the file itself there"
    if not stat.S_ISREG(path.lstat().st_mode):
        return "is no plain file", "take it out"
    if path.name in BESIDE and path.parent.name not in (*SUFFIX, "data"):
        return None
    if kind not in (*SUFFIX, "data") or path.suffix != SUFFIX.get(kind, path.suffix):
        return "is no contribution", f"put it where it belongs: {LAYOUT}"
    if not SLUG.fullmatch(slug):
        return "is no slug", "name it in small letters, digits and hyphens, a letter first, 64 at most"
    if kind == "data" and path.name != HEADER and not SHARD_FILE.fullmatch(path.name):
        return "is no file of a shard", f"a shard has {HEADER}, *.parquet and *.jsonl"
    size, limit = path.lstat().st_size, MAX_BYTES[path.suffix]
    if not size:
        return "is empty", "fill it in, or take it out"
    return (f"has {size:,} bytes", f"{limit:,} are allowed; contribute it in parts") if size > limit else None


def _kind_of(path: Path) -> tuple[Kind, str]:
    """The kind of contribution that stands at a path, if any does, and its slug."""
    parent, grand = path.parent, path.parent.parent
    if grand.name == "data" and parent.name not in SUFFIX:
        return "data", parent.name
    return parent.name, path.stem  # type: ignore[return-value]  # the caller sees whether it is one


def _whole(root: Path, kind: Kind, slug: str, files: list[Path]) -> Contribution:
    """With all files of a shard, of which some may not have changed."""
    if kind == "data":
        folder = files[0].parent
        others = (path for path in _walk(folder, 0) if path not in files and _place_fault(path) is None)
        files = sorted({*files, *others}, key=lambda path: (path.name != HEADER, path.name))
    return Contribution(root, kind, slug, tuple(files))


def _git(arguments: list[str], base: str) -> list[bytes]:
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        raise OutsideError("--base needs git, which is not installed") from None
    except subprocess.CalledProcessError as error:
        fault = error.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"--base {base!r}: git cannot compare with it: {fault[0] if fault else 'no reason'}") from None
    return [name for name in done.stdout.split(b"\0") if name]
