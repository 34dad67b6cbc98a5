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
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Confusion(NamedTuple):
    """A skill that is easily taken for another one, and what tells them apart."""

    name: str
    difference: str


@dataclass(frozen=True)
class PromptSet:
    """The templates of one prompt folder, bound to a catalogue; ``limit`` as in ``sentence_limit``."""

    sources: Mapping[str, str]
    catalogue: Catalogue
    limit: int | None = None

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

    def is_too_long(self, combination: Combination, text: str) -> bool:
        """Whether the text has more sentences than the request allows."""
        return count_sentences(text) > sentence_limit(combination.k, self.limit)

    def read_vote(self, reply: str | None, combination: Combination) -> dict[str, bool] | None:
        """The marks in a reply to ``grade``, or None when it is unreadable."""
        return read_marks(reply, combination, {slug: self.catalogue.skills[slug].name for slug in combination.skills})

    @cached_property
    def _environment(self) -> Environment:
        return ImmutableSandboxedEnvironment(loader=DictLoader(self.sources), undefined=StrictUndefined)

    def _slots(self, combination: Combination) -> dict[str, Any]:
        skills = [self.catalogue.skills[slug] for slug in combination.skills]
        limit = sentence_limit(combination.k, self.limit)
        return {
            "skills": skills,
            "confusions": [self._confusions(skill) for skill in skills],
            "topic": self.catalogue.topics[combination.topic].name,
            "limit": limit,
            "limit_words": f"{_in_words(limit)} sentence{'s' if limit > 1 else ''}",
            "k": combination.k,
            "criteria": criteria(combination.skills),
        }

    def _confusions(self, skill: Skill) -> list[Confusion]:
        """The skills that are easily taken for this one."""
        return [Confusion(self.catalogue.skills[other].name, text) for other, text in skill.confused_with.items()]


def _in_words(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def fence_for(text: str) -> str:
    """A line to stand before and after a text, which the text cannot hold: it is made of the text's own hash."""
    fence = f"=== TEXT {hashlib.blake2b(text.encode(errors='replace'), digest_size=8).hexdigest()} ==="
    return fence if fence not in text else fence_for(f"{text}\n{fence}")


def load_prompts(name: str | Path, catalogue: Catalogue, limit: int | None = None) -> PromptSet:
    """A shipped prompt set by its name, or any by its folder; every template is rendered once as a check.

    A set without ``grade.txt`` takes that of the catalogue's own set, so that two ways of asking share one judge.

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
    paths = {part: folder / f"{part}.txt" for part in PARTS}
    if not paths["grade"].is_file():
        paths["grade"] = SHIPPED / catalogue.about.prompts / "grade.txt"
    if missing := [part for part in PARTS if not paths[part].is_file()]:
        raise UsageError(
            f"{folder}: {missing[0]}.txt is missing; a prompt set has {', '.join(f'{p}.txt' for p in PARTS)}"
        )
    prompts = PromptSet({part: _read_template(path) for part, path in paths.items()}, catalogue, limit)
    probe = Combination((next(iter(catalogue.skills)),), next(iter(catalogue.topics)))
    for part in PARTS:
        try:
            prompts.grade(probe, "text") if part == "grade" else getattr(prompts, part)(probe)
        except Exception as error:  # whatever an expression of the template can raise is the template's fault
            raise UsageError(f"{paths[part]}: {error}") from None
    return prompts


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}") from None
