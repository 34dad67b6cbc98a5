"""Batch mode: the rows of live requests at half the price, in few and full batches; no row waits for ever."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from inspect_ai._util.constants import DEFAULT_MAX_CONNECTIONS_BATCH
from inspect_ai.model import ModelAPI
from inspect_ai.model._providers.util import batch as inspect_batch
from inspect_ai.util._concurrency import init_concurrency
from loopback import LoopbackLLM
from loopback_batch import BATCHES, MESSAGE_BATCHES
from loopback_builds import CONTENT, KEY, MIXED, connections
from loopback_chance import Faults
from pydantic import ValidationError
from tenacity import wait_none

from datasets_builder import build
from datasets_builder.build import build_dataset
from datasets_builder.dataset import Manifest
from datasets_builder.inspect_llm import InspectLLM
from datasets_builder.meter import Meter, Prices
from datasets_builder.models import IN_BATCHES, InspectConfig
from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.errors import OutsideError, UsageError

HERE = Path("recipe.yml")
ROWS = 60
ROUNDS = 5  # generate, revise, three votes
PRICE = {"match": ["*"], "input": 100, "output": 100, "batch": 0.5, "as_of": "2026-01-01", "source": "a test"}
TOPICS = tuple(load_catalogue("miniature").topics)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Inspect looks after its batches every 15 seconds."""
    monkeypatch.setattr(inspect_batch, "DEFAULT_BATCH_TICK", 0.1)
    monkeypatch.setattr(inspect_batch, "DEFAULT_SEND_DELAY", 0.1)
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackLLM]:
    """A server that both SDKs find."""
    with LoopbackLLM(varied=False, key=KEY) as server:
        connect(server, monkeypatch)
        yield server


def connect(server: LoopbackLLM, monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> None:
    for name, value in connections(server, key).items():
        monkeypatch.setenv(name, value)


def recipe_of(teacher: str, grader: str, **options: Any) -> DataRecipe:
    content = CONTENT | {"combinations": {2: {"n": ROWS // 2}, 3: {"n": ROWS // 2}}}
    entries = {key: {"model": name, **options} for key, name in (("teacher", teacher), ("grader", grader))}
    return DataRecipe.model_validate(content | entries)


def make(recipe: DataRecipe, out: Path) -> dict[str, bytes]:
    """The build's files."""
    init_concurrency()  # Inspect remembers the width of a model for as long as the process lives

    def card(manifest: Manifest, rows: object) -> str:
        return ""

    build_dataset(recipe, HERE, out, card=card, prices=Prices.model_validate({"prices": [PRICE]}))
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.parquet")}


def test_batches_give_the_rows_of_live_requests_at_half_the_price(
    server: LoopbackLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meters: list[Meter] = []

    def metered(*given: Any, **options: Any) -> Meter:
        meters.append(Meter(*given, **options))
        return meters[-1]

    monkeypatch.setattr(build, "Meter", metered)
    live = make(recipe_of(*MIXED), tmp_path / "live")
    asked = server.ledger.answered()
    batched = make(recipe_of(*MIXED, batch=True), tmp_path / "batched")
    assert batched == live != {}
    later = server.ledger[asked.total() :]
    assert Counter(entry.messages for entry in later) == asked
    assert Counter(entry.path for entry in later).keys() == {BATCHES, MESSAGE_BATCHES}
    assert meters[1].spent_usd == pytest.approx(meters[0].spent_usd / 2) and meters[0].spent_usd > 1
    sizes = server.batches.sizes
    assert sizes[0] == ROWS and len(sizes) <= 2 * ROUNDS  # a round may be sent in two parts


@pytest.mark.parametrize("models", [MIXED[::-1], pytest.param(MIXED, marks=pytest.mark.slow)])
def test_a_refused_request_costs_only_its_own_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: tuple[str, str]
) -> None:
    with LoopbackLLM(varied=False, faults=Faults(broken=0.05, malformed=0.05), seed=1) as server:
        connect(server, monkeypatch)
        live, batched = tmp_path / "live", tmp_path / "batched"
        kept = make(recipe_of(*models), live)
        assert make(recipe_of(*models, batch=True), batched).keys() == kept.keys() != set()
    seen = server.ledger.outcomes()
    assert seen["broken"] > 4 and seen["malformed"] > 4
    for name in kept:
        one, other = (pl.read_parquet(folder / name).to_dicts() for folder in (live, batched))
        assert [without_words(row) for row in one] == [without_words(row) for row in other]


def without_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row; of one that the server refused not how it said so."""
    told = row.get("detail") or ""
    return row | {"detail": "this row is refused"} if "this row is refused" in told else row


@pytest.mark.parametrize("model", MIXED)
def test_a_request_that_failed_in_its_batch_goes_into_another(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr(ModelAPI, "retry_wait", lambda self: wait_none())  # else seconds, each time
    with LoopbackLLM(faults=Faults(server_error=0.3), seed=2) as server:
        connect(server, monkeypatch)
        outputs = asyncio.run(ask(model, 30))
    assert all(output["generations"][0] for output in outputs)
    assert server.ledger.outcomes()["server_error"] > 3 and 1 < len(server.batches.sizes) < 8


async def ask(model: str, count: int) -> list[dict[str, Any]]:
    llm = loaded(model)
    return list(await asyncio.gather(*(llm.agenerate(request(number)) for number in range(count))))


@pytest.mark.parametrize("model", MIXED)
def test_after_a_batch_that_could_not_be_made_others_are(
    server: LoopbackLLM, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    handle, refused = server.batches.handle, []

    async def refuse_once(request: Any) -> Any:
        if request.path.endswith("/batches") and not refused:
            refused.append(request.path)
            raise ValueError("no batches today")
        return await handle(request)

    monkeypatch.setattr(server.batches, "handle", refuse_once)

    async def run() -> dict[str, Any]:
        llm = loaded(model)
        with pytest.raises(OutsideError, match=r"does not take the batch: .*no batches today"):
            await asyncio.wait_for(llm.agenerate(request(0)), 20)
        return await asyncio.wait_for(llm.agenerate(request(1)), 20)

    assert asyncio.run(run())["generations"][0] and refused


def test_a_batch_that_is_refused_as_a_whole_stops_the_build(server: LoopbackLLM, tmp_path: Path) -> None:
    server.batches.refusal = "enqueued token limit reached"
    with pytest.raises(OutsideError, match=r"does not take the batch: .*token_limit_exceeded: enqueued token limit"):
        make(recipe_of(*MIXED[::-1], batch=True), tmp_path / "out")
    assert not server.ledger and not (tmp_path / "out").exists()


def test_a_refused_key_stops_a_build_in_batches(
    server: LoopbackLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "sk-another-0a1b2c3d"
    connect(server, monkeypatch, key=secret)
    with pytest.raises(OutsideError, match="does not accept the key"):
        make(recipe_of(*MIXED, batch=True), tmp_path / "out")
    told = capfd.readouterr()
    assert "Error creating batch" in told.err and secret not in told.out + told.err
    assert not server.ledger


def test_a_provider_without_batches_is_named() -> None:
    with pytest.raises(ValidationError, match=r"openai-api has no batch mode \(anthropic, google, .* drop the key"):
        InspectConfig(model="openai-api/loopback/teacher", batch=True)


def test_a_budget_is_refused_where_all_is_sent_at_once() -> None:
    with pytest.raises(UsageError, match=r"gpt-4o-mini in batch mode, where all requests .* or use --limit"):
        build.check_budget(recipe_of(MIXED[1], MIXED[1], batch=100), "stream", None, 1.0)


def test_nothing_runs_out_of_time_in_a_batch(server: LoopbackLLM) -> None:
    llm = loaded(MIXED[1], timeout=60)
    assert llm._model is not None
    config = llm._model.config
    assert (config.attempt_timeout, config.max_connections, config.batch) == (None, None, True)
    assert DEFAULT_MAX_CONNECTIONS_BATCH == IN_BATCHES


def loaded(model: str, **options: Any) -> InspectLLM:
    llm = InspectLLM(model=model, seed=0, batch=True, max_retries=3, **options)
    llm.load()
    return llm


def request(number: int) -> list[dict[str, str]]:
    """A request for a text, another one for each number."""
    topic = TOPICS[number % len(TOPICS)]
    return [{"role": "user", "content": f"write 2 on {topic} showing simile , deixis", "scope": str(number)}]
