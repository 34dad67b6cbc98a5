"""One distilabel LLM for every provider, over Inspect's model API: its retries, limits, batches, cache and usage.

    llm = InspectLLM(model="openai/gpt-5", seed=0, options={"temperature": 0.7})
    llm.load(); await llm.agenerate([{"role": "user", "content": "..", "scope": "k2-00-0"}])

Keys come from the environment alone. An answer is cached under everything that names it: the messages, the options that
were set, and the scopes seed, row, sample, vote and try; the same run again asks for nothing that it has.
"""

import asyncio
import pickle
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from inspect_ai.model import (
    CachePolicy,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    cache_path,
)
from inspect_ai.model._cache import CacheEntry
from inspect_ai.model._model import use_model_event_sink
from pydantic import Field, PrivateAttr

from datasets_builder.batches import batch_refused, batch_workers, forget_traces
from datasets_builder.broken_answers import insist_on_whole_answers
from datasets_builder.ledger import Usage
from datasets_builder.meter import current_meter
from datasets_builder.model_access import MARKS_SCHEMA, cause_of, one_line, open_model, usage_of
from datasets_builder.model_names import public_name
from datasets_builder.models import SCOPE, STAGE, TRY, VOTE, WITHHELD
from datasets_builder.quiet_distilabel import AsyncLLM
from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError

MESSAGES = {"user": ChatMessageUser, "assistant": ChatMessageAssistant, "system": ChatMessageSystem}


class _Answer(NamedTuple):
    """One generation, or why there is none."""

    text: str | None
    error: str | None = None
    usage: Usage = Usage(0, 0)


class _Watch:
    """Stands by each request: asks the meter just before it is sent, and learns whether the cache had its answer.

    Inspect tells it of its events, which so stay out of a transcript that nobody reads outside an evaluation and that
    would grow with every request. It does so at each attempt, once there is a connection for it: a run that stops sends
    none of the requests that wait, for a connection or for another attempt.
    """

    def __init__(self, model: str) -> None:
        self.model, self.cached, self.request = model, False, None

    def on_pending(self, event: Any) -> None:
        """At the request, or instead of it."""
        self.cached, self.request = event.cache == "read", event
        if not self.cached and (meter := current_meter.get()):
            meter.admit(self.model)

    def on_complete(self, event: Any) -> None:
        """At the answer."""


class InspectLLM(AsyncLLM):  # type: ignore[misc]
    """A model by its Inspect name. The last message may carry the scopes of the request beside its content."""

    model: str
    seed: int
    options: dict[str, Any] = Field(default_factory=dict)
    model_args: dict[str, Any] = Field(default_factory=dict)
    base_url: str | None = None
    connections: int = 50
    max_retries: int = 10
    timeout: int | None = None
    batch: bool | int = False
    structured: bool = False

    _model: Model | None = PrivateAttr(None)
    _kept_in: Path = PrivateAttr(Path())

    @property
    def model_name(self) -> str:
        """The name that rows and prices go by; of a model in a folder only the folder's own name."""
        return public_name(self.model)

    def load(self) -> None:
        """Opens the model, once for all Tasks that share this LLM."""
        super().load()
        if self._model is None:
            self._model = open_model(self.model, self.base_url, self.model_args, self._config())
            self._kept_in = _cache_of(self._model)
            insist_on_whole_answers(self._model.api)
            if self.batch:
                forget_traces(self._model.api)

    def unload(self) -> None:
        """Lets go of the model: its connections belong to the event loop of one run."""
        self._model = None
        super().unload()

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """One request for each generation; a request that fails leaves None and its reason under ``errors``.

        Raises:
            DskillError: The budget is spent, or the provider does not take the key: no further request can succeed.
        """
        answers = await asyncio.gather(*(self._answer(input, sample) for sample in range(num_generations)))
        return {
            "generations": [answer.text for answer in answers],
            "errors": [answer.error for answer in answers],
            "statistics": {
                "input_tokens": [answer.usage.input_tokens for answer in answers],
                "output_tokens": [answer.usage.output_tokens for answer in answers],
            },
        }

    async def _answer(self, messages: list[dict[str, str]], sample: int) -> _Answer:
        watch, policy = _Watch(self.model_name), self._policy(messages[-1], sample)
        try:
            with use_model_event_sink(watch), batch_workers() if self.batch else nullcontext():
                output = await self._opened.generate(_to_chat(messages), cache=policy)
        except DskillError:
            raise
        except Exception as error:  # a provider can fail in any way
            cause = cause_of(error)
            self._stop_if_hopeless(cause)
            return _Answer(None, one_line(cause))
        usage = usage_of(output)
        if meter := current_meter.get():
            meter.record(self.model_name, messages[-1].get(STAGE, ""), usage, watch.cached)
        if not watch.cached:
            self._check_kept(watch.request, policy, output)
        return _read(output, usage)

    @property
    def _opened(self) -> Model:
        if self._model is None:
            raise DskillError(f"{self.model}: asked before load()")
        return self._model

    def _policy(self, last: Mapping[str, str], sample: int) -> CachePolicy:
        """Where the answer is kept. The expiry is part of Inspect's key, so it is always None."""
        scopes = {"row": last.get(SCOPE, ""), "vote": last.get(VOTE, "0"), "try": last.get(TRY, "0")}
        return CachePolicy(expiry=None, scopes={"seed": str(self.seed), "sample": str(sample), **scopes})

    def _check_kept(self, request: Any, policy: CachePolicy, output: ModelOutput) -> None:
        """Reads an answer that was paid for back, as a later run will: Inspect says nothing where it cannot write.

        Raises:
            OutsideError: It is not there, or not whole. Whatever came next would be paid for, and lost, as well.
        """
        if any(choice.stop_reason == "content_filter" for choice in output.choices):
            return  # Inspect keeps no answer that was withheld
        asked = {name: getattr(request, name) for name in ("config", "input", "model", "tool_choice", "tools")}
        entry = CacheEntry(base_url=self._opened.api.base_url, policy=policy, **asked)
        try:
            pickle.loads((self._kept_in / entry.key).read_bytes())
        except Exception as error:  # half of a pickle can fail in any way
            raise OutsideError(f"{self._kept_in}: an answer could not be kept; is the disk full? ({error})") from None

    def _config(self) -> GenerateConfig:
        settings: dict[str, Any] = {"max_retries": self.max_retries}
        if self.batch:  # its answers take hours: a request that ran out of time would be paid for, and sent again
            settings |= {"batch": self.batch}
        else:
            settings |= {"max_connections": self.connections, "attempt_timeout": self.timeout}
        settings |= {"response_schema": MARKS_SCHEMA} if self.structured else {}
        return GenerateConfig(**settings, **self.options)

    def _stop_if_hopeless(self, error: BaseException) -> None:
        if isinstance(error, Exception) and self._opened.api.is_auth_failure(error):
            raise OutsideError(f"{self.model_name}: the provider does not accept the key: {one_line(error)}") from None
        if batch_refused(error):
            raise OutsideError(f"{self.model_name}: the provider does not take the batch: {one_line(error)}") from None


def _cache_of(model: Model) -> Path:
    """The folder of a model's answers.

    Raises:
        UsageError: Inspect keeps none, because the name leads out of the cache.
    """
    try:
        return cache_path(str(model))
    except ValueError:
        name = public_name(str(model))
        raise UsageError(f"model {name!r}: name its folder by the full path, without . and ..") from None


def _read(output: ModelOutput, usage: Usage) -> _Answer:
    if output.empty or output.error:
        return _Answer(None, output.error or "the provider sent no answer", usage)
    if output.stop_reason == "content_filter" and not output.completion.strip():
        return _Answer(None, WITHHELD, usage)
    return _Answer(output.completion, None, usage)


def _to_chat(messages: list[dict[str, str]]) -> list[ChatMessage]:
    return [MESSAGES[message["role"]](content=message["content"]) for message in messages]
