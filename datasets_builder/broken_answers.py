"""Answers with status 200 that are none: an error page of something before the server, a body or a stream cut short.

Inspect does not ask again after these, as it does after a 500, and keeps the beginning of a stream for an answer. Here
they become an error that it asks again after, as often and as patiently as after any other.
"""

from json import JSONDecodeError
from typing import Any

from inspect_ai.model import ModelAPI, ModelCall, RetryDecision


class BrokenAnswerError(Exception):
    """The provider's answer could not be read, or broke off."""


def insist_on_whole_answers(api: ModelAPI) -> None:
    """Makes a provider, this one object of it, take a broken answer for a failure that may pass."""
    generate, should_retry = api.generate, api.should_retry

    async def generate_whole(*args: Any, **options: Any) -> Any:
        try:
            answer = await generate(*args, **options)
        except (JSONDecodeError, AssertionError) as error:  # what is no JSON, and what Inspect takes for impossible
            raise BrokenAnswerError(f"the answer cannot be read: {str(error) or 'it has another form'}") from error
        if isinstance(answer, tuple) and _broke_off(answer[1]):
            raise BrokenAnswerError("the answer broke off before its end")
        return answer

    def should_retry_broken(ex: Exception) -> bool | RetryDecision:
        return isinstance(ex, BrokenAnswerError) or should_retry(ex)

    api.generate, api.should_retry = generate_whole, should_retry_broken  # type: ignore[method-assign]


def _broke_off(call: ModelCall | None) -> bool:
    """Whether a message of Anthropic's form lacks the reason of its end, which comes last in the stream."""
    response = call.response if call else None
    return isinstance(response, dict) and response.get("stop_reason", "") is None
