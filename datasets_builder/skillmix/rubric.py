"""The k + 3 rubric: votes -> majority -> marks -> full marks, all skills, skills fraction.

Example, k = 3, at most 2 sentences; three votes on one text, one mark for each criterion:

    simile 1 1 1 -> 1    belief 1 0 1 -> 1    space 0 1 0 -> 0    topic 1    sense 1    length 1
    full marks 0, all skills 0, skills fraction 2/3

Source: SKILL-MIX (arXiv 2310.17567), sections 3 and 4.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
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


def sentence_limit(k: int, limit: int | None = None) -> int:
    """Sentences that a text of k skills may have: max(1, k - 1), as in the papers, unless a limit is set."""
    return max(1, k - 1) if limit is None else limit


def criteria(skills: Sequence[str]) -> tuple[str, ...]:
    """The k + 3 criteria of a combination: its skills in prompt order, then topic, sense, length."""
    return (*skills, *GENERAL)


def names_a_skill(text: str, names: Sequence[str]) -> bool:
    """Whether the text uses a skill's name as whole words ("metaphor", but not "metaphorically").

    What a name has in brackets is an explanation: "folk physics (everyday mechanics)" is named by "folk physics".
    """
    return bool(names) and _any_name(tuple(names)).search(text) is not None


@lru_cache(maxsize=8)
def _any_name(names: tuple[str, ...]) -> re.Pattern[str]:
    words = (re.escape(name.split("(")[0].strip() or name) for name in names)
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)


def majority(votes: Sequence[Marks | None], skills: Sequence[str]) -> dict[str, bool] | None:
    """Marks by strict majority of the votes planned; an unreadable vote (None) is missing, never zero.

    A criterion needs more than half of the votes planned, so a tie gives False. Where no more than
    half of them are readable (1 of 3), the text is unscored: None.

    Raises:
        MarksError: A readable vote has another set of criteria than the combination asks for.
    """
    marks = foresee(votes, skills, len(votes))
    return None if marks is None else {name: bool(mark) for name, mark in marks.items()}


def foresee(votes: Sequence[Marks | None], skills: Sequence[str], planned: int) -> dict[str, bool | None] | None:
    """The majority's marks as far as the votes taken decide them; None for a mark that the votes to come still decide.

    With every vote taken no mark is open, and this is ``majority``. The whole result is None once no majority of the
    votes planned can be readable any more; while that is open, no mark counts as decided.

    Raises:
        MarksError: A readable vote has another set of criteria than the combination asks for.
    """
    expected = criteria(skills)
    readable = [vote for vote in votes if vote is not None]
    if bad := next((vote for vote in readable if set(vote) != set(expected)), None):
        raise MarksError(f"marks {sorted(bad)} do not fit the criteria {sorted(expected)}; was another request graded?")
    to_come = planned - len(votes)
    if 2 * (len(readable) + to_come) <= planned:
        return None
    if 2 * len(readable) <= planned:
        return dict.fromkeys(expected)
    return {name: _foresee_mark(sum(vote[name] for vote in readable), to_come, planned) for name in expected}


def _foresee_mark(awarded: int, to_come: int, planned: int) -> bool | None:
    if 2 * awarded > planned:
        return True
    return False if 2 * (awarded + to_come) <= planned else None


def is_decided(marks: Mapping[str, bool | None] | None, skills: Sequence[str]) -> bool:
    """Whether foreseen marks fix the verdict: unscored, full marks, or the first kind of criterion that was missed.

    The kinds stand in this order: any skill, topic, sense, length. A missed topic leaves the verdict open as long as a
    skill may turn out missed, too.
    """
    if marks is None:
        return True
    for kind in (skills, *([name] for name in GENERAL)):
        found = [marks[name] for name in kind]
        if False in found:
            return True
        if None in found:
            return False
    return True


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
