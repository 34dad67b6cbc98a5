"""Answers with status 200 that are none: asked for again, and if they stay so, rejected with their true reason."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ModelAPI
from loopback import LoopbackLLM
from loopback_builds import CONTENT
from loopback_chance import Faults
from tenacity import wait_none

from datasets_builder.build import build_dataset
from datasets_builder.models import InspectConfig
from datasets_builder.pipeline import DataRecipe

MODELS = ("openai-api/loopback/teacher", "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5")
REQUEST = [{"role": "user", "content": "write 1 on sailing showing simile , deixis", "scope": "row-1"}]


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOPBACK", "OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_API_KEY", "sk-any")
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))


def point_to(server: LoopbackLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in (
        ("LOOPBACK", server.openai_url),
        ("OPENAI", server.openai_url),
        ("ANTHROPIC", server.anthropic_url),
    ):
        monkeypatch.setenv(f"{name}_BASE_URL", url)


def ask(model: str) -> tuple[str | None, str | None]:
    llm = InspectConfig(model=model, max_retries=0).llm(0)
    llm.load()
    given = asyncio.run(llm.agenerate(REQUEST))
    return given["generations"][0], given["errors"][0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("garbled", ("cannot be read: Unterminated string", "the answer broke off before its end")),
        ("page", ("the answer cannot be read: it has another form", "502 Bad Gateway")),
    ],
)
def test_a_broken_answer_is_a_failure_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, fault: str, told: tuple[str, ...]
) -> None:
    with LoopbackLLM(faults=Faults(**{fault: 1.0})) as server:
        point_to(server, monkeypatch)
        text, error = ask(model)
        assert text is None and any(part in (error or "") for part in told), error
        assert [entry.outcome for entry in server.ledger] == [fault]
        assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        server.faults = Faults()
        text, error = ask(model)
    assert text and error is None


def test_a_build_asks_again_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelAPI, "retry_wait", lambda self: wait_none())  # seconds between tries, and many of them
    models = {"teacher": {"model": MODELS[0]}, "grader": {"model": MODELS[2]}}
    recipe = DataRecipe.model_validate({**CONTENT, **models, "combinations": {2: {"n": 24}}})
    files = []
    for name, faults in (("calm", Faults()), ("storm", Faults(garbled=0.08, page=0.08))):
        with LoopbackLLM(faults=faults, varied=False, seed=2) as server:
            point_to(server, monkeypatch)
            manifest = build_dataset(recipe, Path("r.yml"), tmp_path / name, card=_card)
        assert manifest.counts["k2"].generated == 24 and "failed" not in manifest.rejects
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.parquet")})
    assert files[0] == files[1]
    met = Counter(entry.outcome for entry in server.ledger)
    assert met["garbled"] > 2 and met["page"] > 2


def _card(manifest: Any, rows: Any) -> str:
    return ""
