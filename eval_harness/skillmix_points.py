"""Reads the points of one graded row of SKILL-MIX, and finds those that stand at another criterion's place.

Example, k = 2: ``points_0`` = "1.0,0.0,1.0,1.0,1.0" are the points of two skills, topic, sense and length. They were
read from the rows of a table in ``assistant_0`` in the order found, so a row that was lost shifts those below it.
"""

import re
from collections.abc import Sequence

from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import GENERAL
from eval_harness.records_csv import Row

REPLY = "assistant_0"  # other chat formats call it otherwise; without it, shifted points cannot be found
GRADES = ("points_0", "score_extracted_0", "true_sentence_lim_pt_0")
POINT = {"0": False, "0.0": False, "1": True, "1.0": True}

_RULE = re.compile(r"[\s|:-]+")
_WORDS = re.compile(r"[a-z0-9]+")


def read_vote(row: Row, skills: Sequence[str], place: str, drop_unreadable: bool) -> tuple[bool, ...] | None:
    """The k + 3 points of one row in the order of its criteria, or None where the grader's answer was unreadable.

    Args:
        row: Has the columns ``GRADES``.
        skills: Names, in the order of the request.
        place: File and row, for messages.
        drop_unreadable: Points that do not fit are unreadable, too.

    Raises:
        UsageError: Points are missing, surplus, neither 0 nor 1, or were given for another skill.
    """
    cells = [cell.strip() for cell in row["points_0"].split(",")] if row["points_0"].strip() else []
    if not cells:
        return None
    try:
        return _points(cells, row, skills, place)
    except UsageError:
        if drop_unreadable:
            return None
        raise


def read_point(cell: str, column: str, place: str) -> bool:
    """One point, 0 or 1; anything else is a UsageError."""
    if cell.strip() not in POINT:
        raise UsageError(f"{place}: column {column!r} holds {cell!r:.20} where a point of 0 or 1 was expected")
    return POINT[cell.strip()]


def _points(cells: Sequence[str], row: Row, skills: Sequence[str], place: str) -> tuple[bool, ...]:
    cure = "grade it anew, or count it as unreadable with --drop-unreadable"
    if len(cells) != len(skills) + len(GENERAL):
        raise UsageError(
            f"{place}: {len(cells)} points, need {len(skills) + len(GENERAL)}; which criterion is missing or surplus "
            f"cannot be told, so {cure}"
        )
    points = tuple(read_point(cell, "points_0", place) for cell in cells)
    total = row["score_extracted_0"].strip()
    if total not in (str(sum(points)), f"{sum(points)}.0"):
        raise UsageError(f"{place}: the points sum to {sum(points)}, 'score_extracted_0' says {total!r:.20}; {cure}")
    for skill, label in zip(skills, _labels(row.get(REPLY, ""), len(cells)), strict=False):
        if not set(_WORDS.findall(skill.split("(")[0].lower())) <= set(_WORDS.findall(label)):
            raise UsageError(f"{place}: the point of {skill!r:.60} was given for {label!r:.60}; {cure}")
    return points


def _labels(reply: str, count: int) -> list[str]:
    """What the points of a graded table were given for, in its order; none when the reply is no such table."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in reply.lower().splitlines()]
    cells = [row for row in rows if len(row) > 1 and row[0] and not _RULE.fullmatch("|".join(row))]
    labels = [row[0] for row in cells if row[1][:1].isdigit() and "total" not in row[0]]
    return labels if len(labels) == count else []
