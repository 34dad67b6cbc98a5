"""What the loopback Hub was asked, in order, and what is to happen to a request: held, cut, or refused."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Matches = Callable[[str, str, str, int], bool]
When = Literal["before", "after"]  # the Hub has done what a request asks for


class Asked(NamedTuple):
    """One request, by its number among those of its user, with the status of its answer; 0 when it got none."""

    number: int
    method: str
    path: str
    user: str
    status: int


class Hook:
    """Holds the matching request until ``go`` is set, then lets it through, cuts its connection, or refuses it.

    Args:
        matches: Decides by method, path, user, and the request's number among those of its user.
        when: Before the Hub does what is asked for, or when it is done and the answer is due.
        then: ``through``, ``cut``, or the status of a refusal.
        times: How many requests it takes.
    """

    def __init__(
        self,
        matches: Matches,
        when: When = "before",
        then: Literal["through", "cut"] | int = "through",
        times: int = 1,
    ) -> None:
        self.matches, self.when, self.then, self.times = matches, when, then, times
        self.reached, self.go = threading.Event(), threading.Event()

    def hold(self) -> None:
        """Tells that a request is here, and waits."""
        self.reached.set()
        self.go.wait(timeout=60)


def on(method: str, path: str) -> Matches:
    """Matches requests by method, and by an expression that is found in the path."""
    return lambda asked, there, _user, _number: asked == method and re.search(path, there) is not None


class Ledger:
    """All requests since it was emptied, and the hooks."""

    def __init__(self, path: Path | None = None) -> None:
        self.requests: list[Asked] = []
        self.hooks: list[Hook] = []
        self._file = path.open("a", encoding="utf-8") if path else None
        self._lock, self._counts = threading.Lock(), Counter[str]()

    def clear(self) -> None:
        """Empties it; hooks go too, and what they hold goes on."""
        with self._lock:
            for hook in self.hooks:
                hook.go.set()
            self.requests, self.hooks, self._counts = [], [], Counter()

    def number(self, user: str) -> int:
        """A request's number among those of its user, from 1."""
        with self._lock:
            self._counts[user] += 1
            return self._counts[user]

    def take(self, method: str, path: str, user: str, number: int, when: When) -> Hook | None:
        """The hook for a request at this moment."""
        with self._lock:
            for hook in self.hooks:
                if hook.times and hook.when == when and hook.matches(method, path, user, number):
                    hook.times -= 1
                    return hook
        return None

    def write(self, asked: Asked) -> None:
        """Adds a request that is over."""
        with self._lock:
            self.requests.append(asked)
            if self._file:
                self._file.write(json.dumps(asked._asdict()) + "\n")
                self._file.flush()

    def find(self, method: str, path: str) -> Iterator[Asked]:
        """Requests by method, and by an expression that is found in the path."""
        return (one for one in self.requests if one.method == method and re.search(path, one.path))
