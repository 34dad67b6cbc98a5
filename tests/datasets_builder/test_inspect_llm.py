"""The one LLM for all providers: scopes of the cache, failures with their reason, accounts; recipe entries."""

import asyncio
import json
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from data_fakes import CONTENT
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, ModelUsage, modelapi
from inspect_ai.model._providers.mockllm import MockLLM
from loopback import LoopbackLLM
from pydantic import TypeAdapter, ValidationError

from datasets_builder import inspect_llm, model_access
from datasets_builder.build import build_dataset
from datasets_builder.inspect_llm import InspectLLM, cause_of, one_line
from datasets_builder.meter import Usage, current_meter
from datasets_builder.model_names import family_of, warn_of_family
from datasets_builder.models import (
    SCOPE,
    STAGE,
    TRY,
    VOTE,
    WITHHELD,
    GraderConfig,
    InspectConfig,
    StockConfig,
    TeacherConfig,
)
from datasets_builder.pipeline import DataRecipe, check_models
from datasets_builder.skillmix.errors import OutsideError, UsageError

Answer = Callable[[list[ChatMessage], GenerateConfig], ModelOutput]
CALLS: list[tuple[list[ChatMessage], GenerateConfig]] = []


def said(text: str, stop: Any = "stop") -> ModelOutput:
    """An output with usage set, or Inspect would fetch a tokenizer."""
    output = ModelOutput.from_content("mockllm/model", text, stop_reason=stop)
    output.usage = ModelUsage(input_tokens=7, output_tokens=3, total_tokens=12, input_tokens_cache_read=2)
    return output


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    CALLS.clear()
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    yield


def make(answer: Answer | None = None, **fields: Any) -> InspectLLM:
    """A loaded LLM whose provider answers by a function, by default with the number of the call."""

    def output(messages: list[ChatMessage], tools: Any, choice: Any, config: GenerateConfig) -> ModelOutput:
        CALLS.append((messages, config))
        return answer(messages, config) if answer else said(f"answer {len(CALLS)}")

    llm = InspectLLM(**{"model": "mockllm/model", "seed": 0, "model_args": {"custom_outputs": output}, **fields})
    llm.load()
    return llm


def ask(llm: InspectLLM, n: int = 1, **scopes: str) -> list[str | None]:
    message = {"role": "user", "content": "write", SCOPE: "row-1", **scopes}
    return list(asyncio.run(llm.agenerate([message], num_generations=n))["generations"])


def test_the_same_request_is_asked_once_and_each_scope_by_itself() -> None:
    assert ask(make()) == ["answer 1"] == ask(make())
    assert ask(make(), n=3) == ["answer 1", "answer 2", "answer 3"]
    others: list[dict[str, Any]] = [{SCOPE: "row-2"}, {VOTE: "1"}, {TRY: "1"}, {VOTE: "1", TRY: "1"}]
    assert len({ask(make(), **other)[0] for other in others} | set(ask(make(seed=1)))) == 5
    assert len(CALLS) == 8
    assert ask(make(), VOTE="0") == ["answer 1"]  # the default scopes, whatever else a message carries


def test_what_changes_no_answer_is_not_in_the_key() -> None:
    ask(make())
    ask(make(connections=3, max_retries=1, timeout=5))
    assert len(CALLS) == 1
    ask(make(options={"temperature": 0.5}))
    assert len(CALLS) == 2


def test_only_options_that_are_set_are_sent() -> None:
    sent = {"connections": 3, "max_retries": 4}
    ask(make(**sent))
    ask(make(**sent, options=InspectConfig(model="a/b", temperature=0.0, max_tokens=9).options))
    plain, warm = (config.model_dump(exclude_none=True) for _, config in CALLS)
    assert plain == {"max_connections": 3, "max_retries": 4}
    assert warm == {**plain, "temperature": 0.0, "max_tokens": 9}
    batched = make(batch=True)._config().model_dump(exclude_none=True)
    assert batched == {"batch": True, "max_retries": 10}
    assert make(structured=True)._config().response_schema is inspect_llm.MARKS_SCHEMA


def test_a_conversation_keeps_its_roles() -> None:
    messages = [{"role": role, "content": role} for role in ("system", "user", "assistant", "user")]
    asyncio.run(make().agenerate(messages))
    assert [(m.role, m.text) for m in CALLS[0][0]] == [(m["role"], m["content"]) for m in messages]


def test_a_failure_is_none_with_its_reason_and_is_not_cached() -> None:
    def broken(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        if len(CALLS) < 3:
            raise ConnectionError("no\nroute")
        return said("late")

    llm = make(broken)
    given = asyncio.run(llm.agenerate([{"role": "user", "content": "x"}], num_generations=2))
    assert given["generations"] == [None, None]
    assert given["errors"] == ["ConnectionError: no route"] * 2
    assert asyncio.run(llm.agenerate([{"role": "user", "content": "x"}]))["generations"] == ["late"]


def test_what_the_filter_withheld_is_told() -> None:
    llm = make(lambda messages, config: said("", stop="content_filter"))
    assert asyncio.run(llm.agenerate([{"role": "user", "content": "x"}]))["errors"] == [WITHHELD]


def entries(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kept", [0, 1, 0.5, 0.99])
def test_an_entry_that_a_kill_cut_short_is_asked_for_again(tmp_path: Path, kept: float) -> None:
    ask(make())
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else 1])
    assert ask(make()) == ["answer 2"] == ask(make())


def test_an_answer_that_is_not_kept_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect itself goes on: every answer of the build would be paid for again by the next run."""

    def fill(content: object, file: Any) -> None:
        file.write(b"half of")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(pickle, "dump", fill)
        with pytest.raises(OutsideError, match=r"mockllm/model: an answer could not be kept; is the disk full\?"):
            ask(make())
    assert entries(tmp_path)[0].read_bytes() == b"half of"
    assert ask(make(options={"temperature": 0.5, "extra_body": {"x": [1]}}), n=2) == ["answer 2", "answer 3"]
    meter = Counting(most=0)
    token = current_meter.set(meter)  # type: ignore[arg-type]
    try:
        assert ask(make(options={"temperature": 0.5, "extra_body": {"x": [1]}}), n=2) == ["answer 2", "answer 3"]
    finally:
        current_meter.reset(token)


def test_a_folder_that_cannot_be_written_to_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "generate").mkdir()
    (tmp_path / "cache" / "generate" / "mockllm").write_text("in the way")
    with pytest.raises(OutsideError, match=r"an answer could not be kept.*Not a directory"):
        ask(make())


def test_a_name_that_leads_out_of_the_cache_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model 'mockllm/student': name its folder by the full path"):
        make(model="mockllm/../student")


class Counting:
    """A meter that notes, and refuses once it has admitted so many."""

    def __init__(self, most: int = 99) -> None:
        self.most, self.admitted, self.recorded = most, 0, list[tuple[Any, ...]]()

    def admit(self, model: str) -> None:
        if self.admitted == self.most:
            raise OutsideError("the budget is spent")
        self.admitted += 1

    def record(self, model: str, stage: str, usage: Usage, cached: bool) -> None:
        self.recorded.append((model, stage, usage, cached))


def test_the_meter_learns_of_tokens_and_of_what_was_free() -> None:
    meter = Counting()
    token = current_meter.set(meter)  # type: ignore[arg-type]
    try:
        ask(make(), **{STAGE: "grade"})
        ask(make(), **{STAGE: "grade"})
    finally:
        current_meter.reset(token)
    usage = Usage(input_tokens=9, output_tokens=3, cached_input_tokens=2)
    assert meter.recorded == [("mockllm/model", "grade", usage, False), ("mockllm/model", "grade", usage, True)]


def test_a_spent_budget_passes_through() -> None:
    token = current_meter.set(Counting(most=0))  # type: ignore[arg-type]
    try:
        with pytest.raises(OutsideError, match="budget"):
            ask(make())
    finally:
        current_meter.reset(token)
    assert not CALLS


def test_requests_leave_nothing_behind_in_memory() -> None:
    from inspect_ai.log._transcript import transcript

    async def run() -> int:
        llm = make()
        for row in range(20):
            await llm.agenerate([{"role": "user", "content": "x", SCOPE: str(row)}])
        return len(transcript().events)

    assert asyncio.run(run()) == 0


def test_a_refused_key_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    @modelapi(name="locked")
    class Locked(MockLLM):
        def is_auth_failure(self, ex: Exception) -> bool:
            return isinstance(ex, PermissionError)

    def refuse(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        raise PermissionError(f"bad key {os.environ['LOCKED_API_KEY']}")

    monkeypatch.setenv("LOCKED_API_KEY", "sk-very-secret")
    with pytest.raises(OutsideError, match=r"locked/model: the provider does not accept the key.*\*\*\*"):
        ask(make(refuse, model="locked/model"))


def test_the_cause_is_told_and_no_wrapper_nor_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    class ModelGenerateError(Exception):
        pass

    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    try:
        raise ModelGenerateError("Request: {...}") from ValueError("code 400\nkey sk-very-secret")
    except ModelGenerateError as error:
        assert one_line(cause_of(error)) == "ValueError: code 400 key ***"


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-5", "OPENAI_API_KEY"),
        ("anthropic/claude-opus-5", "ANTHROPIC_API_KEY"),
        ("openai-api/mine/x", "MINE_API_KEY"),
    ],
)
def test_a_missing_key_is_named_before_anything_runs(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("OPENAI", "ANTHROPIC", "MINE"))]:
        monkeypatch.delenv(name)
    with pytest.raises(OutsideError) as caught:
        InspectConfig(model=model).check()
    assert variable in str(caught.value) and model in str(caught.value) and "\n" not in str(caught.value)
    monkeypatch.setenv(variable, "sk-any")
    monkeypatch.setenv("MINE_BASE_URL", "http://127.0.0.1:9/v1")
    InspectConfig(model=model).check()


def test_both_models_are_checked_before_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = DataRecipe.model_validate({**CONTENT, "grader": {"model": "openai/gpt-5"}})
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(OutsideError, match="OPENAI_API_KEY"):
        build_dataset(recipe, Path("r.yml"), tmp_path / "out", card=lambda manifest, rows: None)  # type: ignore[arg-type,return-value]
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    both = recipe.model_copy(update={"teacher": InspectConfig(model="openai/gpt-5-mini")})
    assert (check_models(both) or "").startswith("warning: ") and check_models(recipe) is None
    typo = recipe.model_copy(update={"teacher": InspectConfig(model="opnai/gpt-5")})
    with pytest.raises(UsageError, match=r"r\.yml: key 'teacher': model 'opnai/gpt-5'"):
        check_models(typo, "r.yml")


def test_faults_of_a_model_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model 'opnai/gpt-5': Model API opnai"):
        InspectConfig(model="opnai/gpt-5").check()
    monkeypatch.setattr(model_access, "find_spec", lambda package: None if package == "vllm" else True)
    with pytest.raises(OutsideError, match="model 'vllm/a/b': package 'vllm' is missing; pip install vllm"):
        InspectConfig(model="vllm/a/b").check()
    with pytest.raises(UsageError, match="model 'hf/absent': its folder does not exist"):
        InspectConfig(model=f"hf/{tmp_path}/absent").check()


def test_no_path_of_this_machine_gets_into_rows_or_manifests(tmp_path: Path) -> None:
    config = InspectConfig(model=f"hf/{tmp_path}/student", connections=9, base_url="http://127.0.0.1:9")
    assert config.model_name == "hf/student"
    assert str(tmp_path) not in config.model_dump_json() and "127.0.0.1" not in config.model_dump_json()
    assert "connections" not in config.model_dump()


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "a/b", "extra_body": {"api_key": "sk-1"}},
        {"model": "a/b", "model_args": {"deep": {"token": "sk-1"}}},
        {"model": "a/b", "base_url": "https://me:sk-1@example.com/v1"},
        {"distilabel": "OpenAILLM", "kwargs": {"model": "m", "api_key": "sk-1"}},
    ],
)
def test_a_recipe_takes_no_keys(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="keys come from the environment only"):
        TypeAdapter(TeacherConfig).validate_python(entry)


def test_entries_are_told_apart_by_their_keys() -> None:
    entries = ({"scripted": "miniature"}, {"model": "openai/gpt-5"}, {"distilabel": "vLLM", "kwargs": {"model": "m"}})
    names = [TypeAdapter(GraderConfig).validate_python(entry).model_name for entry in entries]
    assert names == ["scripted/miniature", "openai/gpt-5", "vLLM/m"]
    with pytest.raises(ValidationError, match="needs one of the keys scripted, model, distilabel"):
        TypeAdapter(TeacherConfig).validate_python({"modle": "openai/gpt-5"})


def test_a_grader_is_bound_to_its_form_where_that_is_known() -> None:
    def structured(**entry: Any) -> bool:
        return bool(TypeAdapter(GraderConfig).validate_python(entry).llm(0).structured)

    assert structured(model="openai/gpt-5") and not structured(model="openai-api/mine/x")
    assert structured(model="openai-api/mine/x", structured=True) and not structured(
        model="openai/gpt-5", structured=False
    )


@pytest.mark.parametrize("name", ["vLLM", "distilabel.models.llms.openai.OpenAILLM", "TransformersLLM"])
def test_stock_classes_are_found(name: str) -> None:
    assert type(StockConfig(distilabel=name, kwargs={"model": "m"}).llm(0)).__name__ == name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("VLLM", "did you mean 'vLLM'"),
        ("AsyncLLM", "no model class"),
        ("os.system", "only classes under distilabel.models"),
        ("distilabel.pipeline.Pipeline", "only classes under distilabel.models"),
        ("distilabel.models.llms.openai.OpenAI", "no model class"),
        ("distilabel.models.nothing.X", "No module named"),
    ],
)
def test_nothing_else_is_imported(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        StockConfig(distilabel=name).check()


def test_a_fault_in_the_arguments_of_a_stock_class_is_one_line() -> None:
    with pytest.raises(UsageError, match=r"distilabel 'vLLM': key 'kwargs\.model'"):
        StockConfig(distilabel="vLLM").check()


@pytest.mark.parametrize(
    ("teacher", "grader", "same"),
    [
        ("openai/gpt-5", "openai/gpt-4o", True),
        ("openai/o3", "azureai/gpt-5", True),
        ("openai/gpt-5", "anthropic/claude-opus-5", False),
        ("together/meta-llama/Llama-3-70b", "hf/Llama-3.1-8B", True),
        ("mistral/mixtral-8x7b", "mistral/ministral-8b", True),
        ("openai-api/mine/unknown-1", "openai-api/mine/unknown-2", True),
        ("openai-api/loopback/teacher", "openai-api/loopback/grader", False),
        ("mine/sophia-1", "mine/phi-4", False),
        ("hf/own-model", "hf/own-judge", True),
    ],
)
def test_a_grader_of_the_same_family_is_warned_of(teacher: str, grader: str, same: bool) -> None:
    warning = warn_of_family(teacher, grader)
    assert (warning is not None) == same
    if warning:
        assert warning.startswith("warning: ") and "\n" not in warning


def test_a_program_is_of_no_family() -> None:
    assert (
        warn_of_family("scripted/miniature", "scripted/miniature") is None and family_of("openai/chatgpt-4o") == "gpt"
    )


@pytest.mark.parametrize("model", ["openai-api/loopback/teacher", "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"])
def test_the_real_clients_against_the_loopback_server(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackLLM() as server:
        for name in ("LOOPBACK", "OPENAI"):
            monkeypatch.setenv(f"{name}_BASE_URL", server.openai_url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.anthropic_url)
        for name in ("LOOPBACK", "OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{name}_API_KEY", "sk-any")
        llm = InspectConfig(model=model).llm(0)
        request = [{"role": "user", "content": "write 1 on sailing showing simile , deixis", SCOPE: "row-1"}]

        async def twice() -> list[dict[str, Any]]:
            llm.load()
            return [await llm.agenerate(request), await llm.agenerate(request)]

        first, second = asyncio.run(twice())
    assert first["errors"] == [None], first
    assert first["generations"] == second["generations"] and "." in first["generations"][0]
    assert len(server.ledger) == 1
    assert first["statistics"]["input_tokens"][0] > 0


def test_structured_marks_can_be_read() -> None:
    from datasets_builder.skillmix.combinations import Combination
    from datasets_builder.skillmix.reading import read_marks

    schema = inspect_llm.MARKS_SCHEMA.json_schema.model_dump(exclude_none=True)
    assert schema["properties"]["marks"]["items"]["required"] == ["id", "mark"]
    names = ("simile", "topic", "sense", "length")
    reply = json.dumps({"marks": [{"id": name, "mark": 1} for name in names]})
    assert read_marks(reply, Combination(("simile",), "sailing")) == dict.fromkeys(names, True)
