"""Who marks a text in an evaluation: a program, or a language model that votes.

Both hand back a ballot, one vote per plan; ``rubric.majority`` turns it into marks. The grader model is the role
``grader`` of the run, never the model under test.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from inspect_ai.model import CachePolicy, Model, get_model
from inspect_ai.util import collect

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.skillmix.verifiers import Grader, load_grader
from eval_harness.checkpoint import is_folder

MODEL = "model"  # the value of the option ``grader`` that asks for a language model
TRIES = 2  # answers asked of a grader for one vote before it counts as unreadable

Vote = Mapping[str, bool] | None


class Ballot(NamedTuple):
    """The votes planned, None where unreadable, and the last raw answer behind each (none from a program)."""

    votes: list[Vote]
    replies: list[str]


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
        return Ballot([self.grader(text, combination)], [])


class ModelVoter:
    """``votes`` independent votes by the role ``grader``."""

    def __init__(self, prompts: PromptSet, votes: int) -> None:
        self.prompts, self.votes = prompts, votes

    def check(self) -> None:
        """Raises Inspect's PrerequisiteError when the run binds no grader."""
        get_grader()

    async def cast(self, text: str, combination: Combination) -> Ballot:
        """All votes, asked for at the same time."""
        grader, prompt = get_grader(), self.prompts.grade(combination, text)
        cast = await collect(*[_ask(grader, prompt, self.prompts, combination, vote) for vote in range(self.votes)])
        return Ballot([vote for vote, _ in cast], [reply for _, reply in cast])


def get_grader() -> Model:
    """The grader of this run. ``required``: without it Inspect would let the model under test grade itself."""
    return get_model(role="grader", required=True)


def make_voter(grader: str, prompts: PromptSet, votes: int) -> Voter:
    """The voter that the option ``grader`` names.

    Raises:
        UsageError: An unknown program, fewer than one vote, or several votes by a program.
    """
    if votes < 1:
        raise UsageError(f"votes = {votes}: at least one vote is needed")
    if grader == MODEL:
        return ModelVoter(prompts, votes)
    if votes > 1:
        raise UsageError(
            f"votes = {votes}: the program {grader!r} always votes alike; use votes = 1 or grader = {MODEL!r}"
        )
    return ProgramVoter(load_grader(grader))


async def _ask(grader: Model, prompt: str, prompts: PromptSet, combination: Combination, vote: int) -> tuple[Vote, str]:
    """One vote. Every vote and every retry has a cache scope of its own, or the cache would repeat the first answer.

    The expiry is part of Inspect's cache key, so it is fixed to None: no entry is ever paid for twice.
    """
    reply, keep = "", not is_folder(str(grader))  # an answer may outlive the weights in a folder
    for attempt in range(TRIES):
        policy = CachePolicy(expiry=None, scopes={"vote": str(vote), "try": str(attempt)})
        reply = (await grader.generate(prompt, cache=policy if keep else False)).completion
        if (marks := prompts.read_vote(reply, combination)) is not None:
            return marks, reply
    return None, reply
