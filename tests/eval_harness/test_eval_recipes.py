"""The suites that we ship: every cell can be drawn, every prompt rendered, and what they say of themselves holds."""

import re
from pathlib import Path

import pytest

from datasets_builder.costs import CASES
from datasets_builder.meter import Prices, load_prices
from datasets_builder.miniature import lexicon
from datasets_builder.miniature.grammar import makes_sense
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import SHIPPED
from eval_harness.access import Access
from eval_harness.draws import load_world
from eval_harness.graders import MODEL
from eval_harness.money import Costs, estimate, explain
from eval_harness.suite import Plan, check_budget, plan_suite
from eval_harness.suite_config import EvalSuite

FOLDER = Path(__file__).parents[2] / "recipes/eval"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
STUDENT, GRADER = Access("openai/gpt-4.1"), Access("anthropic/claude-haiku-4-5-20251001")


def plan(name: str, **changes: object) -> Plan:
    suite = read_config(EvalSuite, FOLDER / f"{name}.yml").model_copy(update=changes)
    return plan_suite(suite, STUDENT, grader_model=GRADER if suite.grader == MODEL else None)


def test_the_suites_of_the_harness_are_there() -> None:
    assert set(NAMES) >= {"paper", "quick", "wide", "natural", "verifiable", "cross-partition", "miniature"}


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_can_be_drawn_and_asked(name: str) -> None:
    found = plan(name)
    for cell, drawn in found.drawn:
        assert len(drawn) == cell.n or found.world.catalogue.about.name == "miniature"
        request = found.world.generate(drawn[0])
        assert all(found.world.catalogue.skills[skill].name in request for skill in drawn[0].skills)
        assert found.world.revise(drawn[0]) and found.world.grade(drawn[0], "A text.")


def test_the_paper_and_its_cells() -> None:
    suite = plan("paper").suite
    assert [(cell.split, cell.k) for cell in suite.cells()] == [
        (split, k) for split in ("train", "held-out", "all") for k in (1, 2, 3, 4, 5)
    ]
    assert (suite.generations, suite.votes, suite.revise, suite.early_stop) == (3, 3, True, False)
    assert [cell.k for cell in plan("wide").suite.cells()][:3] == [6, 7, 8]


@pytest.mark.parametrize("name", ["paper", "wide", "natural", "cross-partition", "verifiable"])
def test_what_the_paper_does_not_state_is_marked(name: str) -> None:
    assert "paper: not stated" in (FOLDER / f"{name}.yml").read_text()


def test_natural_writing_is_asked_for_in_other_words_and_judged_in_the_same() -> None:
    natural, paper = plan("natural"), plan("paper")
    (_, drawn), judge = natural.drawn[0], "grade"
    assert natural.world.sources[judge] == paper.world.sources[judge]
    assert natural.world.version != paper.world.version and natural.fingerprint != paper.fingerprint
    assert "at most twelve sentences" in natural.world.revise(drawn[0])
    text = "One. Two. Three. Four. Five."
    assert paper.world.is_too_long(drawn[0], text) and not natural.world.is_too_long(drawn[0], text)
    assert "at most twelve sentences (12); the program counted 5" in natural.world.grade(drawn[0], text)


def test_a_program_grader_takes_no_other_limit() -> None:
    with pytest.raises(UsageError, match="has a sentence limit of its own"):
        plan("miniature", limit=5)


def test_the_verifiable_world_is_explained_in_its_own_words() -> None:
    """The lists in the request are the lexicon's, and what it shows as sentences makes sense."""
    world = load_world("miniature", "verifiable")
    source = world.sources["generate"]
    for topic, words in lexicon.TOPICS.items():
        verbs = ", ".join("/".join(verb) for verb in words.verbs)
        assert f'"{topic}": "things {", ".join(words.nouns)}; verbs {verbs}"' in source
    listed = {word for line in source.splitlines() if ": " in line for word in re.findall(r"[a-z]+", line)}
    assert set(lexicon.CLASS_OF) - set(lexicon.FUNCTION_WORDS) - {"(", ")", ",", ".", "?"} <= listed
    assert all(makes_sense(sentence) for sentence in re.findall(r'"(the [a-z ,]+ \.)"', source))
    assert world.sources["grade"] == (SHIPPED / "miniature/grade.txt").read_text()


def test_another_seed_deals_other_categories() -> None:
    one, other = (plan("cross-partition", partition=p) for p in seeds())
    sides = [found.world.catalogue.partition(found.suite.partition) for found in (one, other)]
    assert sides[0].skills("train") != sides[1].skills("train")
    for side in sides:
        categories = [
            {one.world.catalogue.skills[s].category for s in side.skills(split)} for split in ("train", "held-out")
        ]
        assert not categories[0] & categories[1]


def seeds() -> list[object]:
    suite = read_config(EvalSuite, FOLDER / "cross-partition.yml")
    return [suite.with_seed(seed).partition for seed in (0, 1)]


def costs(name: str, prices: Prices | None = None, **changes: object) -> Costs:
    return estimate(plan(name, **changes), prices or load_prices())


def test_the_estimate_counts_every_call_of_the_suite() -> None:
    found = costs("paper")
    assert len(found.lines) == 15 * 2 and not found.unknown
    for line in found.lines:
        low, expected, high = (line.cases[case] for case in CASES)
        if line.role == "student":
            assert low.calls == expected.calls == high.calls == 300 * 3 * 2
        else:
            assert (low.calls, expected.calls, high.calls) == (2700, 2754, 2970)
        assert low.usd and high.usd and low.usd < high.usd
    totals = found.by_role()
    assert totals["student"]["low"].calls == 15 * 1800
    assert found.total("high") == pytest.approx(sum(totals[role]["high"].usd or 0 for role in totals))
    early = costs("paper", early_stop=True).by_role()["grader"]
    assert early["low"].calls == 15 * 1800 < totals["grader"]["low"].calls
    assert "every vote that is planned" in explain(False) and "bare majority" in explain(True)


def test_an_unknown_price_is_unknown() -> None:
    found = costs("quick", Prices(prices=()))
    assert found.unknown == sorted([STUDENT.name, GRADER.name])
    assert all(case.usd is None for cases in found.by_role().values() for case in cases.values())
    with pytest.raises(UsageError, match="--budget needs the price of"):
        check_budget(plan("quick").models.values(), Prices(prices=()), 1.0)
    check_budget(plan("quick").models.values(), load_prices(), 1.0)


def test_a_preview_is_another_run_of_fewer_combinations() -> None:
    suite = read_config(EvalSuite, FOLDER / "miniature.yml")
    small = suite.preview(5)
    assert {cell.n for cell in small.cells()} == {5} and suite.preview(10_000) == suite
    assert plan_suite(suite, STUDENT).fingerprint != plan_suite(small, STUDENT).fingerprint
