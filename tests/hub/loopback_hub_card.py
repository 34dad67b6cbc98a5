"""The loopback Hub's check of a README's YAML header: the rules that the Hub documents, in one table.

The Hub's own check is stricter than its documents say; what passes here may still be refused there.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

HEADER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
SIZES = ("n<1K", *(f"{low}<n<{high}" for low, high in pairwise(STEPS)), "n>1T")
ANNOTATORS = ("found", "crowdsourced", "expert-generated", "machine-generated", "no-annotation", "other")


class Rule(NamedTuple):
    """A key, whose cards it is for (empty: all), and what is wrong with a value."""

    key: str
    repo_type: str
    faults: Callable[[Any], Iterator[str]]


def texts(value: Any) -> Iterator[str]:
    if not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        yield "must be a string or a list of strings"


def text(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield "must be a string"


def tags(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or any(not isinstance(one, str) or len(one) > 200 for one in value):
        yield "must be a list of strings of at most 200 characters"


def languages(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if not (isinstance(one, str) and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]+)?|code|multilingual", one)):
            yield f"{one!r}: must be an ISO 639 code"


def among(allowed: tuple[str, ...]) -> Callable[[Any], Iterator[str]]:
    def check(value: Any) -> Iterator[str]:
        for one in value if isinstance(value, list) else [value]:
            if one not in allowed:
                yield f"{one!r}: must be one of {', '.join(allowed)}"

    return check


def configs(value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield "must be a list"
        return
    names = [one.get("config_name") if isinstance(one, dict) else None for one in value]
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name:
            yield f"[{place}].config_name: is required"
    if len({*names}) < len(names):
        yield "config_name: stands here twice"
    if sum(bool(isinstance(one, dict) and one.get("default")) for one in value) > 1:
        yield "default: may be true for one only"


def infos(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or (isinstance(value, list) and "config_name" not in one):
            yield "must be a mapping, or a list of mappings with config_name"


RULES = (
    Rule("license", "", texts),
    Rule("license_name", "", text),
    Rule("pretty_name", "", text),
    Rule("tags", "", tags),
    Rule("language", "", languages),
    Rule("size_categories", "dataset", among(SIZES)),
    Rule("annotations_creators", "dataset", among(ANNOTATORS)),
    Rule("configs", "dataset", configs),
    Rule("dataset_info", "dataset", infos),
    Rule("base_model", "model", texts),
    Rule("datasets", "model", texts),
    Rule("library_name", "model", text),
    Rule("model-index", "model", lambda value: iter(() if isinstance(value, list) else ("must be a list",))),
)


def header_of(content: str) -> Any:
    """The YAML header of a README; None without one.

    Raises:
        yaml.YAMLError: It is broken.
    """
    found = HEADER.match(content)
    return yaml.safe_load(found[1]) if found else None


def judge(content: str, repo_type: str) -> tuple[list[str], list[str]]:
    """Errors and warnings for a README."""
    try:
        header = header_of(content)
    except yaml.YAMLError as error:
        return [f"YAML metadata: {' '.join(str(error).split())}"], []
    if header is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(header, dict):
        return ["YAML metadata: must be keys and values"], []
    rules = [rule for rule in RULES if rule.key in header and rule.repo_type in ("", repo_type)]
    errors = [f'"{rule.key}" {fault}' for rule in rules for fault in rule.faults(header[rule.key])]
    if header.get("license") == "other" and not header.get("license_name"):
        errors.append('"license_name" is required where license is other')
    return errors, [] if "license" in header else ["no license in the metadata"]
