"""The loopback server, asked by the real SDKs and through Inspect."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anthropic
import httpx2
import openai
import pytest
from loopback import LoopbackLLM
from loopback_answers import CannedAnswers, ScriptedAnswers
from loopback_chance import Faults, Latency, rng_of
from loopback_ledger import most_in_flight, read_ledger

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.verifiers import grade

ASK = "write 2 on sailing showing simile , deixis , belief"
VOTE = 'grade on sailing showing simile , deixis\ntext: "this boat here drifts like a king ."\nanswer in json'


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def ask_openai(server: LoopbackLLM, text: str, retries: int = 0, **options: object) -> list[str]:
    with openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=retries) as client:
        given = client.chat.completions.create(model="teacher", messages=user(text), **options)
    assert given.usage.prompt_tokens > 0 and given.usage.completion_tokens > 0
    return [choice.message.content for choice in given.choices]


def ask_anthropic(server: LoopbackLLM, text: str, **options: object) -> str:
    with anthropic.Anthropic(base_url=server.anthropic_url, api_key="k", max_retries=0) as client:
        given = client.messages.create(model="teacher", max_tokens=100, messages=user(text), **options)
    assert given.usage.input_tokens > 0 and given.usage.output_tokens > 0
    return given.content[0].text


def test_openai_gets_texts_of_the_scripted_teacher(llm_server: LoopbackLLM) -> None:
    texts = ask_openai(llm_server, ASK, n=3)
    assert len(set(texts)) == 3
    assert set(grade(texts[0], ["simile", "deixis", "belief"], "sailing")) >= {"simile", "topic", "length"}
    entry = llm_server.ledger[0]
    assert (entry.row, entry.stage, entry.status) == ("simile+deixis+belief@sailing", "generate", 200)
    assert entry.outcome == "answered" and entry.ended >= entry.began and entry.output_tokens > 0


def test_anthropic_gets_the_same_text_as_openai() -> None:
    with LoopbackLLM(seed=3) as one, LoopbackLLM(seed=3) as other:
        assert ask_openai(one, ASK)[0] == ask_anthropic(other, ASK)


def test_anthropic_streams(llm_server: LoopbackLLM) -> None:
    with (
        anthropic.Anthropic(base_url=llm_server.anthropic_url, api_key="k") as client,
        client.messages.stream(model="grader", max_tokens=9, messages=user(VOTE), system="you are a judge") as stream,
    ):
        message = stream.get_final_message()
    assert message.content[0].text == grade_reply(VOTE) and message.stop_reason == "end_turn"
    assert llm_server.ledger[0].stage == "grade"


def test_structured_output_keeps_to_the_form_that_was_asked_for(llm_server: LoopbackLLM) -> None:
    schema = {"name": "marks", "schema": {"type": "object", "properties": {"marks": {"type": "array"}}}}
    reply = ask_openai(llm_server, VOTE, response_format={"type": "json_schema", "json_schema": schema})[0]
    names = ["simile", "deixis", "topic", "sense", "length"]
    assert json.loads(reply) == {"marks": [{"id": name, "mark": 1} for name in names]}
    assert ask_openai(llm_server, VOTE, response_format={"type": "json_object"})[0] == grade_reply(VOTE)


def test_a_revision_belongs_to_the_row_of_its_draft(llm_server: LoopbackLLM) -> None:
    draft = ask_openai(llm_server, ASK)[0]
    talk = [*user(ASK), {"role": "assistant", "content": draft}, *user("revise to at most 2 on sailing")]
    with openai.OpenAI(base_url=llm_server.openai_url, api_key="k") as client:
        client.chat.completions.create(model="teacher", messages=talk)
        assert {model.id for model in client.models.list()} == {"teacher", "grader"}
    assert [(e.row, e.stage) for e in llm_server.ledger] == [
        ("simile+deixis+belief@sailing", "generate"),
        ("simile+deixis+belief@sailing", "revise"),
    ]


def test_a_sampled_answer_varies_and_a_constant_or_seeded_one_does_not() -> None:
    with LoopbackLLM() as varied, LoopbackLLM(varied=False) as constant:
        assert ask_openai(varied, ASK) != ask_openai(varied, ASK)
        assert ask_openai(constant, ASK) == ask_openai(constant, ASK)
        assert ask_openai(varied, ASK, seed=5) == ask_openai(varied, ASK, seed=5) != ask_openai(varied, ASK, seed=6)


def test_a_noisy_grader_flips_marks_by_vote_at_its_rate() -> None:
    answers, truth = ScriptedAnswers(noise=0.2), json.loads(grade_reply(VOTE))
    votes = [json.loads(answers.answer(user(VOTE), str(number))) for number in range(400)]
    flips = sum(vote[name] != truth[name] for vote in votes for name in truth) / (400 * len(truth))
    assert 0.17 < flips < 0.23
    assert answers.answer(user(VOTE), "7") == json.dumps(votes[7])


def test_recorded_answers_come_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "recorded.csv"
    file.write_text('prompt,answer\n"Say, ""a""",one\nother,"two\nlines"\n"Say, ""a""",three\n', encoding="utf-8")
    with LoopbackLLM(answers=CannedAnswers.read(file)) as server:
        assert [ask_openai(server, 'Say, "a"')[0] for _ in range(3)] == ["one", "three", "one"]
        assert ask_anthropic(server, "other\n") == "two\nlines"
        with pytest.raises(openai.BadRequestError, match="nothing is recorded for 'more'"):
            ask_openai(server, "more")
    (tmp_path / "recorded.json").write_text('{"a": "b", "c": ["d", "e"]}')
    canned = CannedAnswers.read(tmp_path / "recorded.json", otherwise=ScriptedAnswers())
    assert canned.answer(user("c"), "1") == "d" and canned.answer(user("c"), "0") == "e"
    assert canned.answer(user(VOTE), "0") == grade_reply(VOTE) and canned.describe(user(VOTE))[1] == "grade"


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(rate_limit=1, retry_after=0.25), openai.RateLimitError),
        (Faults(server_error=1), openai.InternalServerError),
        (Faults(disconnect=1), openai.APIConnectionError),
        (Faults(stall=1, stall_seconds=0.1), openai.APIConnectionError),
        (Faults(garbled=1), json.JSONDecodeError),
        (Faults(broken=1), openai.BadRequestError),
    ],
)
def test_each_fault_is_what_the_sdk_takes_it_for(faults: Faults, error: type[Exception]) -> None:
    with LoopbackLLM(faults=faults) as server:
        with pytest.raises(error) as caught:
            ask_openai(server, ASK)
        if isinstance(caught.value, openai.RateLimitError):
            assert caught.value.response.headers["retry-after"] == "0.25"
    assert "answered" not in server.ledger.outcomes()


def test_anthropic_takes_the_faults_for_its_own() -> None:
    for faults, error in [
        (Faults(rate_limit=1), anthropic.RateLimitError),
        (Faults(server_error=1), anthropic.InternalServerError),
        (Faults(disconnect=1), anthropic.APIConnectionError),
        (Faults(broken=1), anthropic.BadRequestError),
    ]:
        with LoopbackLLM(faults=faults) as server, pytest.raises(error):
            ask_anthropic(server, ASK)


def test_a_client_that_times_out_is_in_the_ledger() -> None:
    with LoopbackLLM(faults=Faults(stall=1)) as server, pytest.raises(openai.APITimeoutError):
        ask_openai(server, ASK, timeout=0.2)
    assert server.ledger.outcomes() == {"abandoned": 1}


def test_retries_of_the_sdk_end_in_an_answer_and_faults_have_their_shares() -> None:
    asks = [f"write 1 on {topic} showing {skill}" for topic in ("sailing", "music") for skill in ("simile", "belief")]
    with LoopbackLLM(faults=Faults(rate_limit=0.5, retry_after=0.01), seed=1) as server:
        for ask in asks:
            ask_openai(server, ask, retries=20)
    assert server.ledger.outcomes()["answered"] == 4 and server.ledger.outcomes()["rate_limited"] > 0
    drawn = Counter(Faults(rate_limit=0.1, server_error=0.05).draw(rng_of(1, number)) for number in range(10_000))
    assert drawn["rate_limited"] == pytest.approx(1000, abs=100) and drawn["server_error"] == pytest.approx(500, abs=80)


def test_broken_rows_stay_broken_and_malformed_replies_are_unreadable() -> None:
    with LoopbackLLM(faults=Faults(malformed=1)) as server:
        assert not ask_openai(server, ASK)[0].strip(" \n\u200b")
        with pytest.raises(ValueError):
            json.loads(ask_openai(server, VOTE)[0])
    assert server.ledger.outcomes() == {"malformed": 2}


def test_latency_has_its_median_and_its_tail() -> None:
    latency = Latency(median=0.3, sigma=0.8, tail_share=0.02, tail_factor=10, cap=30)
    seconds = sorted(latency.draw(rng_of("latency", number)) for number in range(10_000))
    assert seconds[5000] == pytest.approx(0.3, rel=0.05) and seconds[-1] <= 30
    assert sum(s > 3 for s in seconds) / 10_000 == pytest.approx(0.02 / 2 + 0.002, abs=0.003)  # half of the tail
    assert Latency().draw(rng_of(1)) == 0


def test_a_wrong_key_a_wrong_path_and_a_wrong_body_are_refused() -> None:
    with LoopbackLLM(key="right") as server:
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided: k"):
            ask_openai(server, ASK)
        with pytest.raises(anthropic.AuthenticationError):
            ask_anthropic(server, ASK)
        assert httpx2.post(f"{server.openai_url}/nowhere", content=b"{}").status_code == 404
        for body in (b"{", b"[]", b"{}", b'{"model": "m", "messages": []}'):
            answer = httpx2.post(
                f"{server.openai_url}/chat/completions", content=body, headers={"authorization": "Bearer right"}
            )
            assert answer.status_code == 400, body
    assert not server.ledger


def test_inspect_reaches_it_by_both_doors(llm_server: LoopbackLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai.model import GenerateConfig, get_model

    for name, url in (("LOOPBACK", llm_server.openai_url), ("OPENAI", llm_server.openai_url)):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
        monkeypatch.setenv(f"{name}_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", llm_server.anthropic_url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")

    async def ask(name: str) -> tuple[str, int]:
        async with get_model(name, config=GenerateConfig(max_retries=0), memoize=False) as model:
            output = await model.generate(VOTE)
        return output.completion, output.usage.output_tokens

    for name in ("openai-api/loopback/grader", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"):
        text, tokens = asyncio.run(ask(name))
        assert text == grade_reply(VOTE) and tokens > 0, name
    assert [entry.model for entry in llm_server.ledger] == ["grader", "gpt-4o-mini", "claude-sonnet-4-5"]


def test_a_process_of_its_own_writes_a_ledger_that_survives_kill_9(root: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, root / "tests/llm/loopback.py", "--ledger", ledger, "--latency", '{"median": 0.05}']
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        url = json.loads(process.stdout.readline())["openai_url"]
        asyncio.run(_ask_many(url, 20))
        process.send_signal(signal.SIGKILL)
    entries = read_ledger(ledger)
    assert len(entries) == 20 and entries.answered().total() == 20
    assert 2 <= most_in_flight(entries) <= 8
    assert entries.in_flight(entries[5].began) and not entries.in_flight(entries[-1].ended + 5)


async def _ask_many(url: str, count: int) -> None:
    gate = asyncio.Semaphore(8)

    async def ask(client: openai.AsyncOpenAI) -> None:
        async with gate:
            await client.chat.completions.create(model="teacher", messages=user(ASK))

    async with openai.AsyncOpenAI(base_url=url, api_key="k") as client:
        await asyncio.gather(*(ask(client) for _ in range(count)))
