"""The rubric against the worked cases of the papers and an independent implementation."""

import random
from collections.abc import Sequence
from itertools import product

import pytest

from datasets_builder.skillmix.rubric import (
    MarksError,
    criteria,
    deduct,
    majority,
    names_a_skill,
    score,
    sentence_limit,
)

SKILLS = ("simile", "belief", "space")


def mark(row: Sequence[int], skills: Sequence[str] = SKILLS) -> dict[str, bool]:
    return {name: bool(value) for name, value in zip(criteria(skills), row, strict=True)}


def test_an_overlong_text_with_all_skills_buys_no_skill_credit() -> None:
    assert score(mark([1, 1, 1, 1, 1, 0]), SKILLS) == (False, True, 0.0)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1, 1, 0, 1, 1, 1], (False, False, 2 * 1 / 3)),  # a1
        ([1, 1, 1, 1, 1, 0], (False, True, 0.0)),  # a2, three sentences
        ([1, 0, 0, 1, 1, 1], (False, False, 1 / 3)),  # a3
        ([1, 1, 1, 1, 1, 1], (True, True, 1.0)),  # b1
        ([1, 1, 0, 1, 1, 1], (False, False, 2 / 3)),  # b2
        ([1, 1, 1, 0, 1, 1], (False, True, 0.0)),  # b3, off topic
        ([1, 1, 1, 0, 1, 0], (False, False, 0.0)),  # two general points lost
    ],
)
def test_worked_texts(row: list[int], expected: tuple[bool, bool, float]) -> None:
    assert score(mark(row), SKILLS) == pytest.approx(expected)


def test_the_worked_votes_and_cell() -> None:
    votes = [mark([1, 1, 0, 1, 1, 1]), mark([1, 0, 1, 1, 1, 1]), mark([1, 1, 0, 1, 1, 1])]
    a1 = majority(votes, SKILLS)
    assert a1 == mark([1, 1, 0, 1, 1, 1])
    a = [score(marks, SKILLS) for marks in (a1, mark([1, 1, 1, 1, 1, 0]), mark([1, 0, 0, 1, 1, 1]))]
    b = [score(mark(row), SKILLS) for row in ([1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1])]
    best = [[max(metric) for metric in zip(*texts, strict=True)] for texts in (a, b)]
    mean = [[sum(metric) / 3 for metric in zip(*texts, strict=True)] for texts in (a, b)]
    assert [sum(metric) / 2 for metric in zip(*best, strict=True)] == pytest.approx([0.5, 1.0, 5 / 6])
    assert [sum(metric) / 2 for metric in zip(*mean, strict=True)] == pytest.approx([1 / 6, 0.5, 4 / 9])


def test_every_vector_of_marks_up_to_five_skills() -> None:
    for k in range(1, 6):
        skills = [f"s{i}" for i in range(k)]
        for row in product((0, 1), repeat=k + 3):
            points, general = sum(row[:k]), sum(row[k:])
            expected = (points + general == k + 3, points == k and general > 1, points / k * (general == 3))
            assert score(mark(row, skills), skills) == pytest.approx(expected)


def reference(table: Sequence[Sequence[int] | None], too_long: bool, named: bool, k: int) -> tuple[float, ...] | None:
    """The rubric in arithmetic alone: a column's votes are summed and compared with half the votes planned."""
    rows = [row for row in table if row is not None]
    if len(rows) / len(table) <= 0.5:
        return None
    sums = [sum(column) for column in zip(*rows, strict=True)]
    points = [1 if 2 * total > len(table) else 0 for total in sums]
    points[-1] = min(points[-1], 0 if too_long else 1)
    points[:k] = [0] * k if named else points[:k]
    shown, general = sum(points[:k]), sum(points[k:])
    return float(shown + general == k + 3), float(shown == k and general >= 2), (shown / k if general == 3 else 0.0)


def test_random_vote_tables_against_an_independent_implementation() -> None:
    rng, unscored, full = random.Random(0), 0, 0
    for _ in range(10_000):
        k, votes, bias = rng.randint(1, 5), rng.choice([1, 2, 3, 5]), rng.choice([0.5, 0.8, 0.97])
        skills = [f"s{i}" for i in range(k)]
        table = [None if rng.random() < 0.2 else [int(rng.random() < bias) for _ in range(k + 3)] for _ in range(votes)]
        too_long, named = rng.random() < 0.1, rng.random() < 0.1
        voted = majority([None if row is None else mark(row, skills) for row in table], skills)
        expected = reference(table, too_long, named, k)
        assert (voted is None) == (expected is None)
        if voted is None:
            unscored += 1
            continue
        found = score(deduct(voted, skills, too_long=too_long, named=named), skills)
        assert found == pytest.approx(expected)
        full += found.full_marks
    assert unscored > 500 and full > 500  # both outcomes were met often


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 1, 1, 1]], [1, 1, 1, 1]),
        ([[1, 1, 1, 1], [0, 1, 1, 1]], [0, 1, 1, 1]),  # a tie gives no point
        ([[1, 1, 1, 1], None, [0, 1, 1, 1]], [0, 1, 1, 1]),
        ([[1, 1, 1, 1], None], None),  # one of two: no majority of the votes planned
        ([None, None, [1, 1, 1, 1]], None),
        ([], None),
    ],
)
def test_votes_that_tie_or_cannot_be_read(rows: list[list[int] | None], expected: list[int] | None) -> None:
    found = majority([None if row is None else mark(row, ["simile"]) for row in rows], ["simile"])
    assert found == (None if expected is None else mark(expected, ["simile"]))


def test_marks_of_another_request_are_refused() -> None:
    with pytest.raises(MarksError, match="another request"):
        majority([mark([1, 1, 1, 1], ["belief"])], ["simile"])
    with pytest.raises(MarksError):
        score({"simile": True, "topic": True, "sense": True}, ["simile"])
    with pytest.raises(MarksError):
        score(mark([1, 1, 1], []), [])


def test_program_points_come_off_and_never_on() -> None:
    none, every = mark([0] * 6), mark([1] * 6)
    assert deduct(none, SKILLS, too_long=False, named=False) == none
    assert deduct(every, SKILLS, too_long=True, named=False) == mark([1, 1, 1, 1, 1, 0])
    assert deduct(every, SKILLS, too_long=False, named=True) == mark([0, 0, 0, 1, 1, 1])


def test_sentence_limits() -> None:
    assert [sentence_limit(k) for k in range(1, 7)] == [1, 1, 2, 3, 4, 5]


def test_a_skill_is_named_by_whole_words_in_any_case() -> None:
    assert names_a_skill("A Metaphor, they say.", ["metaphor"])
    assert not names_a_skill("Metaphorically speaking.", ["metaphor"])
    assert names_a_skill("a red herring swims", ["red herring"])
    assert not names_a_skill("a.b", ["a*b"])
