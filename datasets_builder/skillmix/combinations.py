"""Draws combinations (k skills, one topic) without repeats: the requests of a dataset or an evaluation.

Example: ``Combination(("simile", "belief"), "sailing")`` asks for one text on sailing that shows both.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_builder.skillmix.errors import UsageError

Method = Literal["balanced", "uniform"]
Key = tuple[frozenset[str], str]
Ints = NDArray[np.int64]

COARSE = 0.01  # share of faulty rows down to which a balanced draw is dealt anew; the rest is mended one by one
MAX_CODE = 2**63 - 1  # a combination is numbered by one signed 64-bit integer
MAX_TRIES = 10_000  # tries to mend one row; a feasible draw needs about ten
MAX_DEALS = 20  # decks dealt before a balanced draw is given up: a few rows beside many excluded ones can be unlucky


class Combination(NamedTuple):
    """k skills in the order of the prompt, and the topic."""

    skills: tuple[str, ...]
    topic: str

    @property
    def k(self) -> int:
        """How many skills."""
        return len(self.skills)

    @property
    def key(self) -> Key:
        """What makes two combinations the same: the set of skills, and the topic."""
        return frozenset(self.skills), self.topic

    @property
    def id(self) -> str:
        """Stable over runs, machines and prompt orders: ``k2-`` and 12 hex digits of a hash of the key."""
        text = "|".join([*sorted(self.skills), self.topic])
        return f"k{self.k}-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def count(skills: int, topics: int, k: int) -> int:
    """How many combinations exist: C(skills, k) * topics."""
    return math.comb(skills, k) * topics


def draw(
    skills: Sequence[str],
    topics: Sequence[str],
    k: int,
    n: int,
    seed: int,
    *,
    method: Method = "balanced",
    exclude: Collection[Key] = (),
) -> list[Combination]:
    """``n`` distinct combinations, in random order; the same arguments give the same list.

    Args:
        skills: Skill slugs to draw from.
        topics: Topic slugs to draw from.
        k: Skills a combination.
        n: How many.
        seed: Names the draw.
        method: ``balanced`` uses each skill (and each topic) equally often, +-1; ``uniform`` gives every
            combination the same chance.
        exclude: Keys that must not be drawn, such as those of a training set. A balanced draw that would
            need nearly all of what they leave is refused.

    Raises:
        UsageError: k is larger than the catalogue, fewer than ``n`` combinations exist, or too many to number.
    """
    if not 1 <= k <= len(skills):
        raise UsageError(
            f"k = {k} needs at least {k} skills, {len(skills)} are there; choose k from 1 to {len(skills)}"
        )
    if len(topics) * max(math.comb(len(skills), j) for j in range(k + 1)) > MAX_CODE:
        raise UsageError(f"k = {k} of {len(skills)} skills makes more combinations than numbers; choose a smaller k")
    rng = np.random.default_rng([seed, k])
    taken = _codes(exclude, skills, topics, k)
    total = count(len(skills), len(topics), k)
    if n > total - len(taken):
        raise UsageError(
            f"asked for {n} combinations of k = {k}, but {total - len(taken)} exist "
            f"({len(skills)} skills, {len(topics)} topics, {len(taken)} excluded); ask for fewer"
        )
    pick = _balanced if method == "balanced" else _uniform
    rows, places = pick(rng, len(skills), len(topics), k, n, taken)
    order = rng.permutation(n)
    rows = rng.permuted(rows[order], axis=1)  # the order of skills in the prompt is part of the record
    return [
        Combination(tuple(skills[i] for i in row), topics[t])
        for row, t in zip(rows.tolist(), places[order].tolist(), strict=True)
    ]


def _uniform(rng: np.random.Generator, s: int, t: int, k: int, n: int, taken: Ints) -> tuple[Ints, Ints]:
    """Distinct codes out of the C(s, k) * t possible, those ``taken`` left out."""
    total = math.comb(s, k) * t
    drawn = rng.choice(total, size=min(total, n + len(taken)), replace=False)
    chosen = drawn[~np.isin(drawn, taken)][:n]
    return _unrank(chosen // t, s, k), chosen % t


def _balanced(rng: np.random.Generator, s: int, t: int, k: int, n: int, taken: Ints) -> tuple[Ints, Ints]:
    """A dealt draw that could be mended; where more than half is wanted, what a balanced draw of the rest leaves."""
    total = math.comb(s, k) * t
    if n > total // 2 and not len(taken):  # the whole space is balanced, so the complement of a balanced draw is too
        rest = _encode(*_balanced(rng, s, t, k, total - n, taken), s, t)
        chosen = np.setdiff1d(np.arange(total), rest)
        return _unrank(chosen // t, s, k), chosen % t
    for _ in range(MAX_DEALS):
        if dealt := _deal(rng, s, t, k, n, taken):
            return dealt
    raise UsageError(
        f"no balanced draw of {n} combinations of k = {k} was found among the {total - len(taken)} left; "
        "ask for fewer, or use method: uniform"
    )


def _deal(rng: np.random.Generator, s: int, t: int, k: int, n: int, taken: Ints) -> tuple[Ints, Ints] | None:
    """Deals skills and topics from shuffled decks, then re-deals the rows that repeat a skill or a combination.

    None when a row could not be mended, such as the only row of n = 1 when it is excluded.
    """
    rows = _deck(rng, s, n * k).reshape(n, k)
    places = _deck(rng, t, n)
    bad = _faulty(rows, places, s, t, taken)
    while bad.sum() > COARSE * n:  # many faults: deal the faulty rows anew, with as many good ones so that skills move
        pool = np.flatnonzero(bad | (rng.random(n) < bad.mean()))
        rows[pool] = rng.permutation(rows[pool].ravel()).reshape(-1, k)
        now = _faulty(rows, places, s, t, taken)
        if now.sum() >= bad.sum():
            break
        bad = now
    mender = _Mender(rows, places, np.flatnonzero(_faulty(rows, places, s, t, taken)), s, t, taken)
    if not mender.mend(Random(int(rng.integers(2**63)))):
        return None
    return np.array(mender.rows, dtype=np.int64).reshape(n, k), places


class _Mender:
    """Mends the faulty rows of a balanced draw one by one: its skills are swapped with random rows until it fits.

    Swaps keep every skill's count. ``used`` holds the codes of good rows and excluded ones, and None, the code of a
    row that holds a skill twice, so that one look-up answers "may this row be?".
    """

    def __init__(self, rows: Ints, places: Ints, bad: Ints, s: int, t: int, taken: Ints) -> None:
        self.rows, self.places, self.t = rows.tolist(), places.tolist(), t
        self.table = _binomials(s, rows.shape[1]).tolist()
        self.waiting = set(bad.tolist())
        good = np.delete(np.arange(len(rows)), bad)
        self.used: set[int | None] = {None, *_encode(rows[good], places[good], s, t).tolist(), *taken.tolist()}

    def mend(self, random: Random) -> bool:
        """Mends all; False when a row found no partner."""
        return all(any(self._swap(i, random) for _ in range(MAX_TRIES)) for i in sorted(self.waiting))

    def _swap(self, i: int, random: Random) -> bool:
        j, a, b = random.randrange(len(self.rows)), *random.choices(range(len(self.rows[i])), k=2)
        mine, other = self.rows[i].copy(), self.rows[j].copy()
        mine[a], other[b] = other[b], mine[a]
        new, left = self._code(mine, i), self._code(other, j)
        if i == j or (j not in self.waiting and (left == new or left in self.used)):
            return False
        if j not in self.waiting:
            self.used.remove(self._code(self.rows[j], j))
            self.used.add(left)
        self.rows[i], self.rows[j] = mine, other  # even where it does not fit yet: a row of three alike needs two swaps
        if fits := new not in self.used:
            self.used.add(new)
            self.waiting.discard(i)
        return fits

    def _code(self, row: list[int], i: int) -> int | None:
        ordered = sorted(row)
        if any(a == b for a, b in pairwise(ordered)):
            return None
        return int(sum(self.table[skill][j + 1] for j, skill in enumerate(ordered)) * self.t + self.places[i])


def _deck(rng: np.random.Generator, size: int, n: int) -> Ints:
    """``n`` cards of ``size`` kinds from decks shuffled one by one: each kind equally often, +-1."""
    decks = np.tile(np.arange(size), (-(-n // size), 1))
    return rng.permuted(decks, axis=1).ravel()[:n]


def _faulty(rows: Ints, places: Ints, s: int, t: int, taken: Ints) -> NDArray[np.bool_]:
    """Rows that hold a skill twice, repeat an earlier combination, or are taken."""
    ordered = np.sort(rows, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    codes = np.where(twice, -1, _encode(ordered, places, s, t))
    repeated = np.ones(len(codes), dtype=bool)
    repeated[np.unique(codes, return_index=True)[1]] = False
    faulty: NDArray[np.bool_] = twice | repeated | np.isin(codes, taken)
    return faulty


def _binomials(s: int, k: int) -> Ints:
    """Table of C(i, j), shape (s + 1, k + 1)."""
    return np.array([[math.comb(i, j) for j in range(k + 1)] for i in range(s + 1)], dtype=np.int64)


def _encode(rows: Ints, places: Ints, s: int, t: int) -> Ints:
    """One integer a combination: rank of its sorted skills (combinatorial number system), times t, plus topic."""
    ordered, table = np.sort(rows, axis=1), _binomials(s, rows.shape[1])
    rank = sum((table[ordered[:, j], j + 1] for j in range(rows.shape[1])), np.zeros(len(rows), dtype=np.int64))
    return rank * t + places


def _unrank(ranks: Ints, s: int, k: int) -> Ints:
    """The inverse of the rank in ``_encode``, shape (n, k)."""
    table, rows, left = _binomials(s, k), np.empty((len(ranks), k), dtype=np.int64), ranks.copy()
    for j in range(k, 0, -1):
        rows[:, j - 1] = np.searchsorted(table[:, j], left, side="right") - 1
        left -= table[rows[:, j - 1], j]
    return rows


def _codes(keys: Iterable[Key], skills: Sequence[str], topics: Sequence[str], k: int) -> Ints:
    """Codes of the excluded keys that this draw could meet."""
    index, place = {slug: i for i, slug in enumerate(skills)}, {slug: i for i, slug in enumerate(topics)}
    met = [
        (sorted(index[s] for s in names), place[topic])
        for names, topic in keys
        if len(names) == k and topic in place and names <= index.keys()
    ]
    if not met:
        return np.empty(0, dtype=np.int64)
    return np.unique(_encode(np.array([m[0] for m in met]), np.array([m[1] for m in met]), len(skills), len(topics)))
