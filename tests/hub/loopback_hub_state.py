"""What the loopback Hub keeps: repositories, commits, refs, tags, discussions, and the bytes of files by SHA-256.

Nothing here knows HTTP. All of it is JSON but the bytes, so that a server of its own process can go on from a folder.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

LFS_SUFFIXES = (".parquet", ".safetensors", ".bin", ".arrow", ".zst", ".gz", ".zip", ".npz", ".png", ".jpg", ".model")
ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


class Refused(Exception):
    """An answer other than success; the name goes into X-Error-Code, by which clients choose their exception."""

    def __init__(self, status: int, message: str, name: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.name = status, message, name


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Blob(BaseModel):
    """A file in a commit."""

    sha256: str
    oid: str  # git's: of the content, or of the LFS pointer
    size: int
    lfs: bool

    @property
    def etag(self) -> str:
        """What clients cache it under, and compare it by."""
        return self.sha256 if self.lfs else self.oid


class Commit(BaseModel):
    """A whole tree, with its parent."""

    parent: str | None
    files: dict[str, Blob]
    title: str
    message: str
    author: str
    date: str = Field(default_factory=now)


class Discussion(BaseModel):
    """A discussion, or a pull request; ``base`` is the commit of main that a pull request began from."""

    num: int
    title: str
    status: str
    author: str
    base: str | None
    merged: str | None = None
    created: str = Field(default_factory=now)
    events: list[dict[str, Any]] = Field(default_factory=list)

    def add(self, kind: str, author: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """An event, as clients read it."""
        event = {"id": f"{self.num:04x}{len(self.events):04x}", "type": kind, "createdAt": now()}
        self.events.append(event | {"author": {"name": author}, "data": dict(data)})
        return self.events[-1]

    def say(self, author: str, text: str) -> dict[str, Any]:
        """A comment."""
        latest = {"raw": text, "html": text, "updatedAt": now(), "author": {"name": author}}
        return self.add("comment", author, {"edited": False, "hidden": False, "latest": latest, "history": [latest]})

    def become(self, author: str, status: str) -> dict[str, Any]:
        """A change of status."""
        self.status = status
        return self.add("status-change", author, {"status": status})


class Repo(BaseModel):
    """A repository; refs are branches and refs/pr/N."""

    kind: str  # models, datasets or spaces
    id: str
    private: bool
    created: str = Field(default_factory=now)
    commits: dict[str, Commit] = Field(default_factory=dict)
    refs: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    discussions: list[Discussion] = Field(default_factory=list)

    def resolve(self, revision: str) -> str:
        """The commit that a branch, a pull request, a tag or a commit (7 characters or more) names."""
        oid = self.refs.get(revision) or self.tags.get(revision)
        found = oid or next((c for c in self.commits if len(revision) >= 7 and c.startswith(revision)), None)
        if found is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def tree(self, revision: str) -> dict[str, Blob]:
        """The files of a revision."""
        return self.commits[self.resolve(revision)].files

    def add(self, ref: str, files: dict[str, Blob], title: str, message: str, author: str) -> str:
        """A commit on a ref."""
        parent = self.refs.get(ref)
        content = f"{parent} {len(self.commits)} {title} {sorted((p, b.oid) for p, b in files.items())}"
        oid = hashlib.sha1(content.encode()).hexdigest()
        self.commits[oid] = Commit(parent=parent, files=files, title=title, message=message, author=author)
        self.refs[ref] = oid
        return oid

    def discussion(self, num: int) -> Discussion:
        """One of its discussions."""
        if not 0 < num <= len(self.discussions):
            raise Refused(404, f"no discussion {num} here")
        return self.discussions[num - 1]

    def discuss(self, title: str, text: str, author: str, *, pull: bool, base: str | None = None) -> Discussion:
        """A new discussion, or a pull request: a draft on a ref of its own."""
        num, base = len(self.discussions) + 1, (base or self.refs["main"]) if pull else None
        made = Discussion(num=num, title=title, status="draft" if pull else "open", author=author, base=base)
        made.say(author, text)
        self.discussions.append(made)
        if base:
            self.refs[f"refs/pr/{num}"] = base
        return made

    def conflicts(self, pull: Discussion) -> list[str]:
        """Files that main and the pull request changed both, and differently."""
        base, mine, main = (self.tree(rev) for rev in (pull.base or "", f"refs/pr/{pull.num}", "main"))
        changed = [path for path in {*base, *mine} if base.get(path) != mine.get(path)]
        return sorted(path for path in changed if main.get(path) not in (base.get(path), mine.get(path)))

    def merge(self, pull: Discussion, author: str) -> str:
        """Moves main once, by all that the pull request changed."""
        if pull.base is None or pull.status != "open":
            raise Refused(400, f"This {'pull request' if pull.base else 'discussion'} is {pull.status}, not open")
        if conflicts := self.conflicts(pull):
            raise Refused(409, f"Merge conflict in {', '.join(conflicts)}")
        base, mine, files = self.tree(pull.base), self.tree(f"refs/pr/{pull.num}"), dict(self.tree("main"))
        for path in {*base, *mine}:
            if base.get(path) != mine.get(path):
                files.pop(path, None)
                files |= {path: mine[path]} if path in mine else {}
        pull.merged = self.add("main", files, f"{pull.title} (#{pull.num})", "", author)
        pull.become(author, "merged")
        return pull.merged


class Store:
    """All repositories, and the bytes; in memory, or in a folder that outlives the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self.lock = folder, threading.RLock()
        self.repos: dict[str, Repo] = {}
        self._bytes: dict[str, bytes] = {}
        if folder and (folder / "repos").is_dir():
            repos = [Repo.model_validate_json(path.read_bytes()) for path in (folder / "repos").glob("*.json")]
            self.repos = {f"{repo.kind}/{repo.id}": repo for repo in repos}

    def save(self, repo: Repo) -> None:
        """Writes a repository, when there is a folder: whole or not at all."""
        if self.folder:
            path = self.folder / "repos" / f"{repo.kind}--{repo.id.replace('/', '--')}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".new").write_text(repo.model_dump_json(), encoding="utf-8")
            os.replace(path.with_suffix(".new"), path)

    def forget(self, repo: Repo) -> None:
        """Deletes a repository."""
        del self.repos[f"{repo.kind}/{repo.id}"]
        if self.folder:
            (self.folder / "repos" / f"{repo.kind}--{repo.id.replace('/', '--')}.json").unlink(missing_ok=True)

    def has(self, sha256: str) -> bool:
        """Whether the bytes are here."""
        return sha256 in self._bytes or bool(self.folder and (self.folder / "blobs" / sha256).is_file())

    def put(self, content: bytes) -> str:
        """Keeps bytes; gives their SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self.folder is None:
            self._bytes[sha256] = content
        elif not self.has(sha256):
            (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
            (self.folder / "blobs" / sha256).write_bytes(content)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Bytes that are here."""
        return self._bytes[sha256] if self.folder is None else (self.folder / "blobs" / sha256).read_bytes()

    def regular(self, content: bytes) -> Blob:
        """A file that git keeps."""
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return Blob(sha256=self.put(content), oid=oid, size=len(content), lfs=False)

    def large(self, sha256: str) -> Blob:
        """A file that git keeps a pointer to."""
        size = len(self.get(sha256))
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (sha256.encode(), size)
        oid = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()
        return Blob(sha256=sha256, oid=oid, size=size, lfs=True)

    def create(self, kind: str, name: str, author: str, *, private: bool) -> Repo:
        """A repository with its first commit."""
        repo = self.repos[f"{kind}/{name}"] = Repo(kind=kind, id=name, private=private)
        repo.add("main", {".gitattributes": self.regular(ATTRIBUTES)}, "initial commit", "", author)
        return repo
