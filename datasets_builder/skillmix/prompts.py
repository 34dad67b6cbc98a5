"""Renders the three prompts (generate, revise, grade) and reads the answers back.

A prompt set is a folder with generate.txt, revise.txt and grade.txt (Jinja2, sandboxed), versioned by its hash.
The templates see ``skills`` (name, definition, examples), ``topic``, ``limit``, ``k``, ``criteria`` and, to grade,
``text``.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.rubric import criteria, sentence_limit

SHIPPED = Path(__file__).resolve().parent.parent / "prompts"
PARTS = ("generate", "revise", "grade")


@dataclass(frozen=True)
class PromptSet:
    """The templates of one prompt folder, bound to a catalogue."""

    sources: Mapping[str, str]
    catalogue: Catalogue

    @cached_property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 over the three templates."""
        return hashlib.sha256("\0".join(self.sources[part] for part in PARTS).encode()).hexdigest()[:12]

    def generate(self, combination: Combination) -> str:
        """Turn 1: the request for a text."""
        return self._environment.get_template("generate").render(self._slots(combination)).strip()

    def revise(self, combination: Combination) -> str:
        """Turn 2: the author is sent back to the text, now with the sentence limit."""
        return self._environment.get_template("revise").render(self._slots(combination)).strip()

    def grade(self, combination: Combination, text: str) -> str:
        """The grader's prompt: the k + 3 criteria and the text, which is data and never an instruction."""
        return self._environment.get_template("grade").render(self._slots(combination), text=text).strip()

    @cached_property
    def _environment(self) -> Environment:
        return ImmutableSandboxedEnvironment(loader=DictLoader(self.sources), undefined=StrictUndefined)

    def _slots(self, combination: Combination) -> dict[str, Any]:
        return {
            "skills": [self.catalogue.skills[slug] for slug in combination.skills],
            "topic": self.catalogue.topics[combination.topic].name,
            "limit": sentence_limit(combination.k),
            "k": combination.k,
            "criteria": criteria(combination.skills),
        }


def load_prompts(name: str | Path, catalogue: Catalogue) -> PromptSet:
    """A shipped prompt set by its name, or any by its folder; every template is rendered once as a check.

    Raises:
        UsageError: A template is missing, broken, or uses a name that no template sees.
    """
    own = any((Path(name) / f"{part}.txt").is_file() for part in PARTS)  # not any folder that bears the name of a set
    folder = Path(name) if own else SHIPPED / str(name)
    if not folder.is_dir():
        shipped = sorted(p.name for p in SHIPPED.iterdir() if p.is_dir())
        raise UsageError(
            f"no prompts {str(name)!r}{near(str(name), shipped)} (shipped: {', '.join(shipped)}; or give a folder)"
        )
    if missing := [part for part in PARTS if not (folder / f"{part}.txt").is_file()]:
        raise UsageError(
            f"{folder}: {missing[0]}.txt is missing; a prompt set has {', '.join(f'{p}.txt' for p in PARTS)}"
        )
    prompts = PromptSet({part: _read_template(folder / f"{part}.txt") for part in PARTS}, catalogue)
    probe = Combination((next(iter(catalogue.skills)),), next(iter(catalogue.topics)))
    for part in PARTS:
        try:
            prompts.grade(probe, "text") if part == "grade" else getattr(prompts, part)(probe)
        except Exception as error:  # whatever an expression of the template can raise is the template's fault
            raise UsageError(f"{folder}/{part}.txt: {error}") from None
    return prompts


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}") from None


def read_text(reply: str | None) -> str | None:
    """The text in an author's answer, or None when there is none."""
    text = (reply or "").strip()
    return text or None


def read_marks(reply: str | None, combination: Combination) -> dict[str, bool] | None:
    """The k + 3 marks in a grader's JSON answer, or None when it is unreadable.

    A criterion that is missing, unknown, given twice or neither 0 nor 1 makes the whole vote unreadable: never a silent
    zero.
    """
    found = re.search(r"\{.*\}", reply or "", re.DOTALL)
    try:
        marks = json.loads(found[0], object_pairs_hook=_without_repeats) if found else None
    except (ValueError, RecursionError):  # text of a model: broken, or nested without end
        return None
    if not isinstance(marks, dict) or set(marks) != set(criteria(combination.skills)):
        return None
    return (
        {name: bool(marks[name]) for name in criteria(combination.skills)}
        if all(m in (0, 1) for m in marks.values())
        else None
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; json itself would let the last of two contradicting marks win."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands here twice")
    return found
