"""The Tasks and Steps of a data pipeline: each hands its row to skillmix/ and writes the answer into columns.

A rejected row keeps flowing with a ``reason`` (one of ``Reason``) and a human ``detail``; no later Task pays for it.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel

from datasets_builder.models import SCOPE
from datasets_builder.quiet_distilabel import GlobalStep, Step, StepInput, Task
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.prompts import PromptSet, load_prompts, read_marks, read_text
from datasets_builder.skillmix.rubric import count_sentences, criteria, majority, names_a_skill, score, sentence_limit

Row = dict[str, Any]
Reason = Literal[
    "failed",  # the request itself, or the reading of its answer
    "empty",  # the teacher answered without a text
    "too_long",  # more sentences than the limit: rejected before any grade is paid
    "names_skill",  # the text says the name of a skill: rejected before any grade is paid
    "unreadable",  # no majority of votes could be read
    "missed_skill",  # graded, and short of full marks; the first criterion missed names the reason
    "missed_topic",
    "missed_sense",
    "missed_length",
    "duplicate",  # another row has the very same text
]

MAX_DETAIL = 300  # characters; an error may quote a whole request


def rejection(reason: Reason, detail: str) -> Row:
    """The two columns that reject a row."""
    return {"reason": reason, "detail": detail[:MAX_DETAIL]}


async def answer(task: Task, row: Row) -> Row:
    """One row through one Task; a row with a reason passes unpaid, a failure becomes the reason of this row alone.

    Both runners come through here, so that they give the same rows. All outputs of the Task are there afterwards, None
    where there is no value: distilabel takes the columns of a batch from its first row.
    """
    row = {**dict.fromkeys(task.get_outputs()), **row}
    if row.get("reason"):
        return row
    options = task.llm.get_generation_kwargs() or {}
    try:
        given = await task.llm.agenerate(input=task.format_input(row), num_generations=task.num_generations, **options)
        parts = [task.format_output(text, row) for text in given["generations"]]
        columns = {name: [part[name] for part in parts] for name in parts[0]} if task.group_generations else parts[0]
    except Exception as error:  # the request of a foreign model can fail in any way
        columns = rejection("failed", f"{task.name}: {type(error).__name__}: {error}")
    return row | columns


@lru_cache(maxsize=8)
def shared_prompts(catalogue: str, prompts: str, content: str) -> PromptSet:
    """The prompt set that the steps of one process share; ``content`` is its hash, so that an edit is read anew."""
    return load_prompts(prompts, load_catalogue(catalogue))


def combination_of(row: Row) -> Combination:
    """The combination that a row asks for."""
    return Combination(tuple(row["skills"]), row["topic"])


class Informed(BaseModel):
    """A step that knows catalogue and prompts: by name and content hash, so that a pipeline can be dumped."""

    catalogue: str
    prompts: str
    content: str

    @property
    def prompt_set(self) -> PromptSet:
        """The prompts, bound to the catalogue."""
        return shared_prompts(self.catalogue, self.prompts, self.content)


class SkillMixTask(Informed, Task):  # type: ignore[misc]
    """A Task on a combination."""

    @abstractmethod
    def messages(self, row: Row) -> list[dict[str, str]]:
        """The conversation that asks for this row's answer."""

    def format_input(self, input: Row) -> list[dict[str, str]]:
        """The messages, the last one scoped: rows of one combination share a prompt and must not share an answer."""
        messages = self.messages(input)
        return [*messages[:-1], {**messages[-1], SCOPE: input["id"]}]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """What stock runners call: as distilabel's own, but row by row, so that a failure stays in its row."""
        yield self.llm.event_loop.run_until_complete(self._answer_all(inputs))

    async def _answer_all(self, rows: list[Row]) -> list[Row]:
        return await asyncio.gather(*(answer(self, row) for row in rows))


class Generate(SkillMixTask):
    """Turn 1: the teacher writes a text."""

    @property
    def inputs(self) -> list[str]:
        """The request."""
        return ["id", "skills", "topic"]

    @property
    def outputs(self) -> list[str]:
        """The prompt, the raw reply, the text in it."""
        return ["prompt", "reply_generate", "text", "reason", "detail"]

    def messages(self, row: Row) -> list[dict[str, str]]:
        """The request for a text."""
        return [_user(self.prompt_set.generate(combination_of(row)))]

    def format_output(self, output: str | None, input: Row) -> Row:
        """The text, or the rejection of an empty answer."""
        prompt = self.prompt_set.generate(combination_of(input))
        return {"prompt": prompt, "reply_generate": output, **_text_or_rejection(output, self.name)}


class Revise(SkillMixTask):
    """Turn 2: the teacher goes over its own answer, now with the sentence limit."""

    @property
    def inputs(self) -> list[str]:
        """The request and the first turn."""
        return ["id", "skills", "topic", "prompt", "reply_generate"]

    @property
    def outputs(self) -> list[str]:
        """The raw reply and the text in it, which replaces the draft."""
        return ["reply_revise", "text", "reason", "detail"]

    def messages(self, row: Row) -> list[dict[str, str]]:
        """The first turn, and the request to revise."""
        draft = {"role": "assistant", "content": row["reply_generate"]}
        return [_user(row["prompt"]), draft, _user(self.prompt_set.revise(combination_of(row)))]

    def format_output(self, output: str | None, input: Row) -> Row:
        """The revised text, or the rejection of an empty answer."""
        return {"reply_revise": output, **_text_or_rejection(output, self.name)}


class Grade(SkillMixTask):
    """The grader's votes: one list of k + 3 marks for each generation, None for a vote that cannot be read."""

    group_generations: bool = True

    @property
    def inputs(self) -> list[str]:
        """The request and the final text."""
        return ["id", "skills", "topic", "text"]

    @property
    def outputs(self) -> list[str]:
        """The raw replies and the votes in them."""
        return ["reply_grade", "votes", "reason", "detail"]

    def messages(self, row: Row) -> list[dict[str, str]]:
        """The grader's prompt, the same as in an evaluation."""
        return [_user(self.prompt_set.grade(combination_of(row), row["text"]))]

    def format_output(self, output: str | None, input: Row) -> Row:
        """One vote."""
        marks = read_marks(output, combination_of(input))
        return {"reply_grade": output, "votes": None if marks is None else list(marks.values())}


class Screen(Informed, Step):  # type: ignore[misc]
    """Rejects what a program can tell, before any grade is paid: the sentence limit, and the name of a skill."""

    reject_named: bool

    @property
    def inputs(self) -> list[str]:
        """The text."""
        return ["text", "k", "reason"]

    @property
    def outputs(self) -> list[str]:
        """The rejection."""
        return ["reason", "detail"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Screens each row that is still in."""
        names = self.prompt_set.catalogue.names if self.reject_named else ()
        yield [row if row["reason"] else row | self._screen(row, names) for row in inputs]

    def _screen(self, row: Row, names: tuple[str, ...]) -> Row:
        sentences, limit = count_sentences(row["text"]), sentence_limit(row["k"])
        if sentences > limit:
            return rejection("too_long", f"{sentences} sentences, at most {limit} allowed")
        if names_a_skill(row["text"], names):
            return rejection("names_skill", "the text says the name of a skill")
        return {}


class Select(Step):  # type: ignore[misc]
    """Takes the majority of the votes and keeps texts with full marks."""

    @property
    def inputs(self) -> list[str]:
        """The votes."""
        return ["skills", "votes", "reason"]

    @property
    def outputs(self) -> list[str]:
        """The marks, in the order of the criteria, and the rejection."""
        return ["marks", "reason", "detail"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Marks each row that is still in."""
        yield [{"marks": None, **row} if row["reason"] else row | select(row["skills"], row["votes"]) for row in inputs]


class Deduplicate(GlobalStep):  # type: ignore[misc]
    """Of the rows with the very same text, keeps the one with the smallest id."""

    @property
    def inputs(self) -> list[str]:
        """The text."""
        return ["id", "text", "reason"]

    @property
    def outputs(self) -> list[str]:
        """The rejection."""
        return ["reason", "detail"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Compares the rows that are still in."""
        first: dict[str, str] = {}
        for row in inputs:
            if not row["reason"]:
                first[row["text"]] = min(row["id"], first.get(row["text"], row["id"]))
        yield [row if row["reason"] else row | _repeated(row, first[row["text"]]) for row in inputs]


def select(skills: list[str], votes: list[list[bool] | None]) -> Row:
    """The columns that a row's votes lead to: its marks, and a rejection when they are short of full marks."""
    names = criteria(skills)
    marks = majority([None if vote is None else dict(zip(names, vote, strict=True)) for vote in votes], skills)
    if marks is None:
        return {"marks": None} | rejection("unreadable", f"{votes.count(None)} of {len(votes)} votes could not be read")
    columns: Row = {"marks": list(marks.values())}
    if score(marks, skills).full_marks:
        return columns
    missed = [name for name in names if not marks[name]]
    reasons: dict[str, Reason] = {"topic": "missed_topic", "sense": "missed_sense", "length": "missed_length"}
    first: Reason = "missed_skill" if any(name in skills for name in missed) else reasons[missed[0]]
    return columns | rejection(first, f"missed {', '.join(missed)}")


def _repeated(row: Row, first: str) -> Row:
    return {} if first == row["id"] else rejection("duplicate", f"same text as {first}")


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _text_or_rejection(reply: str | None, task: str) -> Row:
    text = read_text(reply)
    return {"text": text} if text else {"text": None} | rejection("empty", f"{task}: the answer holds no text")
