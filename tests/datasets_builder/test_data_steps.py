"""Each Task and Step: what it writes, what it rejects and why, and that a rejected row is never paid for again."""

import asyncio
from typing import Any, get_args

import pytest

from datasets_builder.models import ScriptedTeacher
from datasets_builder.pipeline import DataRecipe, make_pipeline
from datasets_builder.quiet_distilabel import AsyncLLM
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.steps import Reason, answer, select

SKILLS = ["simile", "deixis"]
ASKED = {"id": "k2-00-0", "combination": "k2-00", "skills": SKILLS, "topic": "sailing", "k": 2}
TEXT = "this boat here drifts like a king ."
YES = [True] * 5


class Saying(AsyncLLM):  # type: ignore[misc]
    """Gives the same replies to all, and counts."""

    replies: list[str | None]
    calls: int = 0

    @property
    def model_name(self) -> str:
        return "saying"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        self.calls += 1
        self.last = input
        return {"generations": self.replies, "statistics": {}}

    model_config = AsyncLLM.model_config | {"extra": "allow"}


@pytest.fixture()
def steps(recipe: DataRecipe, prompts: PromptSet) -> dict[str, Any]:
    """The steps of the small recipe, by name."""
    dag = make_pipeline(recipe, prompts).dag
    return {name: dag.get_step(name)["step"] for name in dag}


def _run(task: Any, llm: AsyncLLM, row: dict[str, Any]) -> dict[str, Any]:
    task.llm = llm
    return asyncio.run(answer(task, row))


def test_generate_keeps_prompt_and_raw_reply(steps: dict[str, Any]) -> None:
    row = _run(steps["generate"], Saying(replies=[f"  {TEXT}\n"]), ASKED)
    assert row["prompt"] == "write 1 on sailing showing simile , deixis"
    assert (row["text"], row["reply_generate"], row["reason"]) == (TEXT, f"  {TEXT}\n", None)


def test_revise_shows_the_teacher_its_own_answer(steps: dict[str, Any]) -> None:
    row = {**ASKED, "prompt": "p", "reply_generate": "draft", "text": "draft", "reason": None}
    llm = Saying(replies=[TEXT])
    assert _run(steps["revise"], llm, row)["text"] == TEXT
    assert [m["role"] for m in llm.last] == ["user", "assistant", "user"]
    assert [m.get("scope") for m in llm.last] == [None, None, ASKED["id"]]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [([None], "empty"), ([""], "empty"), ([" \n"], "empty"), ([], "failed"), ([7], "failed")],
)
def test_a_bad_answer_of_the_teacher_is_a_reason(steps: dict[str, Any], replies: list[Any], reason: str) -> None:
    row = _run(steps["generate"], Saying.model_construct(replies=replies), ASKED)
    assert (row["reason"], row["text"]) == (reason, None)
    assert row["detail"].startswith("generate: ")


def test_grade_collects_the_votes(steps: dict[str, Any]) -> None:
    vote = '{"simile": 1, "deixis": 0, "topic": 1, "sense": 1, "length": 1}'
    row = _run(steps["grade"], Saying(replies=[vote, "no idea"]), {**ASKED, "text": TEXT})
    assert row["votes"] == [[True, False, True, True, True], None]
    assert row["reply_grade"] == [vote, "no idea"] and row["reason"] is None


@pytest.mark.parametrize("name", ["generate", "revise", "grade"])
def test_a_rejected_row_is_not_paid_for(steps: dict[str, Any], name: str) -> None:
    llm = Saying(replies=[TEXT])
    row = _run(steps[name], llm, {**ASKED, "text": None, "reason": "failed", "detail": "why"})
    assert llm.calls == 0
    assert (row["reason"], row["detail"]) == ("failed", "why")
    assert set(steps[name].outputs) <= row.keys()


@pytest.mark.parametrize("name", ["generate", "revise", "grade"])
def test_stock_batches_lose_only_the_row_that_fails(steps: dict[str, Any], name: str) -> None:
    class Picky(ScriptedTeacher):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            if input[-1]["scope"].endswith("-1"):
                raise TimeoutError("too slow")
            return {"generations": [TEXT] * num_generations, "statistics": {}}

    steps[name].llm = Picky(seed=0, slip=0, incidental=0)
    columns = {"prompt": "p", "reply_generate": "t", "text": "t", "reason": None, "detail": None}
    (rows,) = steps[name].process([{**ASKED, **columns, "id": f"k2-00-{i}"} for i in range(3)])
    assert [row["reason"] for row in rows] == [None, "failed", None]
    assert rows[1]["detail"] == f"{name}: TimeoutError: too slow"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TEXT, None),
        (f"{TEXT} the tide sways .", "too_long"),
        ("this boat here is a Simile .", "names_skill"),
        ("this boat here shows belief .", "names_skill"),
    ],
)
def test_screen(steps: dict[str, Any], text: str, reason: str | None) -> None:
    ((row,),) = steps["screen"].process([{**ASKED, "text": text, "reason": None, "detail": None}])
    assert row["reason"] == reason


def test_screen_lets_names_pass_where_the_recipe_says_so(recipe: DataRecipe, prompts: PromptSet) -> None:
    pipeline = make_pipeline(recipe.model_copy(update={"reject_named": False}), prompts)
    screen = pipeline.dag.get_step("screen")["step"]
    ((row,),) = screen.process([{**ASKED, "text": "this boat here is a simile .", "reason": None}])
    assert row["reason"] is None


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([YES], None),
        ([YES, None, YES], None),
        ([YES, YES, [False] * 5], None),
        ([[False, True, True, True, True]], "missed_skill"),
        ([[True, False, False, True, True]], "missed_skill"),
        ([[True, True, False, False, True]], "missed_topic"),
        ([[True, True, True, False, False]], "missed_sense"),
        ([[True, True, True, True, False]], "missed_length"),
        ([None], "unreadable"),
        ([YES, None], "unreadable"),
    ],
)
def test_select(votes: list[list[bool] | None], reason: str | None) -> None:
    columns = select(SKILLS, votes)
    assert columns.get("reason") == reason
    assert (columns["marks"] is None) == (reason == "unreadable")
    assert reason is None or reason in get_args(Reason)


def test_select_names_all_that_was_missed() -> None:
    assert select(SKILLS, [[False, True, True, False, True]])["detail"] == "missed simile, sense"


def test_of_equal_texts_the_smallest_id_stays(steps: dict[str, Any]) -> None:
    texts = {"b": "x", "a": "x", "c": "x", "d": "y", "0": "x"}
    rows = [{"id": i, "text": t, "reason": "failed" if i == "0" else None} for i, t in texts.items()]
    (out,) = steps["deduplicate"].process(rows)
    reasons = {row["id"]: row["reason"] for row in out}
    assert reasons == {"b": "duplicate", "a": None, "c": "duplicate", "d": None, "0": "failed"}
    assert out[0]["detail"] == "same text as a"


def test_an_edited_catalogue_is_read_anew(recipe: DataRecipe, prompts: PromptSet, catalogue: Any) -> None:
    edited = prompts.catalogue.__class__(catalogue.about, dict(list(catalogue.skills.items())[1:]), catalogue.topics)
    names = [
        make_pipeline(recipe, p).dag.get_step("generate")["step"].content
        for p in (prompts, PromptSet(prompts.sources, edited), PromptSet({**prompts.sources, "grade": "x"}, catalogue))
    ]
    assert len(set(names)) == 3
