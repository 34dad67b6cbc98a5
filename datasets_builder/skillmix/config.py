"""Reads a YAML file into a strict model; every fault becomes one line with file, line or key, and the cure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets_builder.skillmix.errors import UsageError, near

MAX_BYTES = 1_000_000  # a recipe or skill is a few kB; YAML bombs and wrong files stop here


class Strict(BaseModel):
    """Base of all models read from files: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that also refuses aliases, tags, and a key that is repeated or is no scalar.

    None has a use in our files. Aliases can grow without bound; tags reach constructors that fail in their own ways.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=event.start_mark)
        if getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="tags (!name) are not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be one word or text", problem_mark=key_node.start_mark)
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key_node.value!r} stands here twice", problem_mark=key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of one YAML file (aliases, tags and repeated keys refused).

    Raises:
        UsageError: No such file, not UTF-8, too large, or broken YAML (with its line).
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: larger than {MAX_BYTES} bytes; is this really a YAML recipe?")
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise UsageError(f"{path}: no such file{near(path.name, siblings)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UsageError(f"{path}:{line}: broken YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: broken YAML: {' '.join(str(error).split())}") from None
    except (ValueError, RecursionError) as error:  # 2024-99-99, 0x_, 5,000 digits, 10,000 brackets, a NUL in the path
        raise UsageError(f"{path}: holds a value that cannot be read: {error}") from None


def read_config(model: type[Model], path: Path) -> Model:
    """A YAML file as a validated model.

    Raises:
        UsageError: The first fault, as ``file: key 'a.b': what is wrong``; unknown keys name the near match.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UsageError(
            f"{path}: expected keys and values ({', '.join(model.model_fields)}), got {type(content).__name__}"
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{path}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first fault; the count of further ones is told, not hidden."""
    faults = sorted(
        error.errors(), key=lambda fault: fault["type"] != "extra_forbidden"
    )  # a misspelt key explains a missing one
    fault = faults[0]
    where = ".".join(str(part) for part in fault["loc"] if not _is_tag(part))  # a tag names a member of a union
    if fault["type"] == "extra_forbidden":
        text = f"unknown key {where!r}{near(str(fault['loc'][-1]), _keys_at(model, fault['loc'][:-1]))}"
    elif fault["type"] == "missing":
        text = f"key {where!r} is missing"
    else:
        got = "" if fault["type"] == "secret" else f", got {fault['input']!r:.80}"  # what must not be shown, is not
        text = f"key {where!r}: {fault['msg'].removeprefix('Value error, ')}{got}"
    return text + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _keys_at(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """The keys that the model nested at ``location`` knows; all keys of all nested models when unsure."""
    models = [model]
    for part in location:
        nested = [m for known in models if part in known.model_fields for m in _models_in(known, str(part))]
        models = nested or models
    return [name for known in models for name in known.model_fields]


def _models_in(model: type[BaseModel], field: str) -> list[type[BaseModel]]:
    """The models inside a field's annotation, such as ``dict[str, Arm]``, ``Arm | None`` or a tagged union."""
    found: list[type[BaseModel]] = []
    waiting = [model.model_fields[field].annotation]
    while waiting:
        annotation: Any = waiting.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        waiting += getattr(annotation, "__args__", ())
    return found


def _is_tag(part: str | int) -> bool:
    """Whether a part of a fault's place is the tag of a member of a union, ``<model>``, and no key of the file."""
    return isinstance(part, str) and part.startswith("<")
