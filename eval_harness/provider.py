"""The Inspect model provider ``folder/<path>``: a local checkpoint folder, batched without waiting.

    inspect eval dskill/skillmix -T k=3 --model folder/runs/k12/checkpoint --max-connections 256

A batch is whatever waits when the model is free, so no request waits for stragglers. Inspect's own ``hf`` provider
waits up to 2 s for a batch to fill, which costs more than the texts of a 1M-parameter model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from datasets_builder.skillmix.errors import UsageError
from eval_harness.checkpoint import check_folder
from eval_harness.sampling import Reply, Request, Sampler

BATCH = 256
MAX_TOKENS = 512
UNSUPPORTED = ("top_p", "top_k", "num_choices", "stop_seqs", "frequency_penalty", "presence_penalty", "logprobs")


class _Pending:
    """A request, and later its reply or the error of the batch that held it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.reply: Reply | Exception | None = None


class FolderAPI(ModelAPI):
    """Texts from one checkpoint folder; see ``check_folder`` for what must be in it."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's signature)
        device: str = "cpu",
        batch_size: int = BATCH,
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if model_args:
            unknown = next(iter(model_args))
            raise UsageError(f"folder/{model_name}: unknown model argument {unknown!r} (known: device, batch_size)")
        check_folder(Path(model_name))
        self.sampler = Sampler(Path(model_name), device)
        self.batch_size = batch_size
        self._waiting: list[_Pending] = []
        self._free = anyio.Lock()

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """One text. Of the requests that queue for the model, the first to get it runs the batch for all."""
        pending = _Pending(self._request(input, config))
        self._waiting.append(pending)
        async with self._free:
            while pending.reply is None:
                batch, self._waiting = self._waiting[: self.batch_size], self._waiting[self.batch_size :]
                await run_sync(self._run, batch)
        if isinstance(pending.reply, Exception):
            raise pending.reply
        return self._output(pending.reply)

    def max_connections(self) -> int:
        """A full batch while another runs."""
        return 2 * self.batch_size

    def max_tokens(self) -> int:
        """Tokens of a text where the evaluation sets no limit."""
        return MAX_TOKENS

    def connection_key(self) -> str:
        """Each folder has its own queue."""
        return self.model_name

    def _run(self, batch: list[_Pending]) -> None:
        try:
            replies: Sequence[Reply | Exception] = self.sampler.sample([pending.request for pending in batch])
        except Exception as error:  # every request of the batch must learn of it, or it would run again with the next
            replies = [error] * len(batch)
        for pending, reply in zip(batch, replies, strict=True):
            pending.reply = reply

    def _request(self, messages: list[ChatMessage], config: GenerateConfig) -> Request:
        if ignored := next((name for name in UNSUPPORTED if getattr(config, name) is not None), None):
            raise UsageError(f"folder/{self.model_name}: no {ignored!r} here, only temperature, seed and max_tokens")
        turns = tuple((message.role, message.text) for message in messages)
        heat = 1.0 if config.temperature is None else config.temperature
        return Request(turns, config.seed or 0, heat, config.max_tokens or MAX_TOKENS)

    def _output(self, reply: Reply) -> ModelOutput:
        message = ChatMessageAssistant(content=reply.text, model=self.model_name, source="generate")
        usage = ModelUsage(
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            total_tokens=reply.input_tokens + reply.output_tokens,
        )
        choice = ChatCompletionChoice(message=message, stop_reason=reply.stop)
        return ModelOutput(model=self.model_name, choices=[choice], usage=usage)
