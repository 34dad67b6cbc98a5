"""The batch endpoints of both formats: OpenAI's files and batches, Anthropic's message batches.

    POST /v1/files, POST /v1/batches -> batch_1 in_progress ... completed -> GET /v1/files/batch_1-output/content
    POST /v1/messages/batches        -> batch_1 in_progress ... ended     -> GET /v1/messages/batches/batch_1/results

A batch is done when the last of its requests is answered. A refused one is told as the real servers do: OpenAI sends it
in a file of its own, as a response whose body is the error; Anthropic sends it among the results.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web
from loopback_wire import Body

FILES, BATCHES, MESSAGE_BATCHES = "/v1/files", "/v1/batches", "/v1/messages/batches"
DAY = timedelta(hours=24)

Answer = Callable[[str, str, Body], Awaitable[tuple[int, str]]]  # path of the batch, path, body -> status, body


@dataclass
class _Batch:
    """The requests of one batch, by the names that the client gave them, and what became of them."""

    id: str
    endpoint: str
    input_file: str
    requests: Sequence[tuple[str, Body]]
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    answers: list[tuple[str, int, Any]] = field(default_factory=list)
    done: bool = False

    def count(self, good: bool) -> int:
        """The requests that were answered, or refused."""
        return sum((status == 200) == good for _, status, _ in self.answers)


class Batches:
    """What the server keeps of files and batches; ``answer`` answers one request."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self.refusal = answer, ""  # what OpenAI's batches end with at once, if anything
        self._files: dict[str, str] = {}
        self._batches: dict[str, _Batch] = {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def sizes(self) -> list[int]:
        """How many requests each batch had, in order of arrival."""
        return [len(batch.requests) for batch in self._batches.values()]

    async def handle(self, request: web.BaseRequest) -> Body | str:
        """The body of the answer: an object, or lines of JSON.

        Raises:
            KeyError: There is no such path, batch or file.
            ValueError: The request has another form.
        """
        match request.method, request.path.removeprefix("/v1/").split("/"):
            case "POST", ["files"]:
                return await self._take_file(request)
            case "GET", ["files", name, "content"]:
                return self._files[name]
            case "POST", ["batches"]:
                asked = json.loads(await request.content.read())
                lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
                requests = [(line["custom_id"], line["body"]) for line in lines]
                return self._in_openai(self._begin(BATCHES, asked["endpoint"], asked["input_file_id"], requests))
            case "GET", ["batches", name]:
                return self._in_openai(self._batches[name])
            case "POST", ["messages", "batches"]:
                asked = json.loads(await request.content.read())
                requests = [(one["custom_id"], one["params"]) for one in asked["requests"]]
                return self._in_anthropic(self._begin(MESSAGE_BATCHES, "/v1/messages", "", requests), request)
            case "GET", ["messages", "batches", name]:
                return self._in_anthropic(self._batches[name], request)
            case "GET", ["messages", "batches", name, "results"]:
                return _lines([_result(*answer) for answer in self._batches[name].answers])
        raise KeyError(request.path)

    async def _take_file(self, request: web.BaseRequest) -> Body:
        name, content = f"file-{len(self._files)}", ""
        async for part in MultipartReader(request.headers, request.content):
            if isinstance(part, BodyPartReader) and part.name == "file":
                content = (await part.read()).decode()
        self._files[name] = content
        head = {"id": name, "object": "file", "bytes": len(content), "created_at": 0, "filename": "batch.jsonl"}
        return {**head, "purpose": "batch", "status": "processed"}

    def _begin(self, kind: str, endpoint: str, file: str, requests: Sequence[tuple[str, Body]]) -> _Batch:
        if not requests or len({name for name, _ in requests}) < len(requests):
            raise ValueError("a batch needs requests, each with a custom_id of its own")
        batch = self._batches[f"batch_{len(self._batches)}"] = _Batch(
            f"batch_{len(self._batches)}", endpoint, file, requests
        )
        if self.refusal:
            return batch
        task = asyncio.create_task(self._run(kind, batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return batch

    async def _run(self, kind: str, batch: _Batch) -> None:
        async def one(name: str, body: Body) -> tuple[str, int, Any]:
            status, text = await self._answer(kind, batch.endpoint, body)
            return name, status, json.loads(text)

        batch.answers = list(await asyncio.gather(*(one(name, body) for name, body in batch.requests)))
        for kind_of_file, good in (("output", True), ("error", False)):
            told = [answer for answer in batch.answers if (answer[1] == 200) == good]
            self._files[f"{batch.id}-{kind_of_file}"] = _lines([_response(*answer) for answer in told])
        batch.done = True

    def _in_openai(self, batch: _Batch) -> Body:
        files = {
            f"{kind}_file_id": f"{batch.id}-{kind}" if batch.done and batch.count(good) else None
            for kind, good in (("output", True), ("error", False))
        }
        counts = {"total": len(batch.requests), "completed": batch.count(True), "failed": batch.count(False)}
        head = {"id": batch.id, "object": "batch", "endpoint": batch.endpoint, "completion_window": "24h"}
        status = "failed" if self.refusal else "completed" if batch.done else "in_progress"
        errors = [{"code": "token_limit_exceeded", "message": self.refusal, "line": None, "param": None}]
        began = int(batch.began.timestamp())
        return {
            **head,
            **files,
            "input_file_id": batch.input_file,
            "status": status,
            "errors": {"object": "list", "data": errors} if self.refusal else None,
            "created_at": began,
            "request_counts": counts,
        }

    def _in_anthropic(self, batch: _Batch, request: web.BaseRequest) -> Body:
        waiting = len(batch.requests) - len(batch.answers)
        counts = {"processing": waiting, "succeeded": batch.count(True), "errored": batch.count(False)}
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if batch.done else "in_progress",
            "request_counts": {**counts, "canceled": 0, "expired": 0},
            "created_at": batch.began.isoformat(),
            "expires_at": (batch.began + DAY).isoformat(),
            "results_url": f"http://{request.host}{MESSAGE_BATCHES}/{batch.id}/results" if batch.done else None,
        }


def _response(name: str, status: int, body: Body) -> Body:
    """A line of OpenAI's output or error file."""
    return {"id": f"r-{name}", "custom_id": name, "response": {"status_code": status, "body": body}, "error": None}


def _result(name: str, status: int, body: Body) -> Body:
    """A line of Anthropic's results."""
    good = {"type": "succeeded", "message": body}
    return {"custom_id": name, "result": good if status == 200 else {"type": "errored", "error": body}}


def _lines(objects: Sequence[Body]) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)
