"""The scripted models: answers depend on the request and its scope, on nothing else."""

import asyncio
import subprocess
import sys
from typing import Any

from datasets_builder.models import ScriptedGraderConfig, ScriptedTeacherConfig, stable_seed

TEACHER = ScriptedTeacherConfig(scripted="miniature").llm(seed=3)


def _ask(scope: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "write 1 on sailing showing simile , deixis", "scope": scope}]


def _answers(scopes: list[str], n: int = 1) -> dict[str, Any]:
    async def all_of_them() -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(TEACHER.agenerate(_ask(scope), n) for scope in scopes)))

    return {s: a["generations"] for s, a in zip(scopes, asyncio.run(all_of_them()), strict=True)}


def test_order_and_company_of_requests_change_no_answer() -> None:
    scopes = [f"row-{i}" for i in range(30)]
    assert _answers(scopes) == _answers(scopes[::-1])
    assert _answers(scopes[7:8]) == {"row-7": _answers(scopes)["row-7"]}


def test_rows_with_one_prompt_do_not_share_one_answer() -> None:
    texts = {text for (text,) in _answers([f"row-{i}" for i in range(30)]).values()}
    assert len(texts) > 20


def test_generations_of_one_request_differ() -> None:
    assert len(set(_answers(["row-0"], n=5)["row-0"])) > 1


def test_every_part_of_the_request_makes_the_seed() -> None:
    base = stable_seed(0, _ask("a"), 0)
    others = [stable_seed(1, _ask("a"), 0), stable_seed(0, _ask("b"), 0), stable_seed(0, _ask("a"), 1)]
    assert base == stable_seed(0, _ask("a"), 0)
    assert len({base, *others, stable_seed(0, [{**_ask("a")[0], "content": "x"}], 0)}) == 5


def test_the_grader_votes_in_json() -> None:
    grader = ScriptedGraderConfig(scripted="miniature").llm(0)
    prompt = 'grade on sailing showing simile\ntext: "the boat drifts like a king ."\nanswer in json'
    answer = asyncio.run(grader.agenerate([{"role": "user", "content": prompt}], 3))
    assert answer["generations"] == ['{"simile": 1, "topic": 1, "sense": 1, "length": 1}'] * 3


def test_importing_distilabel_leaves_tracebacks_alone_and_says_nothing() -> None:
    code = "import sys; hook = sys.excepthook; import datasets_builder.build; sys.exit(sys.excepthook is not hook)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
