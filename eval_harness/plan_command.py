"""``dskill plan``: combinations for an effect, or the effect of so many combinations; calls and costs."""

import json
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from datasets_builder.costs import CASES, describe_price, show_stage
from datasets_builder.meter import load_prices
from datasets_builder.skillmix.errors import UsageError
from eval_harness.money import Costs, estimate, explain
from eval_harness.planning import Design, Plan, plan_effect, plan_n
from eval_harness.suite import plan_suite
from eval_harness.suite_config import EvalSuite
from eval_harness.tables import bounds, say, show_table


class Texts(NamedTuple):
    """What is written and graded for a combination, and by whom; the models are named together or not at all."""

    k: int = 3
    catalogue: str = "full"
    votes: int = 3
    revise: bool = True
    model: str | None = None
    grader: str | None = None
    prices: Path | None = None


def run_plan(
    effect: float | None, n: int | None, design: Design, texts: Texts, as_json: bool, console: Console
) -> Plan:
    """Plans for an effect above the base, or for n combinations a cell, and prints it; asks no model.

    Raises:
        UsageError: Both or none of effect and n, one that is not possible, or one model without the other.
    """
    if (effect is None) == (n is None):
        raise UsageError("give either --effect, to learn how many combinations it needs, or --n, to learn the effect")
    if (texts.model is None) != (texts.grader is None):
        raise UsageError("costs need both models: give --model and --grader, or none of them")
    found = plan_n(design, effect) if effect is not None else plan_effect(design, n or 0)
    costs = _cost(found, texts)
    if as_json:
        usd = {case: costs.total(case) for case in CASES} | {"unknown": costs.unknown} if costs else None
        print(json.dumps(found.model_dump() | {"calls": calls(found.chosen.n, design, texts), "usd": usd}, indent=1))
    else:
        _show_plan(found, texts, console)
        _show_costs(found, costs, console)
    return found


def calls(n: int, design: Design, texts: Texts) -> int:
    """Requests for one model on n combinations in every cell, unreadable votes asked for again left out."""
    return n * design.cells * design.generations * (_turns(texts) + texts.votes)


def _turns(texts: Texts) -> int:
    return 2 if texts.revise else 1


def _cost(plan: Plan, texts: Texts) -> Costs | None:
    """Of all cells for one model, as if each had the same k; None where no model is named."""
    if texts.model is None:
        return None
    suite = EvalSuite.model_validate(
        {
            "catalogue": texts.catalogue,
            "grader": "model",
            "splits": ("all",),
            "topics": "all",
            "k": (texts.k,),
            "n": plan.chosen.n,
            "generations": plan.design.generations,
            "votes": texts.votes,
            "revise": texts.revise,
        }
    )
    cell = plan_suite(suite, texts.model, grader_model=texts.grader)
    return estimate(cell._replace(drawn=cell.drawn * plan.design.cells), load_prices(texts.prices))


def _show_plan(plan: Plan, texts: Texts, console: Console) -> None:
    design, chosen = plan.design, plan.chosen
    numbers = ("cells compared", "n a cell", "effect", "interval of the difference", "calls a model")
    rows = [
        (
            found.design,
            found.cells,
            f"{found.n:,}",
            f"{100 * found.effect:.1f}",
            f"+-{100 * found.half_width:.1f}",
            f"{calls(found.n, design, texts):,}",
        )
        for found in plan.requirements
    ]
    show_table(console, ("design",), numbers, rows)
    low, high = (bounds(*interval) for interval in plan.intervals())
    say(
        console,
        "",
        f"First line: the intervals of the two models are {low} and {high} around {100 * design.base:.1f} and "
        f"{100 * (design.base + chosen.effect):.1f}.",
        f"Assumed: full marks {design.base:.1%} of the first model; two texts on one combination correlate by "
        f"{design.correlation_at(chosen.effect):.2f}, so that one text of each model differ on "
        f"{design.discordance(chosen.effect):.1%} of the combinations.",
        f"Percent and points; power {design.power:.0%}, two-sided alpha {design.alpha:g}. {design.cells} cells "
        f"compared: alpha / {design.cells}, so that Holm's adjustment keeps the effect whatever other cells show.",
        f"Calls: {design.cells} cells x n x {design.generations} generations x ({_turns(texts)} turns + {texts.votes} "
        "votes).",
    )


def _show_costs(plan: Plan, costs: Costs | None, console: Console) -> None:
    if costs is None:
        say(console, "Costs: name --model and --grader; dskill eval SUITE --dry-run counts those of a suite.")
        return
    say(console, "", f"Costs of the first line, all {plan.design.cells} cells, for one model:")
    heads = ("calls", "input tokens", "output tokens", *(f"{case} USD" for case in CASES))
    rows = [(role, costs.models[role], *show_stage(cases)) for role, cases in costs.by_role().items()]
    unknown = " + unknown" if costs.unknown else ""
    total = ("total", *[""] * 4, *(f"{costs.total(case):,.2f}{unknown}" for case in CASES))
    show_table(console, ("role", "model"), heads, [*rows, total])
    say(console, *(describe_price(model, price) for model, price in costs.prices.items()), explain(early_stop=False))
