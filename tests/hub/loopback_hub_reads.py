"""Routes of the loopback Hub that read: who am I, repositories, trees, refs, commits, files."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import yaml
from loopback_hub_card import header_of, judge
from loopback_hub_state import Blob, Refused, Repo
from loopback_hub_wire import API, WEB, Reply, Request, paged, repo_path, route


@route("GET", "/api/whoami-v2")
def whoami(request: Request) -> Reply:
    user = request.need_user()
    if user.only is not None:  # a person's route; what the Hub itself tells a trusted publisher is not documented
        raise Refused(401, "Invalid username or password.")
    orgs = [{"type": "org", "name": org, "fullname": org, "roleInOrg": "admin"} for org in user.orgs]
    token = {"type": "access_token", "accessToken": {"displayName": "loopback", "role": "write"}}
    rest = {"fullname": user.name, "isPro": False, "canPay": False, "orgs": orgs, "auth": token}
    return Reply({"type": "user", "id": user.name, "name": user.name} | rest)


@route("POST", "/api/validate-yaml")
def validate_yaml(request: Request) -> Reply:
    errors, warnings = judge(request.json["content"], request.json.get("repoType", "model"))
    found = {"errors": [{"message": e} for e in errors], "warnings": [{"message": w} for w in warnings]}
    return Reply(found, 400 if errors else 200)


@route("GET", API)
@route("GET", f"{API}/revision/(?P<revision>[^/]+)")
def repo_info(request: Request, kind: str, name: str, revision: str = "main") -> Reply:
    repo = request.repo(kind, name)
    oid = repo.resolve(revision)
    files = repo.commits[oid].files
    header = card_of(request, files)
    facts = {
        "_id": hashlib.sha1(f"{kind}/{name}".encode()).hexdigest()[:24],
        "id": name,
        "author": name.split("/")[0],
        "sha": oid,
        "createdAt": repo.created,
        "lastModified": repo.commits[oid].date,
        "private": repo.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": header.get("tags") or [],
        "siblings": [{"rfilename": path} | sizes_of(request, blob) for path, blob in sorted(files.items())],
    }
    return Reply(facts | ({"modelId": name} if kind == "models" else {}) | ({"cardData": header} if header else {}))


def card_of(request: Request, files: Mapping[str, Blob]) -> dict[str, Any]:
    try:
        header = header_of(request.store.get(files["README.md"].sha256).decode()) if "README.md" in files else None
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    return header if isinstance(header, dict) else {}


def sizes_of(request: Request, blob: Blob) -> dict[str, Any]:
    return {key: entry_of("", blob)[key] for key in ("size", "lfs") if blob.lfs} if "blobs" in request.query else {}


def entry_of(path: str, blob: Blob) -> dict[str, Any]:
    lfs = {"lfs": {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}} if blob.lfs else {}
    return {"type": "file", "path": path, "oid": blob.oid, "size": blob.size} | lfs


def folder_of(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


@route("GET", f"{API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?")
def tree(request: Request, kind: str, name: str, revision: str, path: str) -> Reply:
    files = request.repo(kind, name).tree(revision)
    start = f"{path.strip('/')}/" if path.strip("/") else ""
    deep = request.query.get("recursive", "").lower() in ("true", "1")
    entries = {}
    for file in (file for file in files if file.startswith(start)):
        parts = file.removeprefix(start).split("/")
        folders = [start + "/".join(parts[:depth]) for depth in range(1, len(parts))]
        entries |= {folder: folder_of(folder) for folder in (folders if deep else folders[:1])}
        if deep or len(parts) == 1:
            entries[file] = entry_of(file, files[file])
    if start and not entries:
        raise Refused(404, f"{path} does not exist on {revision}", "EntryNotFound")
    return paged(request, [entries[file] for file in sorted(entries)])


@route("POST", f"{API}/paths-info/(?P<revision>[^/]+)")
def paths_info(request: Request, kind: str, name: str, revision: str) -> Reply:
    files = request.repo(kind, name).tree(revision)
    form = "json" not in request.headers.get("Content-Type", "")
    paths = parse_qs(request.body.decode()).get("paths", []) if form else request.json["paths"]
    found = [entry_of(path, files[path]) for path in paths if path in files]
    folders = [path for path in paths if any(file.startswith(f"{path}/") for file in files)]
    return Reply(found + [folder_of(path) for path in folders])


@route("GET", f"{API}/refs")
def refs(request: Request, kind: str, name: str) -> Reply:
    repo = request.repo(kind, name)

    def listed(found: Mapping[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": ref, "ref": prefix + ref, "targetCommit": oid} for ref, oid in found.items()]

    pulls = {ref: oid for ref, oid in repo.refs.items() if ref.startswith("refs/pr/")}
    branches = {ref: oid for ref, oid in repo.refs.items() if ref not in pulls}
    found = {"branches": listed(branches, "refs/heads/"), "tags": listed(repo.tags, "refs/tags/"), "converts": []}
    return Reply(found | ({"pullRequests": listed(pulls, "")} if "include_prs" in request.query else {}))


@route("GET", f"{API}/commits/(?P<revision>[^/]+)")
def commits(request: Request, kind: str, name: str, revision: str) -> Reply:
    repo = request.repo(kind, name)
    oid: str | None = repo.resolve(revision)
    history = []
    while oid:
        commit = repo.commits[oid]
        facts = {"id": oid, "title": commit.title, "message": commit.message, "date": commit.date}
        history.append(facts | {"authors": [{"user": commit.author}]})
        oid = commit.parent
    return paged(request, history)


@route("GET", f"{WEB}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
def resolve(request: Request, kind: str, name: str, revision: str, path: str) -> Reply:
    repo = request.repo(kind, name)
    oid = repo.resolve(revision)
    blob = repo.commits[oid].files.get(path)
    headers = {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
    if blob is None:
        return Reply({"error": "Entry not found"}, 404, headers | {"X-Error-Code": "EntryNotFound"})
    headers |= {"ETag": f'"{blob.etag}"', "Content-Type": "application/octet-stream"}
    if blob.lfs:
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(blob.size)}
    return part_of(request.store.get(blob.sha256), request.headers.get("Range", ""), headers)


@route("GET", f"{WEB}/_lfs/(?P<oid>[0-9a-f]{{64}})")
def lfs_get(request: Request, kind: str, name: str, oid: str) -> Reply:
    request.repo(kind, name)
    if not request.store.has(oid):
        raise Refused(404, "no such object")
    return part_of(request.store.get(oid), request.headers.get("Range", ""), {"Accept-Ranges": "bytes"})


def part_of(content: bytes, asked: str, headers: Mapping[str, str]) -> Reply:
    """The range of bytes that is asked for: from-to, from-, or the last n."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if not found or found[0] == "bytes=-":
        return Reply(content, headers=headers)
    first = int(found[1]) if found[1] else max(0, len(content) - int(found[2]))
    last = min(int(found[2]), len(content) - 1) if found[1] and found[2] else len(content) - 1
    if first > last:
        return Reply(b"", 416, {**headers, "Content-Range": f"bytes */{len(content)}"})
    return Reply(content[first : last + 1], 206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"})


def web_of(request: Request, repo: Repo) -> str:
    """A repository's page."""
    return f"{request.base}/{repo_path(repo.kind, repo.id)}"
