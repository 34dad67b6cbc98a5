"""Who marks a text in an evaluation: a program, or a language model that votes.

Both hand back a ballot; ``Ballot.marks`` turns it into marks. The grader model is the role ``grader`` of the run, never
the model under test.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from inspect_ai.model import CachePolicy, GenerateConfig, Model, get_model
from inspect_ai.util import collect

from datasets_builder.model_access import MARKS_SCHEMA, STRUCTURED
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.skillmix.rubric import foresee, majority
from datasets_builder.skillmix.verifiers import Grader, load_grader
from eval_harness.checkpoint import is_local

MODEL = "model"  # the value of the option ``grader`` that asks for a language model
TRIES = 2  # answers asked of a grader for one vote before it counts as unreadable
SCRIPTED = "mockllm/"  # models of tests, which may share a name

Vote = Mapping[str, bool] | None


class Ballot(NamedTuple):
    """The votes taken, None where unreadable, and the last raw answer behind each (none from a program)."""

    votes: list[Vote]
    replies: list[str]
    planned: int  # more than taken where those left could change no mark

    def marks(self, skills: Sequence[str]) -> dict[str, bool] | None:
        """The majority's marks; None when too few votes are readable."""
        return majority([*self.votes, *[None] * (self.planned - len(self.votes))], skills)


class Voter(Protocol):
    """Casts all votes on one text."""

    def check(self) -> None:
        """Raises when no vote could be cast, before any text is paid for."""
        ...

    async def cast(self, text: str, combination: Combination) -> Ballot:
        """The ballot on one text."""
        ...


class ProgramVoter:
    """One vote by a program, which needs no second."""

    def __init__(self, grader: Grader) -> None:
        self.grader = grader

    def check(self) -> None:
        """A program is always there."""

    async def cast(self, text: str, combination: Combination) -> Ballot:
        """The program's marks, as a single vote."""
        return Ballot([self.grader(text, combination)], [], planned=1)


class ModelVoter:
    """``votes`` independent votes by the role ``grader``."""

    def __init__(self, prompts: PromptSet, votes: int, early_stop: bool) -> None:
        self.prompts, self.votes, self.early_stop = prompts, votes, early_stop

    def check(self) -> None:
        """Raises Inspect's PrerequisiteError when the run binds no grader, a UsageError when it is the student."""
        get_grader()

    async def cast(self, text: str, combination: Combination) -> Ballot:
        """All votes at the same time; with ``early_stop`` a bare majority, then one by one while a mark is open."""
        ask = _Asker(get_grader(), self.prompts, text, combination)
        first = self.votes // 2 + 1 if self.early_stop else self.votes
        cast = list(await collect(*[ask(vote) for vote in range(first)]))
        while len(cast) < self.votes and self._is_open([vote for vote, _ in cast], combination):
            cast.append(await ask(len(cast)))
        return Ballot([vote for vote, _ in cast], [reply for _, reply in cast], self.votes)

    def _is_open(self, votes: Sequence[Vote], combination: Combination) -> bool:
        foreseen = foresee(votes, combination.skills, self.votes)
        return foreseen is not None and None in foreseen.values()


class _Asker:
    """Asks a grader for votes on one text."""

    def __init__(self, grader: Model, prompts: PromptSet, text: str, combination: Combination) -> None:
        self.grader, self.prompts, self.combination = grader, prompts, combination
        self.prompt = prompts.grade(combination, text)
        known = str(grader).partition("/")[0] in STRUCTURED  # to take a form of the answer
        self.config = GenerateConfig(response_schema=MARKS_SCHEMA) if known else GenerateConfig()

    async def __call__(self, vote: int) -> tuple[Vote, str]:
        """One vote. Every vote and try has a cache scope of its own, or the cache would repeat the first answer.

        The expiry is part of Inspect's cache key, so it is fixed to None: no entry is ever paid for twice.
        """
        reply, keep = "", not is_local(str(self.grader))  # an answer may outlive the weights in a folder
        for attempt in range(TRIES):
            policy = CachePolicy(expiry=None, scopes={"vote": str(vote), "try": str(attempt)})
            output = await self.grader.generate(self.prompt, config=self.config, cache=policy if keep else False)
            reply = output.completion
            if (marks := self.prompts.read_vote(reply, self.combination)) is not None:
                return marks, reply
        return None, reply


def get_grader() -> Model:
    """The grader of this run. ``required``: without it Inspect would let the model under test grade itself.

    Raises:
        UsageError: It is the model under test.
    """
    grader = get_model(role="grader", required=True)
    check_independent(get_model(), grader)
    return grader


def check_independent(student: Model, grader: Model) -> None:
    """Raises a UsageError when both are the same model at the same server."""
    same = str(student) == str(grader) and student.api.base_url == grader.api.base_url
    if same and not str(student).startswith(SCRIPTED):
        raise UsageError(f"the grader is the model under test, {grader}; no model may grade itself, name another one")


def make_voter(grader: str, prompts: PromptSet, votes: int, early_stop: bool = False) -> Voter:
    """The voter that the option ``grader`` names.

    Raises:
        UsageError: An unknown program, fewer than one vote, several votes by a program, or a sentence limit that the
            program does not know.
    """
    if votes < 1:
        raise UsageError(f"votes = {votes}: at least one vote is needed")
    if grader == MODEL:
        return ModelVoter(prompts, votes, early_stop)
    if votes > 1:
        raise UsageError(
            f"votes = {votes}: the program {grader!r} always votes alike; use votes = 1 or grader = {MODEL!r}"
        )
    if prompts.limit is not None:
        raise UsageError(
            f"limit = {prompts.limit}: the program {grader!r} has a sentence limit of its own; use grader = {MODEL!r}"
        )
    return ProgramVoter(load_grader(grader))
