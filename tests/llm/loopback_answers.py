"""Who answers behind the loopback server: the scripted teacher and grader of the miniature, or recorded texts.

[user "write 2 on sailing showing simile , deixis"]     the scripted teacher's draft, and so on for a revision
[user "grade on sailing showing simile , deixis ..."]   the scripted grader's marks, now and then flipped by noise
[user "Write a short text ..."]                         what a file has recorded for that very prompt
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from loopback_chance import rng_of

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.teacher import read_request, reply

Messages = Sequence[Mapping[str, str]]
Stage = Literal["generate", "revise", "grade"]

_GRADE = re.compile(r"grade on (?P<topic>\S+) showing (?P<skills>[^\n]+)\n")
UNREADABLE = {
    "author": ("", " \n", "\u200b"),  # every reader of a text must see that none is there
    "grader": ('{"topic": 1, "oops', "I cannot grade this text.", "", "| criterion | point |\n|---|---|\n| topic |"),
}


class Answers(Protocol):
    """What the server asks."""

    def answer(self, messages: Messages, occasion: str) -> str:
        """The reply to a conversation; another ``occasion`` may bring another reply.

        Raises:
            ValueError: Not a conversation that can be answered; the server makes it a 400.
        """

    def describe(self, messages: Messages) -> tuple[str | None, Stage]:
        """The row that a conversation belongs to, where it can be told, and the stage."""


class ScriptedAnswers:
    """The miniature's teacher and grader, recognised by the form of the prompt."""

    def __init__(self, seed: int = 0, slip: float = 0.15, incidental: float = 0.3, noise: float = 0.0) -> None:
        """``noise`` is the chance that the grader flips a mark, drawn anew for each occasion."""
        self.seed, self.slip, self.incidental, self.noise = seed, slip, incidental, noise

    def answer(self, messages: Messages, occasion: str) -> str:
        """A text, or marks."""
        said = _without_system(messages)
        if _GRADE.match(said[0]["content"].strip()):
            return self._vote(said[-1]["content"].strip(), occasion)
        return reply(said, rng_of(self.seed, occasion).getrandbits(32), self.slip, self.incidental)

    def describe(self, messages: Messages) -> tuple[str | None, Stage]:
        """The row as "simile+deixis@sailing"."""
        said = _without_system(messages)
        first = said[0]["content"].strip()
        if parts := _GRADE.match(first):
            return _row(parts["skills"].split(" , "), parts["topic"]), "grade"
        stage: Stage = "generate" if len(said) == 1 else "revise"
        try:
            skills, topic, _ = read_request(first)
        except ValueError:
            return None, stage
        return _row(skills, topic), stage

    def _vote(self, prompt: str, occasion: str) -> str:
        marks, rng = json.loads(grade_reply(prompt)), rng_of(self.seed, "vote", prompt, occasion)
        return json.dumps({name: int(mark) ^ (rng.random() < self.noise) for name, mark in marks.items()})


class CannedAnswers:
    """Recorded answers by the last message of the conversation; several for one prompt are given in turn."""

    def __init__(self, recorded: Mapping[str, Sequence[str]], otherwise: Answers | None = None) -> None:
        self.recorded = {prompt.strip(): tuple(answers) for prompt, answers in recorded.items()}
        self.otherwise, self._given = otherwise, defaultdict[str, list[str]](list)

    @classmethod
    def read(cls, path: Path, otherwise: Answers | None = None) -> "CannedAnswers":
        """From a CSV with the columns prompt and answer, or a JSON object of prompts to an answer or a list of them."""
        recorded: dict[str, list[str]] = {}
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            recorded = {key: [value] if isinstance(value, str) else value for key, value in content.items()}
        else:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    recorded.setdefault(row["prompt"], []).append(row["answer"])
        return cls(recorded, otherwise)

    def answer(self, messages: Messages, occasion: str) -> str:
        """What is recorded for the last message."""
        prompt = messages[-1]["content"].strip()
        if prompt not in self.recorded:
            if self.otherwise is None:
                raise ValueError(f"nothing is recorded for {prompt[:80]!r}")
            return self.otherwise.answer(messages, occasion)
        given, answers = self._given[prompt], self.recorded[prompt]
        if occasion not in given:
            given.append(occasion)
        return answers[given.index(occasion) % len(answers)]

    def describe(self, messages: Messages) -> tuple[str | None, Stage]:
        """As the answers behind these see it; else no row is told."""
        return self.otherwise.describe(messages) if self.otherwise else (None, "generate")


def fit(text: str, schema: Mapping[str, Any] | None) -> str:
    """Marks by criterion in the form of a schema that asks for ``{"marks": [{"id": .., "mark": ..}]}``."""
    if schema is None or "marks" not in schema.get("properties", {}) or not text.startswith("{"):
        return text
    return json.dumps({"marks": [{"id": name, "mark": mark} for name, mark in json.loads(text).items()]})


def _without_system(messages: Messages) -> Messages:
    return [message for message in messages if message["role"] not in ("system", "developer")]


def _row(skills: Sequence[str], topic: str) -> str:
    return f"{'+'.join(skills)}@{topic}"
