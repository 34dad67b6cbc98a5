"""A Hub on this machine for the real huggingface_hub, datasets and hf: files, commits, pull requests, tags.

    with LoopbackHub() as hub:
        hub.url, hub.repo("datasets", "dskill/mix"), hub.ledger.requests      # clients get HF_ENDPOINT=hub.url

    python tests/hub/loopback_hub.py --port 0 --folder STATE --ledger FILE    prints its URL; goes on from STATE

README.md says what it proves, and what it does not.
"""

import argparse
import shutil
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import loopback_hub_pulls  # noqa: F401  enters its routes
import loopback_hub_writes  # noqa: F401  enters its routes
from loopback_hub_ledger import Asked, Hook, Ledger, When
from loopback_hub_state import Refused, Repo, Store
from loopback_hub_wire import NOBODY, Reply, Request, User, answer

HOST = "127.0.0.1"
LIFETIME = 3600.0  # seconds after which a server of its own process stops by itself
TOKENS = {  # alice may write to dskill, bob may not; with "ci" a job asks its CI service who it is
    "hf_alice": User("alice", ("dskill",)),
    "hf_bob": User("bob"),
    "ci": NOBODY,
}


class LoopbackHub:
    """The server, in threads of its own between ``with`` and its end.

    Args:
        folder: Keeps all repositories there; in memory without one.
        ledger: A file for the ledger.
        xet: Whether clients can write by xet, in a folder that goes with the server.
        port: 0 takes a free one.
    """

    def __init__(
        self, *, folder: Path | None = None, ledger: Path | None = None, xet: bool = True, port: int = 0
    ) -> None:
        self.folder, self.port, self.page = folder, port, 1000
        self.store, self.ledger, self.tokens = Store(folder), Ledger(ledger), dict(TOKENS)
        self._xet = Path(tempfile.mkdtemp(prefix="loopback-xet-")) if xet else None

    @property
    def url(self) -> str:
        """What HF_ENDPOINT holds."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._server = Server((HOST, self.port), Handler)
        self._server.hub, self.port = self, self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.clear()
        self._server.shutdown()
        self._server.server_close()
        if self._xet:
            shutil.rmtree(self._xet, ignore_errors=True)

    def clear(self) -> None:
        """Forgets all repositories in memory, all tokens that were made, the ledger and its hooks."""
        self.ledger.clear()
        self.store, self.tokens, self.page = Store(self.folder), dict(TOKENS), 1000

    def repo(self, kind: str, name: str) -> Repo:
        """A repository: ``datasets`` or ``models``, and its name."""
        return self.store.repos[f"{kind}/{name}"]

    def hook(self, hook: Hook) -> Hook:
        """Adds a hook; the first that matches takes a request."""
        self.ledger.hooks.append(hook)
        return hook

    def ask(self, handler: "Handler") -> Request:
        """What came in."""
        where = urlsplit(handler.path)
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.tokens:
            raise Refused(401, "Invalid credentials in Authorization header")
        return Request(
            method=handler.command,
            path=where.path,
            query=dict(parse_qsl(where.query)),
            headers=handler.headers,
            body=handler.body,
            user=self.tokens.get(token, NOBODY),
            base=self.url,
            store=self.store,
            stores=self._xet,
            page=self.page,
            tokens=self.tokens,
        )


class Cut(Exception):
    """The connection ends here, without an answer."""


class Server(ThreadingHTTPServer):
    """Knows its hub; says nothing about clients that have gone."""

    hub: LoopbackHub
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients are killed here on purpose."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = -1, True  # head and body in one packet: two would cost 40 ms each
    server: Server
    body: bytes

    def do_GET(self) -> None:
        """Any request: read whole, held where a hook says so, answered, and entered in the ledger."""
        hub, user, number = self.server.hub, "", 0
        self.body = self.read_body()
        try:
            request = hub.ask(self)
            user, number = request.user.name, hub.ledger.number(request.user.name)
            self.meet(hub, user, number, "before")
            with hub.store.lock:
                reply = answer(request)
            self.meet(hub, user, number, "after")
        except Refused as no:
            code = {"X-Error-Code": no.name} if no.name else {}
            reply = Reply({"error": no.message}, no.status, {"X-Error-Message": no.message, **code})
        except Cut:
            hub.ledger.write(Asked(number, self.command, self.path, user, 0))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        hub.ledger.write(Asked(number, self.command, self.path, user, reply.status))
        self.send(reply)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def meet(self, hub: LoopbackHub, user: str, number: int, when: When) -> None:
        """Does what a hook wants."""
        if hook := hub.ledger.take(self.command, self.path, user, number, when):
            hook.hold()
            if hook.then == "cut":
                raise Cut
            if isinstance(hook.then, int):
                raise Refused(hook.then, "as a hook wants")

    def read_body(self) -> bytes:
        """The body, by length or in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send(self, reply: Reply) -> None:
        """The answer."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(reply.body))}
        self.send_response(reply.status)
        for name, value in {**headers, **reply.headers, "X-Request-Id": "loopback"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""


def main() -> None:
    """Serves until it is stopped, or until its lifetime ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--folder", type=Path, help="keeps all repositories; in memory without one")
    parser.add_argument("--ledger", type=Path, help="a file for the requests, one JSON line each")
    parser.add_argument("--no-xet", action="store_true", help="clients need HF_HUB_DISABLE_XET=1 then")
    given = parser.parse_args()
    with LoopbackHub(folder=given.folder, ledger=given.ledger, xet=not given.no_xet, port=given.port) as hub:
        print(hub.url, flush=True)
        threading.Event().wait(LIFETIME)


if __name__ == "__main__":
    main()
