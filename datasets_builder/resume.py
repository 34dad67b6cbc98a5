"""A build under way: who holds its folder, what it makes, and where its answers are kept until it is done.

data/paper                    the dataset: whole, or not there
data/paper.cache/generate/    every answer, by the hash of its request; a later run asks for none of them again
data/paper.cache/spent.jsonl  what they cost, in tokens
data/paper.cache/recipe.json  while the build is under way: what its rows depend on
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets_builder.skillmix.errors import OutsideError, ResumeError, UsageError

MAX_CHANGES = 3  # changed keys that an error names
CACHE_VARIABLE = "INSPECT_CACHE_DIR"  # where Inspect keeps answers; read at each request


def cache_of(out: Path) -> Path:
    """The folder beside a dataset in which its answers are kept."""
    return out.with_name(f"{out.name}.cache")


def ledger_of(out: Path) -> Path:
    """The file in which the tokens that a dataset has cost are kept."""
    return cache_of(out) / "spent.jsonl"


@contextmanager
def alone(out: Path, work: str = "build") -> Iterator[None]:
    """Holds an output folder for one build, or other work; the lock ends with the process, however it ends.

    Raises:
        UsageError: Another one holds it.
        OutsideError: The folder above cannot be written to.
    """
    lock = out.resolve().with_name(f".{out.name}.lock")
    handle = _lock(lock, out, work)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def under_way(out: Path, identity: Mapping[str, Any]) -> Iterator[None]:
    """Keeps all answers in the dataset's cache; at a clean end the build is under way no longer.

    Raises:
        ResumeError: The build under way is of another recipe; names what changed.
        OutsideError: The cache cannot be written to.
    """
    cache = cache_of(out.resolve())
    record = cache / "recipe.json"
    if record.exists():
        refuse_changes(_read(record), identity, f"{out}: the build under way is of another recipe", _cure(out))
    else:
        _begin(cache, record, identity)
    with answers_in(cache):
        yield
    record.unlink()


@contextmanager
def answers_in(cache: Path) -> Iterator[None]:
    """Has all answers of models kept in this folder, and read from it."""
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(cache)
    try:
        yield
    finally:
        os.environ.pop(CACHE_VARIABLE)
        os.environ |= {CACHE_VARIABLE: before} if before is not None else {}


def refuse_changes(old: Mapping[str, Any], new: Mapping[str, Any], what: str, cure: str) -> None:
    """Raises a ResumeError that names the keys whose values differ, as JSON has them; none when they agree."""
    old, new = (json.loads(json.dumps(content)) for content in (old, new))
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    if keys:
        named = [f"{key} was {old.get(key)!r}, now {new.get(key)!r}" for key in keys[:MAX_CHANGES]]
        more = f" (and {len(keys) - MAX_CHANGES} more)" if len(keys) > MAX_CHANGES else ""
        raise ResumeError(f"{what}: {'; '.join(named)}{more}; {cure}")


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _cure(out: Path) -> str:
    return f"set it back, name another folder, or delete {cache_of(out)} and pay for its answers again"


def _lock(lock: Path, out: Path, work: str) -> int:
    """A handle on the locked file; one that was removed between opening and locking would lock nobody out."""
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise OutsideError(f"{out}: cannot be written: {error}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and os.fstat(handle).st_ino == lock.stat().st_ino:
                return handle
        except BlockingIOError:
            os.close(handle)
            raise UsageError(
                f"{out}: another {work} runs in this folder; wait for it, or name another folder"
            ) from None
        os.close(handle)


def _begin(cache: Path, record: Path, identity: Mapping[str, Any]) -> None:
    """A build that begins counts its money from zero; answers of an earlier one that fit are free."""
    working = record.with_suffix(".tmp")
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        (cache / "spent.jsonl").unlink(missing_ok=True)
        working.write_text(json.dumps(identity, indent=1), encoding="utf-8")
        os.replace(working, record)
    except OSError as error:
        raise OutsideError(f"{cache}: answers cannot be kept: {error}") from None


def _read(record: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{record}: cannot be read: {error}; delete it, or name another folder") from None
    return content if isinstance(content, dict) else {}
