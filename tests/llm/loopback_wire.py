"""The two wire formats: OpenAI chat completions and Anthropic messages, as their own SDKs read and write them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

CHARACTERS_A_TOKEN = 4
Body = Mapping[str, Any]


class Request(NamedTuple):
    """What both formats say."""

    model: str
    messages: list[dict[str, str]]
    n: int
    seed: int | None
    stream: bool
    schema: Body | None  # the JSON schema that the answer must keep to

    @property
    def input_tokens(self) -> int:
        """Tokens of the conversation, by its length."""
        return count_tokens(*(message["content"] for message in self.messages))


class Wire(Protocol):
    """One format."""

    def read(self, body: Body) -> Request:
        """The request in a body.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: The body has another form.
        """

    def reply(self, number: int, request: Request, texts: Sequence[str]) -> str:
        """The body of an answer."""

    def error(self, kind: str, message: str) -> str:
        """The body of a refusal."""


class OpenAIWire:
    """/v1/chat/completions"""

    def read(self, body: Body) -> Request:
        """Checks what the real server would refuse."""
        if body.get("stream"):
            raise ValueError("this server does not stream chat completions")
        form = body.get("response_format") or {"type": "text"}
        if form["type"] not in ("text", "json_object", "json_schema"):
            raise ValueError(f"unknown response_format {form['type']!r}")
        schema = form["json_schema"]["schema"] if form["type"] == "json_schema" else None
        messages = [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
        return Request(body["model"], _some(messages), int(body.get("n") or 1), body.get("seed"), False, schema)

    def reply(self, number: int, request: Request, texts: Sequence[str]) -> str:
        """One choice for each text."""
        message = [{"role": "assistant", "content": text, "refusal": None} for text in texts]
        given, written = request.input_tokens, count_tokens(*texts)
        choices = [{"index": i, "message": m, "finish_reason": "stop", "logprobs": None} for i, m in enumerate(message)]
        usage = {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}
        head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "model": request.model}
        return json.dumps({**head, "choices": choices, "usage": usage})

    def error(self, kind: str, message: str) -> str:
        """As OpenAI words it."""
        return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}})


class AnthropicWire:
    """/v1/messages"""

    def read(self, body: Body) -> Request:
        """Checks what the real server would refuse."""
        if int(body["max_tokens"]) < 1:
            raise ValueError("max_tokens must be 1 or more")
        system = [{"role": "system", "content": _text(body["system"])}] if body.get("system") else []
        messages = [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
        schema = (body.get("output_format") or {}).get("schema")
        return Request(body["model"], system + _some(messages), 1, None, bool(body.get("stream")), schema)

    def reply(self, number: int, request: Request, texts: Sequence[str]) -> str:
        """One text; as server-sent events where the request asks for a stream."""
        usage = {"input_tokens": request.input_tokens, "output_tokens": count_tokens(*texts)}
        head = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": request.model}
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        if not request.stream:
            return json.dumps({**head, "content": [{"type": "text", "text": texts[0]}], **end, "usage": usage})
        empty: dict[str, Any] = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": empty},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": texts[0]}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}},
            {"type": "message_stop"},
        ]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

    def error(self, kind: str, message: str) -> str:
        """As Anthropic words it."""
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}})


WIRES: Mapping[str, Wire] = {"/v1/chat/completions": OpenAIWire(), "/v1/messages": AnthropicWire()}


def count_tokens(*texts: str) -> int:
    """Tokens by length, at least one."""
    return max(1, sum(map(len, texts)) // CHARACTERS_A_TOKEN)


def _text(content: str | Sequence[Body] | None) -> str:
    """The text of a message's content, which both formats also allow as a list of parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content or ())


def _some(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    if not any(message["role"] == "user" for message in messages):
        raise ValueError("messages: at least one of role user is required")
    return messages
