"""Names of models: what may stand in public, which family they are of; and what a recipe must not hold.

Example: ``azureai/gpt-5`` and ``openai/o3`` are of one family, and a grader may like its own family's texts too well.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

_SECRET = re.compile(r"(?:^|[_-])(?:api_?key|key|access_token|auth_token|token|secret|password|authorization)$", re.I)
_SECRET_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$")
_FAMILIES = re.compile(
    r"chatgpt|gpt|claude|gemini|gemma|llama|qwen|qwq|mi[sx]tral|ministral|magistral|codestral|deepseek|grok|kimi"
    r"|olmo|granite|nemotron|smollm|(?<![a-z])(?:o[1-9]|phi|yi|glm|nova|command)(?![a-z])",
    re.I,
)
_SAME = {"chatgpt": "gpt", "o1": "gpt", "o3": "gpt", "o4": "gpt", "qwq": "qwen", "gemma": "gemini"} | dict.fromkeys(
    ("mixtral", "ministral", "magistral", "codestral"), "mistral"
)


def refuse_secrets(value: Any) -> Any:
    """The value, unless it holds a key: a recipe is published with the data."""
    if isinstance(value, str) and re.match(r"\w+://[^/]*@", value):
        raise PydanticCustomError("secret", "holds a user name or password; keys come from the environment only")
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if _SECRET.search(str(name)):
            raise PydanticCustomError(
                "secret", "holds {name}; keys come from the environment only", {"name": str(name)}
            )
        refuse_secrets(inner)
    return value


def own_secrets() -> dict[str, str]:
    """The variables of the environment that hold a key or the like, with their values."""
    return {name: value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name) and len(value) >= 8}


def hide_secrets(text: str) -> str:
    """The text with the secrets of the environment blotted out: servers repeat a key that they refuse."""
    for value in own_secrets().values():
        text = text.replace(value, "***")
    return text


def public_name(name: str) -> str:
    """A model's name without the paths of this machine that a local model's name, ``<base>:<adapter>``, may hold."""
    provider, slash, rest = name.partition("/")
    parts = [Path(part).name if part.startswith(("/", ".", "~")) else part for part in rest.split(":")]
    return f"{provider}{slash}{':'.join(parts)}"


def family_of(model_name: str) -> str:
    """The family of a model, whoever serves it: ``azureai/gpt-5`` and ``openai/o3`` are both gpt."""
    provider, _, rest = model_name.lower().partition("/")
    found = _FAMILIES.search(rest)
    return _SAME.get(found[0], found[0]) if found else f"{provider}/{re.split(r'[-_.:@]', rest)[0]}"


def warn_of_family(author: str, grader: str, role: str = "teacher") -> str | None:
    """One line when the grader is of the author's family, whose texts it may like too well; None for programs."""
    if author.startswith("scripted/") or grader.startswith("scripted/") or family_of(author) != family_of(grader):
        return None
    return f"warning: {role} {author} and grader {grader} are of one family; a grader of another is less partial"
