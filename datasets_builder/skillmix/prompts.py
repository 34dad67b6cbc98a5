"""Renders the three prompts: generate, revise, grade. reading.py reads the replies to them.

A prompt set is a folder with generate.txt, revise.txt and grade.txt (Jinja2, sandboxed), versioned by its hash.
The templates see ``skills`` (slug, name, definition, examples, near_miss), ``confusions``, ``topic``, ``limit``,
``limit_words``, ``k``, ``criteria`` and, to grade, ``text``, its ``sentences`` and a ``fence`` that is not in it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import DictLoader, Environment, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from datasets_builder.skillmix.catalogue import Catalogue, Skill
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.reading import read_marks
from datasets_builder.skillmix.rubric import criteria, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences

SHIPPED = Path(__file__).resolve().parent.parent / "prompts"
PARTS = ("generate", "revise", "grade")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Confusion(NamedTuple):
    """A skill that is easily taken for another one, and what tells them apart."""

    name: str
    difference: str


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
        slots = self._slots(combination) | {"sentences": count_sentences(text), "fence": fence_for(text)}
        return self._environment.get_template("grade").render(slots, text=text).strip()

    def read_vote(self, reply: str | None, combination: Combination) -> dict[str, bool] | None:
        """The marks in a reply to ``grade``, or None when it is unreadable."""
        return read_marks(reply, combination, {slug: self.catalogue.skills[slug].name for slug in combination.skills})

    @cached_property
    def _environment(self) -> Environment:
        return ImmutableSandboxedEnvironment(loader=DictLoader(self.sources), undefined=StrictUndefined)

    def _slots(self, combination: Combination) -> dict[str, Any]:
        skills = [self.catalogue.skills[slug] for slug in combination.skills]
        limit = sentence_limit(combination.k)
        return {
            "skills": skills,
            "confusions": [self._confusions(skill) for skill in skills],
            "topic": self.catalogue.topics[combination.topic].name,
            "limit": limit,
            "limit_words": f"{_NUMBERS[limit]} sentence{'s' if limit > 1 else ''}",
            "k": combination.k,
            "criteria": criteria(combination.skills),
        }

    def _confusions(self, skill: Skill) -> list[Confusion]:
        """The skills that are easily taken for this one."""
        return [Confusion(self.catalogue.skills[other].name, text) for other, text in skill.confused_with.items()]


def fence_for(text: str) -> str:
    """A line to stand before and after a text, which the text cannot hold: it is made of the text's own hash."""
    fence = f"=== TEXT {hashlib.blake2b(text.encode(errors='replace'), digest_size=8).hexdigest()} ==="
    return fence if fence not in text else fence_for(f"{text}\n{fence}")


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
