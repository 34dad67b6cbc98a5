"""What an evaluation will cost, before anything is asked: calls, tokens and USD for each cell and role.

Counted: the texts of the suite, every vote that it plans, and the length of prompts that are really rendered.
Assumed: how long answers are, and how many votes must be asked for twice; ``datasets_builder.costs.ASSUMED``.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from datasets_builder.costs import (
    ASSUMED,
    CASES,
    CHARACTERS,
    SAMPLE,
    Case,
    Size,
    Stage,
    marks_tokens,
    range_of,
    reply_tokens,
    stand_in,
    sum_up,
    text_tokens,
)
from datasets_builder.ledger import Usage
from datasets_builder.meter import Price, Prices
from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.combinations import Combination
from eval_harness.suite import Plan


class Line(NamedTuple):
    """One role in one cell, by case."""

    split: Split
    k: int
    role: str
    cases: dict[str, Stage]


class Costs(NamedTuple):
    """All lines, and the price of each model that is asked, None for an unknown one."""

    lines: list[Line]
    models: dict[str, str]
    prices: dict[str, Price | None]

    def total(self, case: str, role: str | None = None) -> float:
        """USD of all lines, or of one role, whose price is known."""
        return sum(line.cases[case].usd or 0.0 for line in self.lines if role in (None, line.role))

    def by_role(self) -> dict[str, dict[str, Stage]]:
        """The sums of each role over all cells."""
        ordered = sorted(self.lines, key=lambda line: line.role, reverse=True)  # student, grader
        return {role: _add([line.cases for line in lines]) for role, lines in groupby(ordered, lambda line: line.role)}

    @property
    def unknown(self) -> list[str]:
        """Models without a price."""
        return sorted(model for model, price in self.prices.items() if price is None)


def estimate(plan: Plan, prices: Prices) -> Costs:
    """The calls, tokens and costs of a suite; no model is called, and no key is needed."""
    models = plan.models
    lines = []
    for cell, drawn in plan.drawn:
        texts = len(drawn) * plan.suite.generations_of(cell, len(drawn))
        for role, model in models.items():
            cases = {case: _sum(plan, drawn, texts, role, case, prices.of(model)) for case in CASES}
            lines.append(Line(cell.split, cell.k, role, cases))
    return Costs(lines, models, {model: prices.of(model) for model in models.values()})


def explain(early_stop: bool) -> str:
    """What the figures rest on, in one paragraph."""
    votes = (
        f"of the votes beyond a bare majority {range_of('further')} % are asked for; "
        if early_stop
        else "every vote that is planned is asked for; "
    )
    reply, marks = reply_tokens(1) - reply_tokens(0), marks_tokens(1) - marks_tokens(0)
    return (
        f"Assumed, low / expected / high: {votes}{range_of('repeated')} % of the votes are asked for twice; an answer "
        f"is {range_of('length', 1)} times as long as usual: a passage with its explanation {reply_tokens(0)} tokens "
        f"and {reply} for each skill, marks {marks_tokens(0)} and {marks} for each skill, at most max_tokens. Prompts "
        f"of up to {SAMPLE} requests of each cell were rendered, {CHARACTERS} characters taken for a token. Not "
        "counted: hidden thinking of reasoning models, the provider's prompt cache, requests that fail, and what this "
        "machine's own time costs."
    )


def _sum(plan: Plan, drawn: Sequence[Combination], texts: int, role: str, case: str, price: Price | None) -> Stage:
    suite, world, assumed = plan.suite, plan.world, _assume(case, plan.suite.early_stop)
    sample = drawn[:: max(1, len(drawn) // SAMPLE)][:SAMPLE]
    k = drawn[0].k
    length = k if suite.limit is None else max(k, suite.limit + 1)  # a text is as long as one of so many skills
    if role == "grader":
        text = stand_in(text_tokens(length))
        size = _size(k, texts, [world.grade(one, text) for one in sample])
        calls, usage = sum_up("grade", [size], assumed, suite.votes, suite.grader_max_tokens)
    else:
        turns = [[world.generate(one) for one in sample]]
        if suite.revise:
            turns.append(
                [
                    request + stand_in(reply_tokens(length)) + world.revise(one)
                    for request, one in zip(turns[0], sample, strict=True)
                ]
            )
        calls, usage = sum_up("generate", [_size(length, texts, turn) for turn in turns], assumed, 0, suite.max_tokens)
    return Stage(calls, usage, None if price is None else price.usd(usage))


def _size(k: int, texts: int, prompts: Sequence[str]) -> Size:
    return Size(k, texts, sum(map(len, prompts)) / CHARACTERS / len(prompts))


def _assume(case: str, early_stop: bool) -> Case:
    """An evaluation grades every text, and takes every vote unless told otherwise."""
    every = ASSUMED[case]._replace(graded=1.0)
    return every if early_stop else every._replace(further=1.0)


def _add(cells: Sequence[dict[str, Stage]]) -> dict[str, Stage]:
    return {case: _add_stages([cell[case] for cell in cells]) for case in CASES}


def _add_stages(stages: Sequence[Stage]) -> Stage:
    usage = Usage(*(sum(column) for column in zip(*(stage.usage for stage in stages), strict=True)))
    known = [stage.usd for stage in stages if stage.usd is not None]
    return Stage(sum(stage.calls for stage in stages), usage, sum(known) if len(known) == len(stages) else None)
