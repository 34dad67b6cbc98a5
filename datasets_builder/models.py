"""The models of a data recipe, as distilabel LLM classes: today the scripted teacher and grader of the miniature.

Example, in a recipe: ``teacher: {scripted: miniature, slip: 0.15, incidental: 0.3}``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic import Field

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.teacher import reply
from datasets_builder.quiet_distilabel import AsyncLLM
from datasets_builder.skillmix.config import Strict

SCOPE = "scope"  # key on the last message: the row id, which tells identical prompts of different rows apart

Messages = Sequence[Mapping[str, str]]


class ModelConfig(Protocol):
    """What every kind of model offers; a further kind stands beside Scripted* and joins their unions below."""

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""

    def llm(self, seed: int) -> AsyncLLM:
        """The distilabel LLM; its answers depend on the seed, the messages and their scope alone."""


class ScriptedTeacherConfig(Strict):
    """The program that writes texts of the miniature world."""

    scripted: Literal["miniature"]
    slip: float = Field(default=0.15, ge=0, le=1)
    incidental: float = Field(default=0.3, ge=0, le=1)

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""
        return f"scripted/{self.scripted}"

    def llm(self, seed: int) -> "ScriptedTeacher":
        """The teacher that this seed names."""
        return ScriptedTeacher(seed=seed, slip=self.slip, incidental=self.incidental)


class ScriptedGraderConfig(Strict):
    """The program that marks texts of the miniature world; it has no chance in it."""

    scripted: Literal["miniature"]

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""
        return f"scripted/{self.scripted}"

    def llm(self, seed: int) -> "ScriptedGrader":
        """The grader; the same for every seed."""
        return ScriptedGrader()


TeacherConfig = ScriptedTeacherConfig  # one member each today; further kinds of model join as a discriminated union
GraderConfig = ScriptedGraderConfig


class ScriptedTeacher(AsyncLLM):  # type: ignore[misc]
    """Writes and revises texts of the miniature; the same request in the same scope always gets the same answer."""

    seed: int
    slip: float
    incidental: float

    @property
    def model_name(self) -> str:
        """The name that distilabel shows."""
        return "scripted/miniature"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """One text for each generation."""
        seeds = [stable_seed(self.seed, input, index) for index in range(num_generations)]
        return {"generations": [reply(input, seed, self.slip, self.incidental) for seed in seeds], "statistics": {}}


class ScriptedGrader(AsyncLLM):  # type: ignore[misc]
    """Marks texts of the miniature by its verifiers."""

    @property
    def model_name(self) -> str:
        """The name that distilabel shows."""
        return "scripted/miniature"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """The marks in JSON, once for each vote."""
        return {"generations": [grade_reply(input[-1]["content"])] * num_generations, "statistics": {}}


def stable_seed(seed: int, messages: Messages, generation: int) -> int:
    """A seed that names one answer: from the run's seed, the messages with their scope, and its number of n."""
    key = json.dumps([seed, messages[-1].get(SCOPE, ""), [[m["role"], m["content"]] for m in messages], generation])
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
