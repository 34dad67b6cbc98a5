"""Votes to scores, twice: our rubric and results, and arrays that know nothing of them.

The second way counts: a table of votes is an array (votes, k + 3) of 0, 1 and nan for what cannot be read; a cell is an
array (combinations, generations) of each metric with nan for unscored texts. It uses no function of the first way.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets_builder.skillmix.rubric import deduct, foresee, majority, score
from eval_harness.results import CellResult, TextRow, summarise

TABLES = 10_000
Array = NDArray[np.float64]


def mark_table(table: Array, planned: int, too_long: bool, named: bool) -> Array | None:
    """Marks of one text: column sums against half of the votes planned; then the program's two points."""
    readable = ~np.isnan(table).any(axis=1)
    if readable.sum() * 2 <= planned:
        return None
    marks = (np.nansum(table[readable], axis=0) > planned / 2).astype(float)
    k = table.shape[1] - 3
    marks[-1] *= not too_long
    marks[:k] *= not named
    return marks


def measure(marks: Array) -> Array:
    """Full marks, all skills, skills fraction from products and means of the marks."""
    shown, general = marks[:-3], marks[-3:]
    full = float(np.prod(marks))
    every = float(np.prod(shown) * (general.sum() > 1.5))
    return np.array([full, every, shown.mean() * np.prod(general)])


def random_table(random: np.random.Generator) -> tuple[int, Array]:
    """k, and votes that lean to the same marks, a tenth of them unreadable."""
    k, votes = int(random.integers(1, 9)), int(random.integers(1, 6))
    lean = random.choice([0.1, 0.5, 0.9, 0.97], size=k + 3)
    table = (random.random((votes, k + 3)) < lean).astype(float)
    table[random.random(votes) < 0.1] = np.nan
    return k, table


def as_votes(table: Array, names: list[str]) -> list[dict[str, bool] | None]:
    return [None if np.isnan(row).any() else dict(zip(names, map(bool, row), strict=True)) for row in table]


def test_marks_and_metrics_of_ten_thousand_vote_tables() -> None:
    random, unscored, full = np.random.default_rng(4), 0, 0
    for _ in range(TABLES):
        k, table = random_table(random)
        too_long, named = (bool(random.random() < 0.2) for _ in range(2))
        skills = [f"skill-{i}" for i in range(k)]
        names = [*skills, "topic", "sense", "length"]
        expected = mark_table(table, len(table), too_long, named)
        voted = majority(as_votes(table, names), skills)
        if voted is None:
            assert expected is None
            unscored += 1
            continue
        marks = deduct(voted, skills, too_long=too_long, named=named)
        assert expected is not None and [marks[name] for name in names] == expected.astype(bool).tolist()
        found = score(marks, skills)
        assert np.allclose(tuple(map(float, found)), measure(expected))
        full += found.full_marks
    assert TABLES * 0.02 < unscored < TABLES * 0.2 and full > TABLES * 0.01  # all kinds of tables were met


def test_a_vote_that_is_left_out_changes_no_mark() -> None:
    """Early stop: the votes before the first moment when no mark is open give the marks of all votes."""
    random, saved = np.random.default_rng(5), 0
    for _ in range(TABLES // 5):
        k, table = random_table(random)
        skills = [f"skill-{i}" for i in range(k)]
        votes = as_votes(table, [*skills, "topic", "sense", "length"])
        for taken in range(len(votes) + 1):
            foreseen = foresee(votes[:taken], skills, len(votes))
            if foreseen is None or None not in foreseen.values():
                assert foreseen == majority(votes, skills)
                assert majority([*votes[:taken], *[None] * (len(votes) - taken)], skills) == foreseen
                saved += len(votes) - taken
                break
    assert saved > 0


def rows_of(metrics: Array) -> list[TextRow]:
    """Rows for an array (combinations, generations, 3 metrics), nan where unscored; k = 3."""
    rows = []
    for i, texts in enumerate(metrics):
        for generation, (full, every, fraction) in enumerate(texts, start=1):
            scored = not np.isnan(full)
            skills = ("a", "b", "c")
            rows.append(
                TextRow(
                    combination=f"k3-{i:04}",
                    generation=generation,
                    skills=skills,
                    topic="camping",
                    text="",
                    marks=dict.fromkeys([*skills, "topic", "sense", "length"], bool(full)) if scored else None,
                    full_marks=bool(full) if scored else None,
                    all_skills=bool(every) if scored else None,
                    skills_fraction=float(fraction) if scored else None,
                    shotgun=None,
                )
            )
    return rows


def check(cell: CellResult, metrics: Array) -> None:
    """Means and maxima over generations first, then over combinations that have any scored text."""
    texts = ~np.isnan(metrics[:, :, 0])
    left = texts.any(axis=1)
    mean, best = np.nanmean(metrics[left], axis=1).mean(axis=0), np.nanmax(metrics[left], axis=1).mean(axis=0)
    assert np.allclose([cell.full_marks, cell.all_skills, cell.skills_fraction], mean)
    assert np.allclose([cell.full_marks_max, cell.all_skills_max, cell.skills_fraction_max], best)
    assert (cell.n_texts, cell.unscored) == (texts.sum(), (~texts).sum())
    assert (cell.n_combinations, cell.unscored_combinations) == (left.sum(), (~left).sum())
    assert cell.low <= cell.full_marks <= cell.high and cell.sf_low <= cell.skills_fraction <= cell.sf_high


@pytest.mark.parametrize("seed", range(6))
def test_maxima_and_means_over_generations(seed: int) -> None:
    random = np.random.default_rng(seed)
    fraction = random.integers(0, 4, size=(40, 3)) / 3
    full = (fraction == 1) & (random.random(fraction.shape) < 0.7)
    every = full | (random.random(fraction.shape) < 0.2)
    metrics = np.stack([full, every, fraction], axis=2).astype(float)
    metrics[random.random(fraction.shape) < 0.25] = np.nan
    check(summarise(rows_of(metrics), "train", 3, 3), metrics)


def test_the_worked_example() -> None:
    """Six texts of two combinations, k = 3, at most two sentences: topic, sense and length after the skills."""
    votes = np.array([[1, 1, 0, 1, 1, 1], [1, 0, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1]], dtype=float)
    first = mark_table(votes, 3, False, False)
    assert first is not None and first.tolist() == [1, 1, 0, 1, 1, 1]
    others = [[1, 1, 1, 1, 1, 0], [1, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1]]
    texts = [first, *(np.array(marks, dtype=float) for marks in others)]
    names, skills = ["a", "b", "c", "topic", "sense", "length"], ["a", "b", "c"]
    ours = [score(dict(zip(names, map(bool, marks), strict=True)), skills) for marks in texts]
    third, two = 1 / 3, 2 / 3
    table = [(0, 0, two), (0, 1, 0), (0, 0, third), (1, 1, 1), (0, 0, two), (0, 1, 0)]
    assert np.allclose([tuple(map(float, found)) for found in ours], table)
    assert np.allclose([measure(marks) for marks in texts], table)
    cell = summarise(rows_of(np.array(table).reshape(2, 3, 3)), "train", 3, 3)
    assert (cell.full_marks_max, cell.all_skills_max) == (0.5, 1.0)
    assert cell.skills_fraction_max == pytest.approx(5 / 6)
    found = (cell.full_marks, cell.all_skills, cell.skills_fraction)
    assert found == pytest.approx((1 / 6, 1 / 2, 4 / 9))
