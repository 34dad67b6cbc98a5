"""Routes of the loopback Hub for discussions and pull requests: open as a draft, comment, status, title, merge."""

from typing import Any

from loopback_hub_reads import web_of
from loopback_hub_state import Discussion, Refused, Repo
from loopback_hub_wire import API, Reply, Request, route

PAGE = 10  # discussions on a page


@route("POST", f"{API}/discussions")
def open_discussion(request: Request, kind: str, name: str) -> Reply:
    repo, user, asked = request.repo(kind, name), request.need_user(), request.json
    if not 3 <= len(asked["title"]) <= 200:
        raise Refused(400, "title must have 3 to 200 characters")
    pull = bool(asked.get("pullRequest"))
    made = repo.discuss(asked["title"], asked.get("description", ""), user.name, pull=pull)
    request.store.save(repo)
    return Reply({"num": made.num, "url": f"{web_of(request, repo)}/discussions/{made.num}", "pullRequest": pull})


@route("GET", f"{API}/discussions")
def list_discussions(request: Request, kind: str, name: str) -> Reply:
    repo, query = request.repo(kind, name), request.query
    found = [
        one
        for one in reversed(repo.discussions)
        if query.get("type", "all") in ("all", "pull_request" if one.base else "discussion")
        and query.get("author", one.author) == one.author
        and query.get("status", "all") in ("all", "open" if one.status in ("open", "draft") else "closed")
    ]
    start = int(query.get("p", 0)) * PAGE
    page = [listed(repo, one) for one in found[start : start + PAGE]]
    return Reply({"discussions": page, "count": len(found), "start": start, "numClosedDiscussions": 0})


def listed(repo: Repo, one: Discussion) -> dict[str, Any]:
    """A discussion as lists show it."""
    about = {"repo": {"name": repo.id, "type": repo.kind[:-1]}, "author": {"name": one.author}}
    facts = {"num": one.num, "title": one.title, "status": one.status, "createdAt": one.created}
    return facts | about | {"isPullRequest": one.base is not None}


@route("GET", API + r"/discussions/(?P<num>\d+)")
def show_discussion(request: Request, kind: str, name: str, num: str) -> Reply:
    repo = request.repo(kind, name)
    one = repo.discussion(int(num))
    facts = listed(repo, one) | {"events": one.events}
    if one.base:
        changes = {"base": "refs/heads/main"} | ({"mergeCommitId": one.merged} if one.merged else {})
        facts |= {"changes": changes, "diff": diff_of(repo, one)}
        facts |= {"filesWithConflicts": repo.conflicts(one) if one.status in ("open", "draft") else []}
    return Reply(facts)


def diff_of(repo: Repo, pull: Discussion) -> str:
    """The names of the changed files, in the heads of git's format."""
    base, mine = repo.tree(pull.base or ""), repo.tree(f"refs/pr/{pull.num}")
    changed = sorted(path for path in {*base, *mine} if base.get(path) != mine.get(path))
    return "".join(f"diff --git a/{path} b/{path}\n" for path in changed)


@route("POST", API + r"/discussions/(?P<num>\d+)/comment")
def comment(request: Request, kind: str, name: str, num: str) -> Reply:
    repo, user = request.repo(kind, name), request.need_user()
    event = repo.discussion(int(num)).say(user.name, request.json["comment"])
    request.store.save(repo)
    return Reply({"newMessage": event})


@route("POST", API + r"/discussions/(?P<num>\d+)/title")
def rename(request: Request, kind: str, name: str, num: str) -> Reply:
    repo, one = changeable(request, kind, name, num)
    event = one.add("title-change", request.user.name, {"from": one.title, "to": request.json["title"]})
    one.title = request.json["title"]
    request.store.save(repo)
    return Reply({"newTitle": event})


@route("POST", API + r"/discussions/(?P<num>\d+)/status")
def change_status(request: Request, kind: str, name: str, num: str) -> Reply:
    repo, one = changeable(request, kind, name, num)
    if one.status == "merged":
        raise Refused(400, "This pull request is merged")
    event = one.become(request.user.name, request.json["status"])
    if request.json.get("comment"):
        one.say(request.user.name, request.json["comment"])
    request.store.save(repo)
    return Reply({"newStatus": event})


@route("POST", API + r"/discussions/(?P<num>\d+)/merge")
def merge(request: Request, kind: str, name: str, num: str) -> Reply:
    repo = request.owned(kind, name)
    oid = repo.merge(repo.discussion(int(num)), request.user.name)
    request.store.save(repo)
    return Reply({"mergeCommitId": oid})


def changeable(request: Request, kind: str, name: str, num: str) -> tuple[Repo, Discussion]:
    """A discussion that the user opened, or whose repository is theirs."""
    repo, user = request.repo(kind, name), request.need_user()
    one = repo.discussion(int(num))
    if not user.owns(name, kind) and one.author != user.name:
        raise Refused(403, "Forbidden: this discussion is not yours")
    return repo, one
