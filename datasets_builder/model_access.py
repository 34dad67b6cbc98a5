"""Every provider through Inspect's model API: opened, checked before a run, and what it says in one line.

Building (inspect_llm.py) and evaluation both come through here.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inspect_ai.model import GenerateConfig, Model, ModelOutput, ResponseSchema, get_model
from inspect_ai.util import JSONSchema

from datasets_builder.ledger import Usage
from datasets_builder.model_names import hide_secrets, public_name
from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError

LOCAL: Mapping[str, tuple[str, ...]] = {  # providers that load a model when they are made, and the packages they need
    "hf": ("torch", "transformers", "accelerate"),
    "vllm": ("vllm", "openai"),
    "sglang": ("sglang", "openai"),
}
STRUCTURED = frozenset({"openai", "anthropic", "google", "grok", "groq", "mistral", "vllm", "sglang"})
MARKS_SCHEMA = ResponseSchema(  # the same for every combination: providers keep a schema ready that they have seen
    name="marks",
    strict=True,
    json_schema=JSONSchema(
        type="object",
        properties={
            "marks": JSONSchema(
                type="array",
                items=JSONSchema(
                    type="object",
                    properties={"id": JSONSchema(type="string"), "mark": JSONSchema(type="integer", enum=[0, 1])},
                    required=["id", "mark"],
                    additionalProperties=False,
                ),
            )
        },
        required=["marks"],
        additionalProperties=False,
    ),
)

_MARKUP = re.compile(r"\[/?[a-z ]+\]")


def open_model(name: str, base_url: str | None, model_args: Mapping[str, Any], config: GenerateConfig) -> Model:
    """The Inspect model; every fault in it, such as a key that is not set, is one line.

    Raises:
        UsageError: There is no such provider, or it does not take an argument.
        OutsideError: A key, a package, a server or the model's files are missing.
    """
    try:
        return get_model(name, base_url=base_url, config=config, memoize=False, **model_args)
    except DskillError:  # of a provider of our own
        raise
    except (ValueError, TypeError) as error:  # no such provider, or it does not know an argument
        raise UsageError(f"model {public_name(name)!r}: {one_line(error, kind=False)}") from None
    except Exception as error:  # among them Inspect's PrerequisiteError
        fault = re.sub(r"^ERROR: Unable to initiali[sz]e .*? client ", "", one_line(error, kind=False))
        raise OutsideError(f"model {public_name(name)!r}: {fault.removeprefix('ERROR: ')}") from None


def check_model(name: str, base_url: str | None, model_args: Mapping[str, Any]) -> None:
    """Finds out before a run whether a model can be asked, without loading weights or sending anything.

    Raises:
        UsageError: There is no such provider or folder.
        OutsideError: The provider's key or package is missing; the message names it.
    """
    provider, _, rest = name.partition("/")
    if provider not in LOCAL:
        open_model(name, base_url, model_args, GenerateConfig())
        return
    if base_url is None and (missing := [package for package in LOCAL[provider] if find_spec(package) is None]):
        raise OutsideError(f"model {public_name(name)!r}: package {missing[0]!r} is missing; pip install {missing[0]}")
    if rest.startswith(("/", ".")) and not Path(rest).is_dir():
        raise UsageError(f"model {public_name(name)!r}: its folder does not exist")


def usage_of(output: ModelOutput) -> Usage:
    """The tokens of one answer; those read from the provider's prompt cache are counted in the input as well."""
    if output.usage is None:
        return Usage(0, 0)
    cached = output.usage.input_tokens_cache_read or 0
    written = output.usage.input_tokens_cache_write or 0
    return Usage(output.usage.input_tokens + cached + written, output.usage.output_tokens, cached)


def cause_of(error: BaseException) -> BaseException:
    """What a provider said, without the wrappers of retries and of Inspect, which quote the whole request."""
    attempt = getattr(error, "last_attempt", None)  # tenacity's RetryError
    inner = attempt.exception() if attempt is not None else None
    if inner is None and type(error).__name__ == "ModelGenerateError":
        inner = error.__cause__
    return cause_of(inner) if isinstance(inner, BaseException) else error


def one_line(error: BaseException, *, kind: bool = True) -> str:
    """The error's text on one line, without any secret of the environment."""
    text = hide_secrets(" ".join(_MARKUP.sub("", str(getattr(error, "message", "") or error)).split()))
    return f"{type(error).__name__}: {text}" if kind else text
