"""What a build is expected to cost: its calls bracket the real ones, its prompts are the real ones."""

from pathlib import Path
from typing import Any

import pytest
from data_fakes import CONTENT

from datasets_builder import estimate as module
from datasets_builder.build import Source, ask_for, read_source
from datasets_builder.estimate import ASSUMED, CASES, Estimate, estimate, explain
from datasets_builder.meter import Prices
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.runner import run_stream
from datasets_builder.skillmix.combinations import Combination

HERE = Path("recipe.yml")
PAID = {"teacher": {"model": "openai/teacher"}, "grader": {"model": "x/grader"}, "votes": 3}
RATE = {"as_of": "2026-01-01", "source": "a test"}
PRICES = Prices.model_validate(
    {
        "prices": [
            {"match": ["openai/teacher"], "input": 2.0, "output": 8.0, "batch": 0.5, **RATE},
            {"match": ["x/grader"], "input": 1.0, "output": 5.0, **RATE},
        ]
    }
)


def of(
    changes: dict[str, Any], prices: Prices = PRICES, limit: int | None = None
) -> tuple[Estimate, Source, DataRecipe]:
    recipe = DataRecipe.model_validate({**CONTENT, **PAID, **changes})
    source = read_source(recipe, HERE)
    return estimate(recipe, source, ask_for(recipe, source, HERE, limit=limit), prices), source, recipe


def test_calls_follow_from_the_recipe() -> None:
    found, _, _ = of({})
    assert list(found.stages) == ["generate", "revise", "grade"]
    for stage in ("generate", "revise"):
        assert {case.calls for case in found.stages[stage].values()} == {320}
    low, expected, high = (found.stages["grade"][case].calls for case in CASES)
    assert low == round(320 * 0.8 * 2) and high == round(320 * 3 * 1.1)
    assert low < expected == round(320 * 0.95 * 2.25 * 1.02) < high
    assert "revise" not in of({"revise": False})[0].stages
    assert {case.calls for case in of({"votes": 1}, limit=10)[0].stages["generate"].values()} == {10}


def test_a_real_build_stays_within_the_calls() -> None:
    """The scripted world: half of the drafts have a fault, so more than usual is screened out."""
    recipe = DataRecipe.model_validate({**CONTENT, "votes": 3})
    source = read_source(recipe, HERE)
    rows = run_stream(make_pipeline(recipe, source.prompts), requests(recipe, source.catalogue))
    found, _, _ = of({})
    graded = sum(len(row["votes"] or ()) for row in rows)
    assert found.stages["grade"]["low"].calls <= graded <= found.stages["grade"]["high"].calls


def test_prompts_are_counted_as_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 10_000)
    found, source, recipe = of({})
    rows = requests(recipe, source.catalogue)
    characters = sum(len(source.prompts.generate(Combination(tuple(row["skills"]), row["topic"]))) for row in rows)
    tokens = found.stages["generate"]["expected"].usage.input_tokens
    assert tokens == pytest.approx(characters / 4, abs=1)
    assert found.stages["revise"]["expected"].usage.input_tokens > tokens  # the request, the reply, and the revision


def test_a_sample_of_the_prompts_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    sampled, _, _ = of({"catalogue": "full", "partition": {"by": "category"}})
    monkeypatch.setattr(module, "SAMPLE", 10_000)
    whole, _, _ = of({"catalogue": "full", "partition": {"by": "category"}})
    for stage in sampled.stages:
        few, all_ = (e.stages[stage]["expected"].usage.input_tokens for e in (sampled, whole))
        assert few == pytest.approx(all_, rel=0.05)


def test_costs_follow_from_tokens_and_prices() -> None:
    found, _, _ = of({})
    stage = found.stages["generate"]["high"]
    assert stage.usd == pytest.approx((stage.usage.input_tokens * 2 + stage.usage.output_tokens * 8) / 1e6)
    assert found.total("low") < found.total("expected") < found.total("high")
    assert found.total("high") == pytest.approx(sum(cases["high"].usd or 0 for cases in found.stages.values()))
    batched, _, _ = of({"teacher": {"model": "openai/teacher", "batch": True}})
    assert batched.stages["generate"]["low"].usd == pytest.approx((found.stages["generate"]["low"].usd or 0) / 2)


def test_an_unknown_price_is_told_and_not_summed() -> None:
    found, _, _ = of({"grader": {"model": "x/new"}})
    assert found.unknown == ["x/new"] and all(stage.usd is None for stage in found.stages["grade"].values())
    assert found.total("low") == pytest.approx(
        sum(found.stages[stage]["low"].usd or 0 for stage in ("generate", "revise"))
    )


def test_answers_are_cut_at_max_tokens() -> None:
    cut, _, _ = of({"teacher": {"model": "openai/teacher", "max_tokens": 50}})
    assert cut.stages["generate"]["high"].usage.output_tokens == 320 * 50


def test_rows_that_are_rejected_beforehand_cost_nothing() -> None:
    recipe = DataRecipe.model_validate({**CONTENT, **PAID})
    source = read_source(recipe, HERE)
    rows = requests(recipe, source.catalogue)
    rows = [row | ({"reason": "contaminated"} if i % 2 else {}) for i, row in enumerate(rows)]
    assert estimate(recipe, source, rows, PRICES).stages["generate"]["low"].calls == 160


def test_the_assumptions_are_told() -> None:
    told = explain()
    for case in ASSUMED.values():
        assert f"{100 * case.graded:g}" in told and f"{case.length:g}" in told
