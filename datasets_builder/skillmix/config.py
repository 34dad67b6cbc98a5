"""Reads a YAML file into a strict model; every fault becomes one line with file, line or key, and the cure."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

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
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise UsageError(f"{path}: no such file{near(path.name, siblings)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    except ValueError as error:  # a NUL in the path
        raise UsageError(f"{path}: holds a value that cannot be read: {error}") from None


def parse_yaml(text: str, name: str) -> Any:
    """The content of YAML text that is called ``name`` in errors (aliases, tags and repeated keys refused).

    Raises:
        UsageError: Broken YAML, with its line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UsageError(f"{name}:{line}: broken YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{name}: broken YAML: {' '.join(str(error).split())}") from None
    except (ValueError, RecursionError) as error:  # 2024-99-99, 0x_, 5,000 digits, 10,000 brackets
        raise UsageError(f"{name}: holds a value that cannot be read: {error}") from None


def key_lines(text: str) -> dict[tuple[str | int, ...], int]:
    """The line of every key and item of sound YAML text, by its place, such as ``("examples", 2)``."""
    return dict(_key_lines(yaml.compose(text, Loader=_Loader), ()))


def _key_lines(node: yaml.Node | None, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        entries = [(key.value, key, value) for key, value in node.value]
    else:
        entries = [(i, item, item) for i, item in enumerate(node.value)] if isinstance(node, yaml.SequenceNode) else []
    for part, marked, inner in entries:
        yield (*place, part), marked.start_mark.line + 1
        yield from _key_lines(inner, (*place, part))


def read_config(model: type[Model], path: Path) -> Model:
    """A YAML file as a validated model.

    Raises:
        UsageError: The first fault, as ``file: key 'a.b': what is wrong``; unknown keys name the near match.
    """
    return check_config(model, read_yaml(path), str(path))


def check_config(model: type[Model], content: Any, name: str) -> Model:
    """Content that was read as a validated model; ``name`` stands in errors.

    Raises:
        UsageError: As ``read_config``.
    """
    if not isinstance(content, dict):
        raise UsageError(
            f"{name}: expected keys and values ({', '.join(model.model_fields)}), got {type(content).__name__}"
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{name}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first fault; the count of further ones is told, not hidden."""
    faults = sorted(
        error.errors(), key=lambda fault: fault["type"] != "extra_forbidden"
    )  # a misspelt key explains a missing one
    return explain_fault(faults[0], model) + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def explain_fault(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong, after the key."""
    where = key_of(fault)
    if fault["type"] == "extra_forbidden":
        return f"unknown key {where!r}{near(str(fault['loc'][-1]), _keys_at(model, fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"key {where!r} is missing"
    got = "" if fault["type"] == "secret" else f", got {fault['input']!r:.80}"  # what must not be shown, is not
    return f"key {where!r}: {fault['msg'].removeprefix('Value error, ')}{got}"


def key_of(fault: ErrorDetails) -> str:
    """The key that a fault is at, as ``near_miss.text``."""
    return ".".join(str(part) for part in fault["loc"] if not _is_tag(part))  # a tag names a member of a union


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
