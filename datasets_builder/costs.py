"""The arithmetic of what requests will cost, for building and evaluation: calls, tokens and USD; low, expected, high.

    size = Size(k=3, rows=300, tokens=900.0)                      300 requests whose prompt has 900 tokens
    sum_up("grade", [size], ASSUMED["high"], votes=3)             -> calls, Usage

Counted: the requests and their prompts. Assumed: how long answers are, and how many votes are taken; ``ASSUMED``.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from datasets_builder.ledger import Usage
from datasets_builder.meter import Price

SAMPLE = 40  # rows of each k whose prompts are rendered
CHARACTERS = 4  # of English prose to a token, as OpenAI's and Anthropic's documents count roughly
CASES = ("low", "expected", "high")


class Case(NamedTuple):
    """What is assumed in one case."""

    graded: float  # share of rows that are graded
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


class Size(NamedTuple):
    """The rows of one k: how many, and the tokens of their prompt at one stage."""

    k: int
    rows: int
    tokens: float


def reply_tokens(k: int) -> int:
    """A passage with its explanation."""
    return 30 + 60 * k


def text_tokens(k: int) -> int:
    """The passage alone."""
    return 10 + 27 * k


def marks_tokens(k: int) -> int:
    """A grader's answer."""
    return 10 + 16 * (k + 3)


def stand_in(tokens: int) -> str:
    """A text of so many tokens, for one that is not written yet."""
    return "word" * tokens


def sum_up(
    stage: str, sizes: Sequence[Size], case: Case, votes: int, max_tokens: int | None = None
) -> tuple[int, Usage]:
    """Calls and tokens over all sizes; ``max_tokens`` cuts an answer."""
    calls, given, taken = 0.0, 0.0, 0.0
    for size in sizes:
        each = _calls_of(stage, case, votes)
        usual = marks_tokens(size.k) if stage == "grade" else reply_tokens(size.k)
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


def range_of(name: str, unit: float = 100) -> str:
    """An assumption in all cases: ``80 / 95 / 100``."""
    return " / ".join(f"{unit * getattr(case, name):g}" for case in ASSUMED.values())


def show_stage(cases: Mapping[str, Stage]) -> list[str]:
    """The cells of a table: calls, input tokens, output tokens, USD in each case."""
    low, expected, high = (cases[case] for case in CASES)
    calls = f"{low.calls:,}" if low.calls == high.calls else f"{low.calls:,} / {expected.calls:,} / {high.calls:,}"
    costs = ["unknown" if stage.usd is None else f"{stage.usd:,.2f}" for stage in (low, expected, high)]
    return [calls, f"{expected.usage.input_tokens:,}", f"{expected.usage.output_tokens:,}", *costs]


def describe_price(model: str, price: Price | None) -> str:
    """One line on what a model costs, and how old that is."""
    if price is None:
        return f"{model}: price unknown; give it in a file like datasets_builder/prices.yml, by --prices FILE"
    batch = f", {price.batch:g} times that in batch mode" if price.batch < 1 else ""
    rates = f"${price.input:g} for a million input tokens, ${price.output:g} output{batch}"
    return f"{model}: {rates}; as of {price.as_of} ({price.source})"
