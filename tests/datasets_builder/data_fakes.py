"""A small recipe, and models that fail, count or wait on purpose."""

import asyncio
from typing import Any

from datasets_builder.models import ScriptedGrader, ScriptedTeacher

CONTENT: dict[str, Any] = {
    "name": "small",
    "catalogue": "miniature",
    "partition": {"by": "random", "train": 22, "seed": 0},
    "combinations": {1: {"n": 40, "texts": 3}, 2: {"n": 60, "texts": 2}, 3: {"n": 80}},
    "seed": 0,
    "teacher": {"scripted": "miniature", "slip": 0.3, "incidental": 0.3},
    "grader": {"scripted": "miniature"},
    "votes": 2,
    "validation": 0.2,
}


class BrokenTeacher(ScriptedTeacher):
    """Raises for every tenth scope, says nothing for another tenth."""

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """As the scripted teacher, where it does not break."""
        last = int(input[-1]["scope"].split("-")[1], 16) % 10
        if last == 0:
            raise ConnectionError(f"no answer for {input[-1]['scope']}")
        if last == 1:
            return {"generations": ["  "] * num_generations, "statistics": {}}
        return await super().agenerate(input, num_generations)


class Gauge:
    """How many texts were written, how many graded, and the widest gap and most requests seen."""

    def __init__(self) -> None:
        self.written = self.graded = self.widest = self.in_flight = self.most = 0

    def update(self) -> None:
        """Notes the extremes."""
        self.widest = max(self.widest, self.written - self.graded)
        self.most = max(self.most, self.in_flight)


GAUGE = Gauge()


class CountingTeacher(ScriptedTeacher):
    """Tells the gauge of each text."""

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """As the scripted teacher."""
        GAUGE.written += 1
        GAUGE.update()
        return await super().agenerate(input, num_generations)


class SlowGrader(ScriptedGrader):
    """Takes its time, the longer the later a row's hash, and tells the gauge."""

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """As the scripted grader, after up to 4 ms."""
        GAUGE.in_flight += 1
        GAUGE.update()
        await asyncio.sleep(int(input[-1]["scope"].split("-")[1], 16) % 5 / 1000)
        GAUGE.in_flight -= 1
        GAUGE.graded += 1
        return await super().agenerate(input, num_generations)
