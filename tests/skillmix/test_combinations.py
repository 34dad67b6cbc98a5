"""Combinations: distinct, balanced where asked for, repeatable, and never one that is excluded."""

import math
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builder.skillmix.combinations import Combination, Method, count, draw
from datasets_builder.skillmix.errors import UsageError

METHODS: tuple[Method, ...] = ("balanced", "uniform")
SMALL = [(3, 2, 1), (4, 2, 2), (5, 3, 2), (5, 2, 3), (6, 2, 3), (3, 5, 3), (4, 1, 2), (5, 1, 4), (2, 3, 2), (6, 1, 2)]


def _slugs(letter: str, n: int) -> list[str]:
    return [f"{letter}{i}" for i in range(n)]


def _spread(drawn: Iterable[str], pool: list[str]) -> int:
    """Largest minus smallest number of uses in the pool."""
    uses = Counter(drawn)
    return max(uses[slug] for slug in pool) - min(uses[slug] for slug in pool)


@pytest.mark.parametrize(("s", "t", "k"), SMALL)
def test_balanced_draws_are_balanced_for_every_n_there_is(s: int, t: int, k: int) -> None:
    skills, topics = _slugs("s", s), _slugs("t", t)
    for n in range(count(s, t, k) + 1):
        drawn = draw(skills, topics, k, n, seed=n)
        assert len(drawn) == len({c.key for c in drawn}) == n
        assert _spread((slug for c in drawn for slug in c.skills), skills) <= 1
        assert _spread((c.topic for c in drawn), topics) <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 2**40), st.sampled_from(METHODS), st.data())
def test_draws_are_distinct_sound_and_repeatable(
    s: int, t: int, seed: int, method: Method, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, min(s, 4)))
    n = data.draw(st.integers(0, min(count(s, t, k), 60)))
    skills, topics = _slugs("s", s), _slugs("t", t)
    drawn = draw(skills, topics, k, n, seed, method=method)
    assert len({c.key for c in drawn}) == len({c.id for c in drawn}) == n
    assert all(len(set(c.skills)) == k and set(c.skills) <= set(skills) and c.topic in topics for c in drawn)
    assert drawn == draw(skills, topics, k, n, seed, method=method)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from(METHODS), st.integers(0, 25))
def test_what_is_excluded_is_never_drawn(seed: int, method: Method, n: int) -> None:
    skills, topics = _slugs("s", 6), _slugs("t", 4)
    first = draw(skills, topics, 2, 20, seed, method=method)
    second = draw(skills, topics, 2, n, seed + 1, method=method, exclude={c.key for c in first})
    assert not {c.key for c in first} & {c.key for c in second} and len({c.key for c in second}) == n


def test_uniform_reaches_the_very_last_combination_that_is_left() -> None:
    skills, topics = _slugs("s", 5), _slugs("t", 3)
    everything = draw(skills, topics, 2, 30, seed=0, method="uniform")
    last = draw(skills, topics, 2, 1, seed=1, method="uniform", exclude={c.key for c in everything[:29]})
    assert last[0].key == everything[29].key


def test_exclusions_of_other_spaces_are_ignored() -> None:
    other = {(frozenset({"s0"}), "t0"), (frozenset({"s0", "zz"}), "t0"), (frozenset({"s0", "s1"}), "zz")}
    assert len(draw(_slugs("s", 3), _slugs("t", 2), 2, 6, 0, exclude=other)) == 6


def test_ids_are_pinned() -> None:
    """They stand in published datasets: an id must mean the same combination in every version."""
    assert Combination(("simile", "belief"), "sailing").id == "k2-5c961f4ae536"
    assert Combination(("simile",), "cooking").id == "k1-3db16685ee1c"


def test_a_draw_is_pinned() -> None:
    """A recipe names only its seed; another draw for it would change a dataset without a word."""
    drawn = draw(_slugs("s", 5), _slugs("t", 3), 2, 2, seed=7)
    assert [(c.skills, c.topic) for c in drawn] == [(("s3", "s1"), "t1"), (("s2", "s0"), "t2")]


@given(st.permutations(["simile", "belief", "space"]))
def test_key_and_id_do_not_depend_on_the_order_of_skills(skills: list[str]) -> None:
    mine, other = Combination(tuple(skills), "sailing"), Combination(("belief", "simile", "space"), "sailing")
    assert (mine.key, mine.id, mine.k) == (other.key, other.id, 3)
    assert mine.id != Combination(tuple(skills), "cooking").id


def test_the_order_of_skills_in_the_prompt_varies() -> None:
    drawn = draw(_slugs("s", 6), _slugs("t", 6), 2, 80, seed=0)
    assert 20 < sum(c.skills[0] < c.skills[1] for c in drawn) < 60


def test_seed_and_k_name_the_draw() -> None:
    first, second = (draw(_slugs("s", 9), _slugs("t", 5), 2, 50, seed) for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("s", "t", "k", "n", "message"),
    [
        (3, 2, 4, 1, "k = 4 needs at least 4 skills, 3 are there; choose k from 1 to 3"),
        (3, 2, 0, 1, "choose k from 1 to 3"),
        (
            3,
            2,
            2,
            7,
            r"asked for 7 combinations of k = 2, but 6 exist \(3 skills, 2 topics, 0 excluded\); ask for fewer",
        ),
        (3, 0, 1, 1, "but 0 exist"),
        (101, 100, 20, 10, "k = 20 of 101 skills makes more combinations than numbers"),
        (101, 100, 99, 10, "more combinations than numbers"),
    ],
)
def test_impossible_requests_are_one_line(method: Method, s: int, t: int, k: int, n: int, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        draw(_slugs("s", s), _slugs("t", t), k, n, 0, method=method)
    assert "\n" not in str(caught.value)


def test_a_balance_that_exclusions_make_impossible_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets_builder.skillmix.combinations.MAX_TRIES", 2000)
    without = {(frozenset({"s0", other}), topic) for other in ("s1", "s2", "s3") for topic in ("t0", "t1")}
    with pytest.raises(UsageError, match=r"no balanced draw of 6 combinations .* or use method: uniform"):
        draw(_slugs("s", 4), ["t0", "t1"], 2, 6, 0, exclude=without)
    assert len(draw(_slugs("s", 4), ["t0", "t1"], 2, 6, 0, method="uniform", exclude=without)) == 6


def test_uniform_gives_every_combination_the_same_chance() -> None:
    """20 combinations, 4,000 draws of one: chi-square with 19 degrees of freedom stays under its 99.99 % point."""
    skills, topics = _slugs("s", 5), _slugs("t", 2)
    hits = Counter(draw(skills, topics, 2, 1, seed, method="uniform")[0].key for seed in range(4000))
    assert len(hits) == count(5, 2, 2) == 20
    assert sum((hits[key] - 200) ** 2 / 200 for key in hits) < 51


def test_count() -> None:
    assert count(53, 70, 3) == math.comb(53, 3) * 70 == 1_639_820
