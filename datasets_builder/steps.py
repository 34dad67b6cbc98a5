"""The Tasks and Steps of a data pipeline: each hands its row to skillmix/ and writes the answer into columns.

A rejected row keeps flowing with a ``reason`` (one of ``Reason``) and a human ``detail``; no later Task pays for it.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache

from pydantic import BaseModel

from datasets_builder.decontaminate import DecontaminateConfig, met_texts, read_evaluated
from datasets_builder.dedup import NearConfig, Repeat, describe, find_repeats
from datasets_builder.models import SCOPE, STAGE, TRY, VOTE
from datasets_builder.quiet_distilabel import AsyncLLM, GlobalStep, Step, StepInput, Task
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.skillmix.reading import read_text, refuses
from datasets_builder.skillmix.rubric import criteria, foresee, is_decided, names_a_skill, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences
from datasets_builder.talk import (
    Conversation,
    Reason,
    Row,
    Talk,
    answer,
    answer_elsewhere,
    ask_all,
    rejection,
    without_answer,
)

__all__ = ["Deduplicate", "Generate", "Grade", "Reason", "Revise", "Row", "Screen", "Select", "answer", "rejection"]

TRIES = 2  # answers asked of a grader for one vote before it counts as unreadable


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
        return [*messages[:-1], {**messages[-1], SCOPE: input["id"], STAGE: self.name}]

    def talk(self, row: Row) -> Talk:
        """One request, whose reply fills the columns."""
        reply = yield self.format_input(row)
        return without_answer(self, reply) if reply.error else self.format_output(reply.text, row)

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """What stock runners call: as distilabel's own, but row by row, so that a failure stays in its row."""
        if isinstance(self.llm, AsyncLLM):
            yield self.llm.event_loop.run_until_complete(self._answer_all(inputs))
        else:
            yield self._answer_batches(inputs)

    async def _answer_all(self, rows: list[Row]) -> list[Row]:
        return await asyncio.gather(*(answer_elsewhere(self, row) for row in rows))

    def _answer_batches(self, rows: list[Row]) -> list[Row]:
        """All rows' first requests as a batch, then the second ones of those that have one, and so on."""
        talks = [Conversation(self, row) for row in rows]
        while waiting := [talk for talk in talks if talk.request is not None]:
            requests = [talk.request for talk in waiting if talk.request is not None]
            for talk, reply in zip(waiting, ask_all(self, requests), strict=True):
                talk.hear(reply)
        return [talk.row for talk in talks]


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
    """The grader's votes, each a list of k + 3 marks, or None where no try at it could be read.

    ``num_generations`` votes are planned. They are asked for one after another, and no more once they leave the verdict
    no choice: the same text is kept, or rejected for the same reason, as if all had been taken.
    """

    group_generations: bool = True

    @property
    def inputs(self) -> list[str]:
        """The request and the final text."""
        return ["id", "skills", "topic", "text"]

    @property
    def outputs(self) -> list[str]:
        """The raw replies, of each vote one or two, and the votes in them."""
        return ["reply_grade", "votes", "reason", "detail"]

    def messages(self, row: Row) -> list[dict[str, str]]:
        """The grader's prompt, the same as in an evaluation."""
        return [_user(self.prompt_set.grade(combination_of(row), row["text"]))]

    def talk(self, row: Row) -> Talk:
        """Vote by vote, until the verdict is decided."""
        combination, request = combination_of(row), self.format_input(row)
        votes: list[dict[str, bool] | None] = []
        replies: list[list[str | None]] = []
        while len(votes) < self.num_generations and not self._is_decided(votes, row):
            marks = None
            replies.append([])
            for attempt in range(TRIES):
                reply = yield [*request[:-1], {**request[-1], VOTE: str(len(votes)), TRY: str(attempt)}]
                if reply.error:
                    return {"reply_grade": replies, "votes": _as_lists(votes)} | without_answer(self, reply)
                replies[-1].append(reply.text)
                if (marks := self.prompt_set.read_vote(reply.text, combination)) is not None:
                    break
            votes.append(marks)
        return {"reply_grade": replies, "votes": _as_lists(votes)}

    def format_output(self, output: str | None, input: Row) -> Row:
        """One vote."""
        marks = self.prompt_set.read_vote(output, combination_of(input))
        return {"reply_grade": output, "votes": _as_lists([marks])[0]}

    def _is_decided(self, votes: list[dict[str, bool] | None], row: Row) -> bool:
        return is_decided(foresee(votes, row["skills"], self.num_generations), row["skills"])


class Screen(Informed, Step):  # type: ignore[misc]
    """Rejects what a program can tell, before any grade is paid: the sentence limit, the name of a skill asked for."""

    reject_named: bool

    @property
    def inputs(self) -> list[str]:
        """The text."""
        return ["text", "k", "skills", "reason"]

    @property
    def outputs(self) -> list[str]:
        """The rejection."""
        return ["reason", "detail"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        """Screens each row that is still in."""
        yield [row if row["reason"] else row | self._screen(row) for row in inputs]

    def _screen(self, row: Row) -> Row:
        sentences, limit = count_sentences(row["text"]), sentence_limit(row["k"])
        if sentences > limit:
            return rejection("too_long", f"{sentences} sentences, at most {limit} allowed")
        if self.reject_named and names_a_skill(row["text"], self.prompt_set.catalogue.names_of(row["skills"])):
            return rejection("names_skill", "the text says the name of a skill that it is to show")
        return {}


class Select(Step):  # type: ignore[misc]
    """Takes the majority of the votes planned and keeps texts with full marks."""

    votes: int

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
        yield [
            {"marks": None, **row} if row["reason"] else row | select(row["skills"], row["votes"], self.votes)
            for row in inputs
        ]


class Deduplicate(GlobalStep):  # type: ignore[misc]
    """Rejects texts that an evaluation has met; of texts that repeat one another keeps the one with the smallest id."""

    near_duplicates: NearConfig | None = None
    decontaminate: DecontaminateConfig | None = None

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
        met = self._met([row for row in inputs if not row["reason"]])
        rows = [row | met.get(row["id"], {}) for row in inputs]
        left = [row for row in rows if not row["reason"]]
        ids = [row["id"] for row in left]
        repeats = dict(zip(ids, find_repeats(ids, [row["text"] for row in left], self.near_duplicates), strict=True))
        yield [row | _repeated(repeats.get(row["id"]), ids) for row in rows]

    def _met(self, rows: list[Row]) -> dict[str, Row]:
        if self.decontaminate is None:
            return {}
        evaluated = read_evaluated(self.decontaminate)
        faults = met_texts(evaluated, [row["text"] for row in rows], self.decontaminate.words)
        return {row["id"]: rejection("contaminated", fault) for row, fault in zip(rows, faults, strict=True) if fault}


def select(skills: list[str], votes: list[list[bool] | None], planned: int) -> Row:
    """The columns that a row's votes lead to: its marks, and a rejection when they are short of full marks.

    A mark is None where the votes that were not needed would have decided it; that happens to rejected rows alone.
    """
    names = criteria(skills)
    marks = foresee([None if vote is None else dict(zip(names, vote, strict=True)) for vote in votes], skills, planned)
    if marks is None:
        return {"marks": None} | rejection("unreadable", f"{votes.count(None)} of {len(votes)} votes could not be read")
    columns: Row = {"marks": list(marks.values())}
    if all(marks.values()):
        return columns
    missed = [name for name in names if marks[name] is False]
    reasons: dict[str, Reason] = {"topic": "missed_topic", "sense": "missed_sense", "length": "missed_length"}
    first: Reason = "missed_skill" if any(name in skills for name in missed) else reasons[missed[0]]
    return columns | rejection(first, f"missed {', '.join(missed)}")


def _as_lists(votes: list[dict[str, bool] | None]) -> list[list[bool] | None]:
    return [None if marks is None else list(marks.values()) for marks in votes]


def _repeated(repeat: Repeat | None, ids: list[str]) -> Row:
    return rejection("duplicate", describe(repeat, ids)) if repeat else {}


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _text_or_rejection(reply: str | None, task: str) -> Row:
    if text := read_text(reply):
        return {"text": text}
    refusal = rejection("refused", f"{task}: {reply}") if refuses(reply) else None
    return {"text": None} | (refusal or rejection("empty", f"{task}: the answer holds no text"))
