"""What answers cost, the budget that stops a run, and the ledger that outlives it."""

import asyncio
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets_builder.meter import SHIPPED, BudgetError, Meter, Prices, Usage, current_meter, load_prices
from datasets_builder.skillmix.errors import OutsideError, UsageError

SOURCE = {"as_of": "2026-01-01", "source": "a test"}
DEAR = {"match": ["x/dear", "x/dear-20*"], "input": 2.0, "output": 8.0, "cached_input": 0.5, "batch": 0.5, **SOURCE}
CHEAP = {"match": ["x/cheap"], "input": 1.0, "output": 1.0, **SOURCE}


@pytest.fixture()
def prices() -> Prices:
    """Two models."""
    return Prices.model_validate({"prices": [DEAR, CHEAP]})


def own(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    path = tmp_path / "own.yml"
    path.write_text(yaml.safe_dump({"prices": list(entries)}))
    return path


@pytest.mark.parametrize(
    ("model", "usage", "batched", "usd"),
    [
        ("x/dear", Usage(1_000_000, 0), False, 2.0),
        ("x/dear-2026-05-01", Usage(0, 1_000_000), False, 8.0),
        ("x/dear", Usage(1_000_000, 0, 400_000), False, 0.6 * 2.0 + 0.4 * 0.5),
        ("x/dear", Usage(1_000_000, 1_000_000), True, 5.0),
        ("x/cheap", Usage(1_000_000, 0, 400_000), True, 1.0),  # no price of cached input, no batch mode
    ],
)
def test_what_an_answer_costs(prices: Prices, model: str, usage: Usage, batched: bool, usd: float) -> None:
    price = prices.of(model)
    assert price and price.usd(usage, batched=batched) == pytest.approx(usd)


def test_an_unknown_price_is_unknown_and_never_nothing(prices: Prices) -> None:
    assert prices.of("x/dearer") is None and prices.of("x/dear-mini") is None
    assert prices.unknown(["x/new", "x/dear", "x/other"]) == ["x/new", "x/other"]
    meter = Meter(prices)
    meter.record("x/new", "grade", Usage(10, 10), False)
    meter.record("x/dear", "grade", Usage(500_000, 0), False)
    assert meter.unpriced == ["x/new"] and meter.spent_usd == pytest.approx(1.0)


def test_the_users_prices_come_first(tmp_path: Path) -> None:
    model = "openai/gpt-4.1"
    shipped, mine = load_prices().of(model), load_prices(own(tmp_path, {**DEAR, "match": [model]})).of(model)
    assert shipped and mine and shipped.source != "a test" == mine.source


def test_a_broken_price_file_is_one_line_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"own.yml: unknown key 'prices.0.outptu', did you mean 'output'\?"):
        load_prices(own(tmp_path, {**DEAR, "outptu": 1}))
    with pytest.raises(UsageError, match=r"key 'prices.0.input'.*greater than or equal to 0"):
        load_prices(own(tmp_path, {**DEAR, "input": -1}))


def test_every_shipped_price_is_dated_and_says_where_it_is_from() -> None:
    for price in load_prices().prices:
        assert price.source.startswith("https://") or price.input == price.output == 0
        assert price.as_of.year >= 2026 and price.output >= price.input
        assert price.cached_input is None or price.cached_input < price.input
    matches = [match for price in load_prices().prices for match in price.match]
    assert len(matches) == len(set(matches))
    assert SHIPPED.is_file()


def test_a_small_model_is_not_taken_for_a_large_one() -> None:
    prices = load_prices()
    large, small = prices.of("openai/gpt-4.1-2025-04-14"), prices.of("openai/gpt-4.1-mini-2025-04-14")
    assert large and small and small.input < large.input
    assert prices.of("openai/gpt-4.1-nano") is None and prices.of("openai-api/loopback/gpt-4.1") is None


def test_the_budget_stops_at_its_limit_and_says_how_to_go_on(prices: Prices) -> None:
    meter = Meter(prices, budget_usd=1.0)
    meter.record("x/dear", "generate", Usage(499_999, 0), False)
    meter.admit("x/dear")
    meter.record("x/dear", "generate", Usage(1, 0), False)
    with pytest.raises(
        BudgetError, match=r"budget of \$1.00 is spent \(\$1.00\); .* higher --budget continues"
    ) as caught:
        meter.admit("x/cheap")
    assert isinstance(caught.value, OutsideError) and caught.value.exit_code == 3


def test_an_answer_of_the_cache_costs_nothing_but_is_worth_its_price(prices: Prices) -> None:
    meter = Meter(prices, budget_usd=1.0)
    meter.record("x/dear", "generate", Usage(1_000_000, 0), True)
    meter.admit("x/dear")
    assert (meter.spent_usd, meter.used_usd) == (0, 2.0) and not meter.paid


def test_batch_mode_costs_half(prices: Prices) -> None:
    meter = Meter(prices, batched=["x/dear"])
    meter.record("x/dear", "generate", Usage(1_000_000, 0), False)
    assert meter.spent_usd == 1.0


def test_the_ledger_outlives_the_process(prices: Prices, tmp_path: Path) -> None:
    ledger = tmp_path / "spent.jsonl"
    for _ in range(3):
        meter = Meter(prices, budget_usd=5.0, ledger=ledger)
        meter.admit("x/dear")
        meter.record("x/dear", "generate", Usage(1_000_000, 0, 0), False)
        meter.record("x/dear", "grade", Usage(10, 20, 5), False)
    assert meter.paid == {("x/dear", "generate"): Usage(3_000_000, 0, 0), ("x/dear", "grade"): Usage(30, 60, 15)}
    with pytest.raises(BudgetError):
        Meter(prices, budget_usd=5.0, ledger=ledger).admit("x/dear")
    Meter(prices, budget_usd=7.0, ledger=ledger).admit("x/dear")


def test_opening_a_ledger_sums_it_up(prices: Prices, tmp_path: Path) -> None:
    ledger = tmp_path / "spent.jsonl"
    with closing(Meter(prices, ledger=ledger)) as meter:
        for _ in range(5):
            meter.record("x/dear", "grade", Usage(2, 1), False)
    assert len(ledger.read_text().splitlines()) == 5
    with closing(Meter(prices, ledger=ledger)) as again:
        assert len(ledger.read_text().splitlines()) == 1 and again.paid == meter.paid


@pytest.mark.parametrize("torn", ['{"model": "x/dear", "stage": "grade", "input_tok', "{}", "\0\0\0"])
def test_a_line_that_was_cut_short_costs_that_answer_alone(prices: Prices, tmp_path: Path, torn: str) -> None:
    ledger = tmp_path / "spent.jsonl"
    for times in (1, 2, 3):
        with closing(Meter(prices, ledger=ledger)) as meter:
            meter.record("x/dear", "grade", Usage(2, 1), False)
        assert meter.paid == {("x/dear", "grade"): Usage(2 * times, times)}
        with ledger.open("a") as file:
            file.write(torn)


@pytest.mark.parametrize("line", ["{", "[1]", '{"model": "x"}', '{"model": "x", "stage": "s", "cost": 1}', ""])
def test_a_damaged_ledger_is_refused(prices: Prices, tmp_path: Path, line: str) -> None:
    (tmp_path / "spent.jsonl").write_text(f'{line}\n{{"model": "x", "stage": "s", "input_tokens": 1}}\n')
    with pytest.raises(UsageError, match=r"spent.jsonl: cannot be read; delete it"):
        Meter(prices, ledger=tmp_path / "spent.jsonl")


def test_a_ledger_that_cannot_be_written_stops_the_run(prices: Prices, tmp_path: Path) -> None:
    meter = Meter(prices, ledger=tmp_path / "spent.jsonl")
    meter.record("x/dear", "generate", Usage(1, 1), False)
    full = Path("/dev/full").open("ab")  # noqa: SIM115 (stands for the ledger's file, on a disk that is always full)
    meter._ledger._file = full
    with pytest.raises(OutsideError, match=r"spent.jsonl: .*cannot be written down.*No space left"):
        meter.record("x/dear", "generate", Usage(1, 1), False)
    meter.close()
    (tmp_path / "spent.tmp").symlink_to("/dev/full")
    with pytest.raises(OutsideError, match=r"cannot be written down.*No space left"):
        Meter(prices, ledger=tmp_path / "spent.jsonl")


def test_what_had_no_room_is_written_once_there_is_some(prices: Prices, tmp_path: Path) -> None:
    """The answers in flight still come in when the disk is full; their lines must not run into one another."""
    ledger, meter = tmp_path / "spent.jsonl", Meter(prices, ledger=tmp_path / "spent.jsonl")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, limit[1]))
        for _ in range(3):
            with suppress(OutsideError):
                meter.record("x/dear", "grade", Usage(2, 1), False)
        assert ledger.stat().st_size == 150
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    meter.record("x/dear", "grade", Usage(2, 1), False)
    meter.close()
    assert Meter(prices, ledger=ledger).paid == {("x/dear", "grade"): Usage(8, 4)}


def test_threads_lose_no_answer(prices: Prices, tmp_path: Path) -> None:
    meter = Meter(prices, ledger=tmp_path / "spent.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: meter.record("x/dear", "grade", Usage(2, 1), False), range(400)))
    assert meter.paid["x/dear", "grade"] == Usage(800, 400)
    assert Meter(prices, ledger=tmp_path / "spent.jsonl").paid == meter.paid


def test_tasks_see_the_meter_of_their_run(prices: Prices) -> None:
    async def ask() -> Meter | None:
        return current_meter.get()

    meter = Meter(prices)
    token = current_meter.set(meter)
    try:
        assert asyncio.run(ask()) is meter
    finally:
        current_meter.reset(token)
    assert current_meter.get() is None
