"""Hard skills, colliding pairs and what the draw decides: by hand, and where they were planted."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pytest
from judged_runs import make_run, true_row

from datasets_builder.skillmix.catalogue import Catalogue, load_catalogue
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import criteria, score
from eval_harness.breakdown import MIN_REQUESTS, category_rates, pair_rates, skill_rates, spreads
from eval_harness.results import EvalRun, TextRow
from eval_harness.stats import cluster_interval, share_interval, wilson


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The shipped miniature."""
    return load_catalogue("miniature")


def row(
    name: int, skills: Sequence[str], shown: Sequence[bool], topic: str = "camping", generation: int = 1
) -> TextRow:
    """A text of these skills that shows some of them, and misses nothing else."""
    marks = dict.fromkeys(criteria(skills), True) | dict(zip(skills, map(bool, shown), strict=True))
    made = true_row(name, len(skills), dict.fromkeys(criteria(("simile", "deixis")[: len(skills)]), True), generation)
    update = {"skills": tuple(skills), "topic": topic, "marks": marks, **score(marks, skills)._asdict()}
    return made.model_copy(update=update)


def planted(collide: bool, n: int = 500, seed: int = 0) -> EvalRun:
    """Pairs of eight skills, each shown in 70 % of the texts by itself; s0 and s1 never together where they collide."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in range(n):
        skills = [f"s{i}" for i in sorted(rng.choice(8, 2, replace=False))]
        shown = rng.random(2) < 0.7
        if collide and skills == ["s0", "s1"]:
            shown = np.array([True, False])
        rows.append(row(name, skills, shown))
    return make_run(rows)


def test_a_skill_is_counted_by_combination(catalogue: Catalogue) -> None:
    run = make_run(
        [
            row(0, ["simile", "belief"], [1, 0]),
            row(0, ["simile", "belief"], [0, 0], generation=2),
            row(1, ["belief", "simile"], [1, 1]),
            row(2, ["simile"], [1]),
        ]
    )
    belief, simile = skill_rates(run, catalogue)
    assert (simile.skill, simile.category, simile.side) == ("simile", "literary", "train")
    assert (simile.asked, simile.shown, simile.rate) == (3, 2.5, pytest.approx(2.5 / 3))
    assert (simile.low, simile.high) == share_interval([0.5, 1, 1])
    assert (belief.side, belief.asked, belief.shown) == ("held-out", 2, 1)
    assert (belief.low, belief.high) == wilson(1, 2)


def test_a_category_counts_a_combination_once(catalogue: Catalogue) -> None:
    run = make_run([row(0, ["simile", "alliteration"], [1, 0]), row(1, ["simile", "belief"], [1, 0])])
    literary, mind = category_rates(run, catalogue)
    assert (literary.category, literary.side, literary.skills, literary.asked) == ("literary", "train", 2, 2)
    assert (literary.shown, mind.category, mind.side, mind.shown) == (1.5, "theory of mind", "held-out", 0)


def test_sides_are_those_of_the_runs_own_split(catalogue: Catalogue) -> None:
    run = make_run([row(0, ["simile"], [1])])
    sides = {
        skill_rates(run.model_copy(update={"provenance": provenance}), catalogue)[0].side
        for seed in range(8)
        for provenance in [
            make_run([row(0, ["simile"], [1])], partition={"by": "random", "train": 16, "seed": seed}).provenance
        ]
    }
    assert sides == {"train", "held-out"}


def test_a_skill_that_the_catalogue_does_not_have_is_told(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"results-0\.json: unknown skill 'similie', did you mean 'simile'"):
        skill_rates(make_run([row(0, ["similie"], [1])]), catalogue)


def test_a_planted_collision_is_found_and_no_other() -> None:
    first, *others = pair_rates(planted(collide=True))
    assert (first.a, first.b, first.both) == ("s0", "s1", 0.0) and first.p_holm < 0.05
    assert first.expected == pytest.approx(0.49, abs=0.12) and first.texts >= MIN_REQUESTS
    assert len(others) == 27 and all(pair.p_holm > 0.05 for pair in others)


def test_independent_skills_hardly_ever_collide() -> None:
    found = [min(pair.p_holm for pair in pair_rates(planted(False, 200, seed))) for seed in range(8)]
    assert sum(p < 0.05 for p in found) <= 1


def test_what_is_expected_comes_from_the_requests_without_the_other() -> None:
    pairs = {("a", "b"): [(1, 0)] * 6, ("a", "c"): [(1, 1), (1, 1), (0, 1), (1, 1)], ("b", "c"): [(1, 1), (0, 1)]}
    rows = [(skills, shown) for skills, found in pairs.items() for shown in found]
    (found,) = pair_rates(make_run([row(i, skills, shown) for i, (skills, shown) in enumerate(rows)]))
    assert (found.a, found.b, found.texts, found.both) == ("a", "b", 6, 0.0)  # the others: fewer than MIN_REQUESTS
    assert found.expected == pytest.approx(3 / 4 * 1 / 2)


def grid(mark: Callable[[Sequence[str], str], bool]) -> EvalRun:
    """All pairs of six skills on four topics, with full marks where ``mark`` says so."""
    asked = [(skills, topic) for skills in combinations("abcdef", 2) for topic in ("t1", "t2", "t3", "t4")]
    return make_run([row(i, skills, [1, mark(skills, topic)], topic) for i, (skills, topic) in enumerate(asked)])


def test_a_topic_that_decides_widens_the_interval() -> None:
    run = grid(lambda skills, topic: topic == "t1")
    (found,) = spreads(run)
    values, topics = ([getattr(r, name) for r in run.cells[0].rows] for name in ("full_marks", "topic"))
    assert (found.low, found.high) == cluster_interval([float(v) for v in values], topics)
    assert found.topics == 4 and found.high - found.low > 2 * (run.cells[0].high - run.cells[0].low)


def test_a_skill_that_decides_is_named_and_flagged() -> None:
    (found,) = spreads(grid(lambda skills, topic: "c" in skills))
    assert (found.skill, found.flagged) == ("c", True) and found.change == pytest.approx(-1 / 3)
    (found,) = spreads(grid(lambda skills, topic: ord(skills[0]) + ord(skills[1]) + ord(topic[1]) % 2 == 0))
    assert not found.flagged


def test_one_topic_and_two_skills_say_nothing() -> None:
    (found,) = spreads(make_run([row(0, ["a"], [1]), row(1, ["b"], [0])]))
    assert (found.low, found.high, found.skill, found.change, found.growth, found.flagged) == (*[None] * 5, False)
