"""Models that answer by a function, for tests without a key or a network."""

from collections.abc import Callable
from typing import Any

from inspect_ai.model import ChatMessage, Model, ModelOutput, ModelUsage, get_model

from datasets_builder.miniature.teacher import reply

Answer = Callable[[list[ChatMessage]], str]


def mock(answer: Answer) -> Model:
    """A model that answers by a function; usage is set, or Inspect would fetch a tokenizer from the network."""

    def output(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        found = ModelOutput.from_content("mockllm/model", answer(messages))
        found.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return found

    return get_model("mockllm/model", custom_outputs=output)


def teach(messages: list[ChatMessage]) -> str:
    """The scripted teacher without slips."""
    return reply([{"role": m.role, "content": m.text} for m in messages], seed=1, slip=0.0, incidental=0.0)
