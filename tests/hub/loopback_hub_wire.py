"""Requests and replies of the loopback Hub, its table of routes, and who may do what."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

from loopback_hub_state import Refused, Repo, Store


class User(NamedTuple):
    """Who a token stands for; ``only`` is the one repository that a trusted publisher may write to."""

    name: str
    orgs: tuple[str, ...] = ()
    only: str | None = None

    def owns(self, repo: str, kind: str = "") -> bool:
        """Whether they may write to a repository."""
        if self.only is not None:
            return self.only == repo_path(kind, repo)
        return repo.split("/")[0] in (self.name, *self.orgs)


NOBODY = User("")


class Request(NamedTuple):
    """A request, read; ``base`` is the server's own address."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: User
    base: str
    store: Store
    stores: Path | None  # where hf_xet writes; None: no xet here
    page: int  # entries of a page, where clients follow pages
    tokens: dict[str, User]

    @property
    def json(self) -> Any:
        """The body."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refused(400, f"Invalid JSON: {error}") from None

    def need_user(self) -> User:
        """Who asks; refuses the nameless."""
        if self.user == NOBODY:
            raise Refused(401, "Invalid username or password.")
        return self.user

    def repo(self, kind: str, name: str) -> Repo:
        """A repository that the user may read."""
        repo = self.store.repos.get(f"{kind}/{name}")
        if repo is None or (repo.private and not self.user.owns(name, kind)):
            status = 401 if self.user == NOBODY else 404  # as the Hub: the nameless learn nothing
            raise Refused(status, "Repository not found", "RepoNotFound")
        return repo

    def owned(self, kind: str, name: str) -> Repo:
        """A repository that the user may write to."""
        repo, user = self.repo(kind, name), self.need_user()
        if not user.owns(name, kind):
            raise Refused(403, f"Forbidden: you must have write access to {name}")
        return repo


class Reply(NamedTuple):
    """An answer: JSON, or bytes as they are."""

    content: Any = None
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = {}

    @property
    def body(self) -> bytes:
        """What is sent."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


Answer = Callable[..., Reply]
ROUTES: list[tuple[str, re.Pattern[str], Answer]] = []
API = "/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
WEB = "/(?P<kind>datasets/|spaces/|)(?P<name>[^/]+/[^/]+)"


def route(method: str, path: str) -> Callable[[Answer], Answer]:
    """Enters a function for a path; the groups of the expression are its arguments."""

    def enter(answer: Answer) -> Answer:
        ROUTES.append((method, re.compile(path), answer))
        return answer

    return enter


def answer(request: Request) -> Reply:
    """Finds the route, and asks it; a HEAD is a GET whose body is not sent."""
    method = "GET" if request.method == "HEAD" else request.method
    for routed, path, function in ROUTES:
        if routed == method and (found := path.fullmatch(request.path)):
            groups = {key: unquote(value or "") for key, value in found.groupdict().items()}
            if "kind" in groups:
                groups["kind"] = groups["kind"].strip("/") or "models"
            return function(request, **groups)
    raise Refused(404, f"the loopback Hub has no {request.method} {request.path}")


def repo_path(kind: str, name: str) -> str:
    """As in addresses: models stand without their kind."""
    return name if kind == "models" else f"{kind}/{name}"


def paged(request: Request, entries: Sequence[Any]) -> Reply:
    """One page of a list; a Link header names the next."""
    start = int(request.query.get("cursor", 0))
    rest = {**request.query, "cursor": str(start + request.page)}
    link = f'<{request.base}{request.path}?{urlencode(rest)}>; rel="next"'
    more = len(entries) > start + request.page
    return Reply(list(entries[start : start + request.page]), headers={"Link": link} if more else {})
