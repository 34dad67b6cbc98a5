"""A server on this machine that speaks OpenAI chat completions and Anthropic messages, also in batches, with faults.

    with LoopbackLLM(faults=Faults(rate_limit=0.1), latency=Latency(median=0.3), seed=1) as server:
        server.openai_url, server.anthropic_url, server.ledger

    python tests/llm/loopback.py --port 0 --ledger FILE --faults '{"rate_limit": 0.1}'      prints its two URLs as JSON

It answers from the miniature's scripted teacher and grader. All that happens to a request is drawn from the seed, the
conversation and the number of its try, so that the order of arrival changes nothing.
"""

import argparse
import asyncio
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from loopback_answers import UNREADABLE, Answers, CannedAnswers, Messages, ScriptedAnswers, fit
from loopback_batch import BATCHES, FILES, MESSAGE_BATCHES, Batches
from loopback_chance import Fault, Faults, Latency, rng_of
from loopback_ledger import Entry, Ledger
from loopback_wire import WIRES, Body, Request, Wire, count_tokens

HOST = "127.0.0.1"
MAX_BODY = 10_000_000  # bytes
LIFETIME = 3600.0  # seconds after which a server of its own process stops by itself
PAGE = "<html><body><h1>502 Bad Gateway</h1>try again</body></html>"
MODELS = ("teacher", "grader")
FAULTS: dict[Fault, tuple[int, str, str]] = {  # fault -> status, kind, message
    "rate_limited": (429, "rate_limit_error", "too many requests, try again later"),
    "server_error": (500, "api_error", "internal server error"),
}


class LoopbackLLM:
    """The server, in a thread of its own between ``with`` and its end.

    Args:
        answers: Who answers; the scripted miniature of ``seed`` by default.
        faults: What goes wrong, and how often.
        latency: How long an answer takes.
        seed: Names all draws.
        varied: Whether the same conversation gets another answer each time, as from an LLM that samples; a request
            that carries a seed gets the answer of that seed in any case.
        key: The one API key that is accepted; any when None.
        ledger: A file for the ledger.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        *,
        answers: Answers | None = None,
        faults: Faults | None = None,
        latency: Latency | None = None,
        seed: int = 0,
        varied: bool = True,
        key: str | None = None,
        ledger: Path | None = None,
        port: int = 0,
    ) -> None:
        self.answers, self.faults = answers or ScriptedAnswers(seed), faults or Faults()
        self.latency, self.seed, self.varied, self.key, self.port = latency or Latency(), seed, varied, key, port
        self.ledger, self.batches = Ledger(ledger), Batches(self._answer_in_batch)
        self._tries, self._answered = Counter[str](), Counter[str]()
        self._ready, self._over = threading.Event(), asyncio.Event()

    @property
    def anthropic_url(self) -> str:
        """What ANTHROPIC_BASE_URL holds."""
        return f"http://{HOST}:{self.port}"

    @property
    def openai_url(self) -> str:
        """What OPENAI_BASE_URL holds, or <SERVICE>_BASE_URL."""
        return f"{self.anthropic_url}/v1"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self.serve(),), daemon=True)
        self._thread.start()
        if not self._ready.wait(timeout=30):
            raise RuntimeError("the loopback server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(timeout=30)
        self._loop.close()

    async def serve(self) -> None:
        """Answers until the end of ``with``, or until it is cancelled."""
        runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True, access_log=None))
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port, backlog=4096, shutdown_timeout=0.1)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()
        self.ledger.end()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/models":
            return _json(json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]}))
        batched = request.path.startswith((FILES, BATCHES, MESSAGE_BATCHES))
        if not batched and (request.path not in WIRES or request.method != "POST"):
            return _json(WIRES["/v1/messages"].error("not_found_error", f"no {request.path} here"), 404)
        wire = WIRES.get(request.path, WIRES["/v1/messages" if "messages" in request.path else "/v1/chat/completions"])
        if self.key not in (None, given := _key(request)):
            message = f"Incorrect API key provided: {given}"  # real servers repeat the key, or a part of it
            return _json(wire.error("authentication_error", message), 401)
        try:
            if batched:
                given = await self.batches.handle(request)
                return _json(given if isinstance(given, str) else json.dumps(given))
            asked = wire.read(json.loads(await request.content.read(MAX_BODY)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _json(wire.error("invalid_request_error", f"{type(error).__name__}: {error}"), 400)
        return await self._account(request.path, wire, asked, request)

    async def _answer_in_batch(self, batches: str, path: str, body: Body) -> tuple[int, str]:
        """Status and body of one request in a batch; its entry in the ledger has the path of the batches."""
        wire = WIRES[path]
        try:
            answer = await self._account(batches, wire, wire.read(body), None)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return 400, wire.error("invalid_request_error", f"{type(error).__name__}: {error}")
        assert isinstance(answer, web.Response) and answer.text is not None
        return answer.status, answer.text

    async def _account(
        self, path: str, wire: Wire, asked: Request, request: web.BaseRequest | None
    ) -> web.StreamResponse:
        """Answers, with an entry in the ledger whatever happens; without a ``request`` nothing befalls the line."""
        row, stage = self.answers.describe(asked.messages)
        entry = self.ledger.open(path, asked.model, _hash(asked.messages), row, stage)
        try:
            return await self._answer(request, wire, asked, entry)
        except asyncio.CancelledError:
            entry.outcome = "abandoned"  # the client has gone
            raise
        finally:
            self.ledger.close(entry)

    async def _answer(
        self, request: web.BaseRequest | None, wire: Wire, asked: Request, entry: Entry
    ) -> web.StreamResponse:
        self._tries[entry.messages] += 1
        rng = rng_of(self.seed, entry.messages, self._tries[entry.messages])
        if rng_of(self.seed, "broken", entry.row or asked.messages[0]["content"]).random() < self.faults.broken:
            return self._refuse(entry, 400, "broken", wire.error("invalid_request_error", "this row is refused"))
        fault = self.faults.draw(rng)
        if fault in FAULTS:
            status, kind, message = FAULTS[fault]
            after = {"retry-after": str(self.faults.retry_after)} if fault == "rate_limited" else {}
            return self._refuse(entry, status, fault, wire.error(kind, message), after)
        if delay := self.faults.stall_seconds if fault == "stalled" else self.latency.draw(rng):
            await asyncio.sleep(delay)
        try:
            body = self._reply(wire, asked, entry)
        except ValueError as error:
            return self._refuse(entry, 400, "not_answerable", wire.error("invalid_request_error", str(error)))
        kind = "text/event-stream" if asked.stream else "application/json"
        if fault is None or request is None:
            self._answered[entry.messages] += asked.n
            return _json(body, kind=kind)
        entry.outcome = fault
        if fault == "page":
            return _json(PAGE, kind="text/html")
        return _json(body[: len(body) // 2], kind=kind) if fault == "garbled" else await _break_off(request, body)

    def _reply(self, wire: Wire, asked: Request, entry: Entry) -> str:
        """The body of the answer, and its figures in the ledger."""
        texts = [self._text(asked, entry, index) for index in range(asked.n)]
        entry.status = 200
        entry.input_tokens, entry.output_tokens = asked.input_tokens, count_tokens(*texts)
        return wire.reply(entry.id, asked, texts)

    def _text(self, asked: Request, entry: Entry, index: int) -> str:
        number = self._answered[entry.messages] if self.varied else 0
        occasion = str(number + index) if asked.seed is None else f"seed {asked.seed} {index}"
        text = fit(self.answers.answer(asked.messages, occasion), asked.schema)
        entry.outcome = "answered"
        rng = rng_of(self.seed, "malformed", entry.messages, occasion)
        if rng.random() >= self.faults.malformed:
            return text
        entry.outcome = "malformed"
        return rng.choice(UNREADABLE["grader" if entry.stage == "grade" else "author"])

    def _refuse(
        self, entry: Entry, status: int, outcome: str, body: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        entry.status, entry.outcome = status, outcome
        return _json(body, status, headers)


async def _break_off(request: web.BaseRequest, body: str) -> web.StreamResponse:
    """Promises the whole body, sends half of it and ends the connection."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2].encode())
    if request.transport:
        request.transport.close()
    return response


def _json(body: str, status: int = 200, headers: dict[str, str] | None = None, kind: str = "") -> web.Response:
    return web.Response(text=body, status=status, headers=headers, content_type=kind or "application/json")


def _key(request: web.BaseRequest) -> str:
    return request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")


def _hash(messages: Messages) -> str:
    key = json.dumps([[message["role"], message["content"]] for message in messages])
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


@pytest.fixture
def llm_server() -> Iterator[LoopbackLLM]:
    """A server without faults."""
    with LoopbackLLM() as server:
        yield server


def main() -> None:
    """Serves in this process until it is ended, or its lifetime is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("port", "seed"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("faults", "latency", "scripted"):
        parser.add_argument(f"--{name}", type=json.loads, default={}, help="JSON object of the class's fields")
    for name in ("ledger", "canned"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--constant", action="store_true", help="the same answer to the same conversation, always")
    parser.add_argument("--seconds", type=float, default=LIFETIME)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: Any) -> None:
    answers: Answers = ScriptedAnswers(options.seed, **options.scripted)
    server = LoopbackLLM(
        answers=CannedAnswers.read(options.canned, answers) if options.canned else answers,
        faults=Faults(**options.faults),
        latency=Latency(**options.latency),
        seed=options.seed,
        varied=not options.constant,
        ledger=options.ledger,
        port=options.port,
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.to_thread(server._ready.wait, 30)
    print(json.dumps({"openai_url": server.openai_url, "anthropic_url": server.anthropic_url}), flush=True)
    await asyncio.wait([serving], timeout=options.seconds)
    serving.cancel()


if __name__ == "__main__":
    main()
