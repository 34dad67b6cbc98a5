"""The k + 3 rubric: votes -> majority -> marks -> full marks, all skills, skills fraction.

Example, k = 3, at most 2 sentences; three votes on one text, one mark for each criterion:

    simile 1 1 1 -> 1    belief 1 0 1 -> 1    space 0 1 0 -> 0    topic 1    sense 1    length 1
    full marks 0, all skills 0, skills fraction 2/3

Source: SKILL-MIX (arXiv 2310.17567), sections 3 and 4.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from datasets_builder.skillmix.errors import DskillError

GENERAL = ("topic", "sense", "length")  # the three criteria that every text is marked on, after its k skills

Marks = Mapping[str, bool]


class MarksError(DskillError):
    """Marks that do not fit the rubric: a criterion is missing or unknown."""


class TextScore(NamedTuple):
    """The three metrics of one text."""

    full_marks: bool
    all_skills: bool
    skills_fraction: float  # share of the k skills, 0.0 to 1.0


def sentence_limit(k: int) -> int:
    """Sentences that a text of k skills may have: max(1, k - 1)."""
    return max(1, k - 1)


def criteria(skills: Sequence[str]) -> tuple[str, ...]:
    """The k + 3 criteria of a combination: its skills in prompt order, then topic, sense, length."""
    return (*skills, *GENERAL)


def count_sentences(text: str) -> int:
    """Sentences by terminal punctuation; a trailing piece without any counts as one."""
    return sum(any(c.isalnum() for c in piece) for piece in re.split(r"(?<=[.?!])[\"')\]]*(?:\s+|$)", text))


def names_a_skill(text: str, names: Sequence[str]) -> bool:
    """Whether the text uses a skill's name as whole words ("metaphor", but not "metaphorically")."""
    return any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in names)


def majority(votes: Sequence[Marks | None], skills: Sequence[str]) -> dict[str, bool] | None:
    """Marks by strict majority of the votes planned; an unreadable vote (None) is missing, never zero.

    A criterion needs more than half of the votes planned, so a tie gives False. Where no more than
    half of them are readable (1 of 3), the text is unscored: None.

    Raises:
        MarksError: A readable vote has another set of criteria than the combination asks for.
    """
    expected = criteria(skills)
    readable = [vote for vote in votes if vote is not None]
    if bad := next((vote for vote in readable if set(vote) != set(expected)), None):
        raise MarksError(f"marks {sorted(bad)} do not fit the criteria {sorted(expected)}; was another request graded?")
    if not votes or 2 * len(readable) <= len(votes):
        return None
    return {name: 2 * sum(vote[name] for vote in readable) > len(votes) for name in expected}


def deduct(marks: Marks, skills: Sequence[str], *, too_long: bool, named: bool) -> dict[str, bool]:
    """The points that a program decides: length when the text is over its limit, all skills when it names one."""
    decided = dict(marks)
    if too_long:
        decided["length"] = False
    if named:
        decided |= dict.fromkeys(skills, False)
    return decided


def score(marks: Marks, skills: Sequence[str]) -> TextScore:
    """The metrics of one text.

    With s of k skill points and g of the three general points: full marks = (s = k and g = 3), all skills =
    (s = k and g >= 2), skills fraction = s / k if g = 3 else 0. A miss on topic, sense or length zeroes the fraction:
    an overlong text buys no skill credit.

    Raises:
        MarksError: The marks are not exactly the k + 3 criteria.
    """
    if set(marks) != set(criteria(skills)) or not skills:
        raise MarksError(f"need marks for {criteria(skills)}, got {tuple(marks)}")
    shown, general = sum(bool(marks[s]) for s in skills), sum(bool(marks[g]) for g in GENERAL)
    complete = shown == len(skills)
    return TextScore(complete and general == 3, complete and general >= 2, shown / len(skills) if general == 3 else 0.0)
