"""Which texts people mark: a fair draw over cells and verdicts, blind, each annotator's in another order."""

import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from human_runs import SECRETS, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builder.skillmix.errors import ResumeError, UsageError
from eval_harness.human.plan import FILE, keep_plan, read_plan
from eval_harness.human.sampling import Candidate, choose, draw_plan
from eval_harness.results import EvalRun

MANY = make_run({k: [f"Text {place} of {k}." for place in range(40)] for k in (1, 2, 3)}, full=range(10))


def candidates(run: EvalRun) -> list[Candidate]:
    return [Candidate(cell, row) for cell in run.cells for row in cell.rows]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 120), st.integers(0, 10**6))
def test_every_stratum_has_its_share(n: int, seed: int) -> None:
    everything = candidates(MANY)
    sizes = Counter(one.stratum for one in everything)
    drawn = Counter(one.stratum for one in choose(everything, n, random.Random(seed)))
    assert sum(drawn.values()) == n and len(sizes) == 6
    for stratum, size in sizes.items():
        assert abs(drawn[stratum] - Fraction(n * size, len(everything))) < 1


def test_every_text_is_equally_likely() -> None:
    class Fixed(random.Random):
        """Leaves the order alone and takes each start in turn: all that the draw can do."""

        start = 0

        def sample(self, population, k, *, counts=None):  # type: ignore[no-untyped-def]
            return list(population)[:k]

        def randrange(self, start, stop=None, step=1):  # type: ignore[no-untyped-def]
            return self.start

    everything, stream, times = candidates(MANY), Fixed(), Counter[str]()
    for stream.start in range(len(everything)):
        times.update(f"{one.cell.k} {one.row.combination}" for one in choose(everything, 33, stream))
    assert set(times.values()) == {33} and len(times) == 120


def test_the_same_seed_draws_the_same_plan_and_another_seed_another() -> None:
    assert draw_plan(MANY, 30, 0, 0.25) == draw_plan(MANY, 30, 0, 0.25)
    assert {one.item for one in draw_plan(MANY, 30, 0, 0.25).items} != {
        one.item for one in draw_plan(MANY, 30, 1, 0.25).items
    }


def test_a_small_run_gives_all_its_texts() -> None:
    plan = draw_plan(make_run(), 100, 0, 0.5)
    assert len(plan.items) == 4 and sum(item.shared for item in plan.items) == 2


def test_each_annotator_has_an_order_of_their_own_and_keeps_it() -> None:
    plan = draw_plan(MANY, 60, 0, 0.25)
    ada, bob = plan.order("ada"), plan.order("bob")
    assert ada != bob and sorted(i.item for i in ada) == sorted(i.item for i in bob)
    assert ada == plan.order("ada")
    assert sum(item.shared for item in ada) == 15


def test_the_plan_tells_neither_model_nor_grader_nor_marks(tmp_path: Path) -> None:
    keep_plan(draw_plan(MANY, 60, 0, 0.25), tmp_path)
    written = (tmp_path / FILE).read_text()
    assert not [secret for secret in SECRETS if secret in written]
    keys = set(json.loads(written)["items"][0])
    assert keys == {
        "item",
        "split",
        "k",
        "combination",
        "generation",
        "skills",
        "topic",
        "text",
        "sentences",
        "limit",
        "shared",
    }


def test_definitions_come_along_with_those_of_skills_that_are_confused() -> None:
    plan = draw_plan(make_run(), 4, 0, 0)
    assert "simile" in plan.skills["metaphor"].confused_with and plan.skills["simile"].name == "simile"


def test_sentences_are_counted_against_the_limit_of_the_run() -> None:
    run = make_run({3: ["One. Two. Three."]})
    assert [(item.sentences, item.limit) for item in draw_plan(run, 1, 0, 0).items] == [(3, 2)]
    longer = run.model_copy(update={"provenance": run.provenance.model_copy(update={"limit": 9})})
    assert [item.limit for item in draw_plan(longer, 1, 0, 0).items] == [9]


def test_the_same_command_resumes_and_another_is_refused(tmp_path: Path) -> None:
    plan = keep_plan(draw_plan(MANY, 30, 0, 0.25), tmp_path)
    assert keep_plan(draw_plan(MANY, 30, 0, 0.25), tmp_path) == read_plan(tmp_path / FILE) == plan
    else_texts = make_run({k: [f"Else {place}." for place in range(40)] for k in (1, 2, 3)})
    for run, n, seed, overlap, message in [
        (MANY, 31, 0, 0.25, "--n 30, now 31"),
        (MANY, 30, 5, 0.25, "--seed 0, now 5"),
        (MANY, 30, 0, 0.5, "--overlap 0.25, now 0.5"),
        (else_texts, 30, 0, 0.25, "of other texts"),
    ]:
        with pytest.raises(ResumeError, match=message):
            keep_plan(draw_plan(run, n, seed, overlap), tmp_path)


def test_a_run_without_definitions_is_refused() -> None:
    run = make_run()
    foreign = run.model_copy(update={"provenance": run.provenance.model_copy(update={"catalogue": "unknown"})})
    with pytest.raises(UsageError, match="--catalogue"):
        draw_plan(foreign, 4, 0, 0)
    other = run.model_copy(update={"provenance": run.provenance.model_copy(update={"catalogue": "miniature"})})
    with pytest.raises(UsageError, match="unknown skill"):
        draw_plan(other, 4, 0, 0)


def test_a_broken_plan_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(UsageError, match="not a plan of this version"):
        read_plan(tmp_path / FILE)
