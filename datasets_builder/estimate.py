"""What a build will cost, before anything is asked: calls, tokens and USD for each stage; low, expected, high.

Counted: the requests of the recipe, and the length of prompts that are really rendered for a sample of its rows.
Assumed: the lengths of answers, what the screen rejects, and how many votes are taken; ``ASSUMED`` and ``explain``.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from datasets_builder.build import Source
from datasets_builder.ledger import Usage
from datasets_builder.meter import Price, Prices
from datasets_builder.models import ScriptedGraderConfig, ScriptedTeacherConfig
from datasets_builder.pipeline import DataRecipe, make_pipeline
from datasets_builder.steps import Row

SAMPLE = 40  # rows of each k whose prompts are rendered
CHARACTERS = 4  # of English prose to a token, as OpenAI's and Anthropic's documents count roughly
CASES = ("low", "expected", "high")
STAGES = ("generate", "revise", "grade")


class Case(NamedTuple):
    """What is assumed in one case."""

    graded: float  # share of rows that the screen lets through
    further: float  # share of the votes beyond a bare majority that are asked for
    length: float  # of an answer, as a multiple of the usual one
    repeated: float  # share of votes that are asked for twice, since the first answer cannot be read


ASSUMED = {
    "low": Case(graded=0.8, further=0.0, length=0.7, repeated=0.0),
    "expected": Case(graded=0.95, further=0.25, length=1.0, repeated=0.02),
    "high": Case(graded=1.0, further=1.0, length=1.8, repeated=0.1),
}


class Stage(NamedTuple):
    """One stage in one case; ``usd`` is None where the price is unknown."""

    calls: int
    usage: Usage
    usd: float | None


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
            calls, usage = _sum_up(stage, sizes[stage], ASSUMED[case], recipe.votes, getattr(model, "max_tokens", None))
            stages[stage][case] = Stage(calls, usage, None if price is None else price.usd(usage, batched=batched))
    names = {stage: model.model_name for stage, model in models.items()}
    return Estimate(stages, names, {name: prices.of(name) for name in names.values()})


class _Size(NamedTuple):
    """The rows of one k: how many, and the tokens of their prompt at one stage."""

    k: int
    rows: int
    tokens: float


def _measure(recipe: DataRecipe, source: Source, rows: Sequence[Row]) -> dict[str, list[_Size]]:
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
        stage: [_Size(k, len(some), _mean(task, tasks["generate"], some)) for k, some in sorted(by_k.items())]
        for stage, task in tasks.items()
    }


def _mean(task: Any, first: Any, rows: Sequence[Row]) -> float:
    """Mean tokens of the task's prompt; replies and texts of the usual length stand in for those to come."""
    sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    characters = 0
    for row in sample:
        reply, text = ("word" * tokens(row["k"]) for tokens in (_reply_tokens, _text_tokens))
        columns = {"prompt": first.messages(row)[-1]["content"], "reply_generate": reply, "text": text}
        characters += sum(len(message["content"]) for message in task.messages(row | columns))
    return characters / CHARACTERS / len(sample)


def _reply_tokens(k: int) -> int:
    """A passage with its explanation."""
    return 30 + 60 * k


def _text_tokens(k: int) -> int:
    return 10 + 27 * k


def _marks_tokens(k: int) -> int:
    return 10 + 16 * (k + 3)


def _sum_up(stage: str, sizes: Sequence[_Size], case: Case, votes: int, max_tokens: int | None) -> tuple[int, Usage]:
    """Calls and tokens over all k; ``max_tokens`` cuts an answer."""
    calls, given, taken = 0.0, 0.0, 0.0
    for size in sizes:
        each = _calls_of(stage, case, votes)
        usual = _marks_tokens(size.k) if stage == "grade" else _reply_tokens(size.k)
        answer = min(usual * case.length, max_tokens or float("inf"))
        calls += size.rows * each
        given += size.rows * each * size.tokens
        taken += size.rows * each * answer
    return round(calls), Usage(round(given), round(taken))


def _calls_of(stage: str, case: Case, votes: int) -> float:
    """Calls for each row."""
    if stage != "grade":
        return 1.0
    least = votes // 2 + 1
    return case.graded * (least + case.further * (votes - least)) * (1 + case.repeated)


def explain() -> str:
    """What the figures rest on, in one paragraph."""

    def range_of(name: str, unit: float = 100) -> str:
        return " / ".join(f"{unit * getattr(case, name):g}" for case in ASSUMED.values())

    reply, marks = _reply_tokens(1) - _reply_tokens(0), _marks_tokens(1) - _marks_tokens(0)
    return (
        f"Assumed, low / expected / high: {range_of('graded')} % of the texts pass the screen and are graded; of the "
        f"votes beyond a bare majority {range_of('further')} % are asked for; {range_of('repeated')} % of the votes "
        f"are asked for twice; an answer is {range_of('length', 1)} times as long as usual: a passage with its "
        f"explanation {_reply_tokens(0)} tokens and {reply} for each skill, as in 300 recorded answers of one model, "
        f"marks {_marks_tokens(0)} and {marks} for each skill. "
        f"Prompts of up to {SAMPLE} requests of each k were rendered, {CHARACTERS} characters taken for a token: in "
        "English right to about 20 %. Not counted: the hidden thinking of reasoning models, which can be several times "
        "the answer; the provider's prompt cache, which makes grading cheaper; requests that fail."
    )
