"""What a build will cost, before anything is asked: calls, tokens and USD for each stage; low, expected, high.

Counted: the requests of the recipe, and the length of prompts that are really rendered for a sample of its rows.
Assumed: the lengths of answers, what the screen rejects, how many votes are taken; ``costs.ASSUMED``, ``explain``.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from datasets_builder.build import Source
from datasets_builder.costs import (
    ASSUMED,
    CASES,
    CHARACTERS,
    SAMPLE,
    Size,
    Stage,
    marks_tokens,
    range_of,
    reply_tokens,
    stand_in,
    sum_up,
    text_tokens,
)
from datasets_builder.meter import Price, Prices
from datasets_builder.models import ScriptedGraderConfig, ScriptedTeacherConfig
from datasets_builder.pipeline import DataRecipe, make_pipeline
from datasets_builder.steps import Row

STAGES = ("generate", "revise", "grade")


class Estimate(NamedTuple):
    """All stages, by name and case; the model of each; the prices that were used, None for an unknown one."""

    stages: dict[str, dict[str, Stage]]
    models: dict[str, str]
    prices: dict[str, Price | None]

    def total(self, case: str) -> float:
        """USD of all stages whose price is known."""
        return sum(cases[case].usd or 0.0 for cases in self.stages.values())

    @property
    def unknown(self) -> list[str]:
        """Models without a price."""
        return sorted(model for model, price in self.prices.items() if price is None)


def estimate(recipe: DataRecipe, source: Source, asked: Sequence[Row], prices: Prices) -> Estimate:
    """The calls, tokens and costs of a build that asks for these rows; no model is called, and no key is needed."""
    rows = [row for row in asked if not row.get("reason")]
    models = {"generate": recipe.teacher, "revise": recipe.teacher, "grade": recipe.grader}
    if not recipe.revise:
        del models["revise"]
    sizes = _measure(recipe, source, rows)
    stages: dict[str, dict[str, Stage]] = {}
    for stage, model in models.items():
        price, batched = prices.of(model.model_name), bool(getattr(model, "batch", False))
        stages[stage] = {}
        for case in CASES:
            calls, usage = sum_up(stage, sizes[stage], ASSUMED[case], recipe.votes, getattr(model, "max_tokens", None))
            stages[stage][case] = Stage(calls, usage, None if price is None else price.usd(usage, batched=batched))
    names = {stage: model.model_name for stage, model in models.items()}
    return Estimate(stages, names, {name: prices.of(name) for name in names.values()})


def _measure(recipe: DataRecipe, source: Source, rows: Sequence[Row]) -> dict[str, list[Size]]:
    """Renders the prompts of some rows of each k, as the Tasks of the pipeline send them."""
    programs = {
        "teacher": ScriptedTeacherConfig(scripted="miniature"),
        "grader": ScriptedGraderConfig(scripted="miniature"),
    }
    pipeline = make_pipeline(recipe.model_copy(update=programs), source.prompts)
    by_k: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_k[row["k"]].append(row)
    tasks = {stage: pipeline.dag.get_step(stage)["step"] for stage in STAGES if stage in pipeline.dag}
    return {
        stage: [Size(k, len(some), _mean(task, tasks["generate"], some)) for k, some in sorted(by_k.items())]
        for stage, task in tasks.items()
    }


def _mean(task: Any, first: Any, rows: Sequence[Row]) -> float:
    """Mean tokens of the task's prompt; replies and texts of the usual length stand in for those to come."""
    sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    characters = 0
    for row in sample:
        reply, text = (stand_in(tokens(row["k"])) for tokens in (reply_tokens, text_tokens))
        columns = {"prompt": first.messages(row)[-1]["content"], "reply_generate": reply, "text": text}
        characters += sum(len(message["content"]) for message in task.messages(row | columns))
    return characters / CHARACTERS / len(sample)


def explain() -> str:
    """What the figures rest on, in one paragraph."""
    reply, marks = reply_tokens(1) - reply_tokens(0), marks_tokens(1) - marks_tokens(0)
    return (
        f"Assumed, low / expected / high: {range_of('graded')} % of the texts pass the screen and are graded; of the "
        f"votes beyond a bare majority {range_of('further')} % are asked for; {range_of('repeated')} % of the votes "
        f"are asked for twice; an answer is {range_of('length', 1)} times as long as usual: a passage with its "
        f"explanation {reply_tokens(0)} tokens and {reply} for each skill, as in 300 recorded answers of one model, "
        f"marks {marks_tokens(0)} and {marks} for each skill. "
        f"Prompts of up to {SAMPLE} requests of each k were rendered, {CHARACTERS} characters taken for a token: in "
        "English right to about 20 %. Not counted: the hidden thinking of reasoning models, which can be several times "
        "the answer; the provider's prompt cache, which makes grading cheaper; requests that fail."
    )
