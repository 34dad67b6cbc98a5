"""Routes of the loopback Hub that write: repositories, uploads by LFS and xet, commits, tags, and tokens of CI jobs."""

import base64
import hashlib
import json
import time
from typing import Any

from loopback_hub_reads import web_of
from loopback_hub_state import LFS_SUFFIXES, Refused, Repo
from loopback_hub_wire import API, WEB, Reply, Request, User, repo_path, route
from loopback_hub_xet import fetch

REGULAR_MAX = 10 * 2**20  # bytes; larger files go to LFS whatever they are called
HOUR = 3600  # seconds that a token of a CI job or of xet lasts


@route("POST", "/api/repos/create")
def create_repo(request: Request) -> Reply:
    user, asked = request.need_user(), request.json
    kind, name = f"{asked.get('type') or 'model'}s", f"{asked.get('organization') or user.name}/{asked['name']}"
    if user.only is not None or not user.owns(name):
        raise Refused(403, f"You don't have the rights to create a {kind[:-1]} under {name.split('/')[0]}")
    found = request.store.repos.get(f"{kind}/{name}")
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    repo = found or request.store.create(kind, name, user.name, private=private)
    request.store.save(repo)
    facts = {"url": web_of(request, repo), "name": name, "id": name}
    return Reply(facts | {"error": "You already created this repo"}, 409) if found else Reply(facts)


@route("DELETE", "/api/repos/delete")
def delete_repo(request: Request) -> Reply:
    user, asked = request.need_user(), request.json
    name = f"{asked.get('organization') or user.name}/{asked['name']}"
    request.store.forget(request.owned(f"{asked.get('type') or 'model'}s", name))
    return Reply({})


@route("POST", f"{API}/preupload/(?P<revision>[^/]+)")
def preupload(request: Request, kind: str, name: str, revision: str) -> Reply:
    repo = request.repo(kind, name)
    request.need_user()
    there, answers = repo.tree(revision), []
    for file in request.json["files"]:
        large = file["size"] > REGULAR_MAX or file["path"].endswith(LFS_SUFFIXES)
        known = there[file["path"]].etag if file["path"] in there else None
        facts = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        answers.append(facts | {"oid": known})
    return Reply({"files": answers, "commitOid": repo.resolve(revision)})


@route("POST", WEB + r"\.git/info/lfs/objects/batch")
def lfs_batch(request: Request, kind: str, name: str) -> Reply:
    request.repo(kind, name)
    request.need_user()
    place = f"{request.base}/{repo_path(kind, name)}/_lfs"
    objects = []
    for asked in request.json["objects"]:
        there = {"href": f"{place}/{asked['oid']}", "header": {}}
        actions = {"download": there}
        if request.json["operation"] == "upload":
            verify = {"href": f"{there['href']}/verify", "header": {}}
            actions = {} if request.store.has(asked["oid"]) else {"upload": there, "verify": verify}
        objects.append(asked | ({"actions": actions} if actions else {}))
    return Reply({"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"})


@route("PUT", f"{WEB}/_lfs/(?P<oid>[0-9a-f]{{64}})")
def lfs_put(request: Request, kind: str, name: str, oid: str) -> Reply:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise Refused(400, "the content is not that of the SHA-256")
    request.store.put(request.body)
    return Reply({})


@route("POST", f"{WEB}/_lfs/(?P<oid>[0-9a-f]{{64}})/verify")
def lfs_verify(request: Request, kind: str, name: str, oid: str) -> Reply:
    if not request.store.has(oid) or len(request.store.get(oid)) != request.json["size"]:
        raise Refused(404, "no such object")
    return Reply({})


@route("GET", f"{API}/xet-(?P<mode>read|write)-token/(?P<revision>[^/]+)")
def xet_token(request: Request, kind: str, name: str, mode: str, revision: str) -> Reply:
    request.repo(kind, name)
    if request.stores is None or mode == "read":  # files are read by plain HTTP
        raise Refused(404, "no xet here")
    request.need_user()
    store, ends = request.stores / str(time.time_ns()), int(time.time()) + HOUR
    headers = {"X-Xet-Cas-Url": f"local://{store}", "X-Xet-Access-Token": "xet"}
    facts = {"casUrl": f"local://{store}", "accessToken": "xet", "exp": ends}
    return Reply(facts, headers=headers | {"X-Xet-Token-Expiration": str(ends)})


@route("POST", f"{API}/commit/(?P<revision>[^/]+)")
def commit(request: Request, kind: str, name: str, revision: str) -> Reply:
    repo, user = request.repo(kind, name), request.need_user()
    lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
    head, pull = lines[0]["value"], request.query.get("create_pr") == "1"
    if not (user.owns(name, kind) or pull or is_author(repo, revision, user)):
        raise Refused(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
    parent = repo.resolve(revision)
    if head.get("parentCommit") and not parent.startswith(head["parentCommit"]):
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    if not pull and revision not in repo.refs:
        raise Refused(400, f"{revision} is no branch")
    files = dict(repo.commits[parent].files)
    for line in lines[1:]:
        apply(request, files, line["key"], line["value"])
    text = head.get("description") or ""
    opened = repo.discuss(head["summary"], text, user.name, pull=True, base=parent) if pull else None
    ref = f"refs/pr/{opened.num}" if opened else revision
    oid = repo.add(ref, files, head["summary"], text, user.name)
    if ref.startswith("refs/pr/"):
        data = {"subject": head["summary"], "oid": oid}
        repo.discussion(int(ref.rpartition("/")[2])).add("commit", user.name, data)
    request.store.save(repo)
    facts = {"success": True, "commitOid": oid, "commitUrl": f"{web_of(request, repo)}/commit/{oid}"}
    return Reply(facts | ({"pullRequestUrl": f"{web_of(request, repo)}/discussions/{opened.num}"} if opened else {}))


def is_author(repo: Repo, revision: str, user: User) -> bool:
    """Whether a revision is the user's own pull request."""
    return revision.startswith("refs/pr/") and repo.discussion(int(revision[8:])).author == user.name


def apply(request: Request, files: dict[str, Any], key: str, value: dict[str, Any]) -> None:
    """One line of a commit."""
    if key == "file":
        files[value["path"]] = request.store.regular(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        if not request.store.has(value["oid"]) and request.stores and request.stores.is_dir():
            for content in fetch(request.stores, [value["oid"]]):
                request.store.put(content)
        if not request.store.has(value["oid"]):
            raise Refused(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
        files[value["path"]] = request.store.large(value["oid"])
    elif key in ("deletedFile", "deletedFolder"):
        path = value["path"].rstrip("/")
        gone = [file for file in files if file == path or (key == "deletedFolder" and file.startswith(f"{path}/"))]
        if not gone:
            raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        for file in gone:
            del files[file]
    else:
        raise Refused(400, f"the loopback Hub has no {key}")


@route("POST", f"{API}/tag/(?P<revision>[^/]+)")
def tag(request: Request, kind: str, name: str, revision: str) -> Reply:
    repo, made = request.owned(kind, name), request.json["tag"]
    if made in repo.tags:
        raise Refused(409, f"Tag {made} already exists")
    repo.tags[made] = repo.resolve(revision)
    request.store.save(repo)
    return Reply({})


@route("DELETE", f"{API}/tag/(?P<made>[^/]+)")
def delete_tag(request: Request, kind: str, name: str, made: str) -> Reply:
    repo = request.owned(kind, name)
    if repo.tags.pop(made, None) is None:
        raise Refused(404, f"no tag {made}", "RevisionNotFound")
    request.store.save(repo)
    return Reply({})


@route("POST", f"{API}/branch/(?P<made>[^/]+)")
def branch(request: Request, kind: str, name: str, made: str) -> Reply:
    repo = request.owned(kind, name)
    if made in repo.refs:
        raise Refused(409, f"Branch {made} already exists")
    repo.refs[made] = repo.resolve(request.json.get("startingPoint") or "main")
    request.store.save(repo)
    return Reply({})


@route("GET", "/_ci/id-token")
def ci_token(request: Request) -> Reply:
    """As the CI service, which tells who runs a job."""
    return Reply({"value": f"job for {request.query['audience']}"})


@route("POST", "/oauth/token")
def exchange(request: Request) -> Reply:
    """The token of a CI job against one that writes to a single repository."""
    asked = request.json
    if asked["subject_token"] != f"job for {request.base}" or "/" not in asked["resource"]:
        raise Refused(400, "invalid_grant")
    made = f"hf_jwt_{len(request.tokens)}"
    request.tokens[made] = User("[OIDC]", only=asked["resource"])
    return Reply({"access_token": made, "token_type": "bearer", "expires_in": HOUR})
