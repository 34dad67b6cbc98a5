"""Each Task and Step: what it writes, what it rejects and why, and that a rejected row is never paid for again."""

import asyncio
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from datasets_builder.models import SCOPE, STAGE, TRY, VOTE, WITHHELD, ScriptedGrader, ScriptedTeacher
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.quiet_distilabel import LLM, AsyncLLM
from datasets_builder.skillmix.errors import OutsideError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.skillmix.rubric import foresee, is_decided
from datasets_builder.steps import Reason, answer, select

SKILLS = ["simile", "deixis"]
ASKED = {"id": "k2-00-0", "combination": "k2-00", "skills": SKILLS, "topic": "sailing", "k": 2}
TEXT = "this boat here drifts like a king ."
YES = [True] * 5


class Saying(AsyncLLM):  # type: ignore[misc]
    """Gives its replies one after another, the last one for ever, and counts."""

    replies: list[str | None]
    calls: int = 0

    @property
    def model_name(self) -> str:
        return "saying"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        self.calls += 1
        self.last = input
        return {"generations": self.replies[min(self.calls, len(self.replies)) - 1 :][:1], "statistics": {}}

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
    row = _run(steps["grade"], Saying(replies=[vote, "no idea", "none"]), {**ASKED, "text": TEXT})
    assert row["votes"] == [[True, False, True, True, True], None]
    assert row["reply_grade"] == [[vote], ["no idea", "none"]] and row["reason"] is None


VOTES = {"yes": [1, 1, 1, 1, 1], "off topic": [1, 1, 0, 1, 1], "misses": [1, 0, 1, 1, 1], "none": None}


@pytest.mark.parametrize(
    ("answers", "calls", "reason"),
    [
        (["yes", "yes"], 2, None),
        (["yes", "misses", "yes"], 3, None),
        (["misses", "misses"], 2, "missed_skill"),
        (["off topic", "misses", "misses"], 3, "missed_skill"),
        (["none", "yes", "yes"], 3, None),
        (["none", "none", "yes", "yes"], 4, None),
        (["none", "none", "none", "none"], 4, "unreadable"),
        (["yes", "none", "none", "none", "none"], 5, "unreadable"),
        (["yes", "none", "none", "misses"], 4, "missed_skill"),
    ],
)
def test_votes_are_asked_for_while_the_verdict_is_open(
    recipe: DataRecipe, prompts: PromptSet, answers: list[str], calls: int, reason: str | None
) -> None:
    dag = make_pipeline(recipe.model_copy(update={"votes": 3}), prompts).dag
    grade, chosen = dag.get_step("grade")["step"], dag.get_step("select")["step"]
    llm = Saying(replies=[_reply(VOTES[name]) for name in answers])
    row = _run(grade, llm, {**ASKED, "text": TEXT})
    assert llm.calls == calls == sum(map(len, row["reply_grade"])) and len(row["reply_grade"]) == len(row["votes"])
    ((row,),) = chosen.process([row])
    assert row["reason"] == reason


def _reply(marks: list[int] | None) -> str:
    names = (*SKILLS, "topic", "sense", "length")
    return "no idea" if marks is None else json.dumps(dict(zip(names, marks, strict=True)))


def test_every_vote_and_every_try_has_its_scope(steps: dict[str, Any]) -> None:
    seen: list[tuple[str, ...]] = []

    class Noting(Saying):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            seen.append(tuple(input[-1][key] for key in (SCOPE, STAGE, VOTE, TRY)))
            return await super().agenerate(input, num_generations)

    _run(steps["grade"], Noting(replies=[_reply(None), _reply(VOTES["yes"])]), {**ASKED, "text": TEXT})
    assert seen == [(ASKED["id"], "grade", vote, attempt) for vote, attempt in (("0", "0"), ("0", "1"), ("1", "0"))]


MARK = st.lists(st.booleans(), min_size=5, max_size=5)
TABLE = st.lists(st.one_of(st.none(), MARK, st.just([True] * 5)), min_size=1, max_size=7)


@settings(max_examples=1000)
@given(TABLE)
def test_stopping_early_decides_as_all_votes_would(votes: list[list[bool] | None]) -> None:
    planned = len(votes)
    names = (*SKILLS, "topic", "sense", "length")
    taken: list[list[bool] | None] = []
    marked = [None if vote is None else dict(zip(names, vote, strict=True)) for vote in votes]
    for vote in votes:
        if is_decided(foresee(marked[: len(taken)], SKILLS, planned), SKILLS):
            break
        taken.append(vote)
    early, full = select(SKILLS, taken, planned), select(SKILLS, votes, planned)
    assert early.get("reason") == full.get("reason")
    if full["marks"] is None or full.get("reason") is None:
        assert early["marks"] == full["marks"]
    else:
        assert all(mark in (None, whole) for mark, whole in zip(early["marks"], full["marks"], strict=True))
    if taken:  # and not one vote later than need be
        before = marked[: len(taken) - 1]
        ends = {
            select(SKILLS, _rows(before, rest), planned).get("reason") for rest in _endings(len(taken) - 1, planned)
        }
        assert len(ends) > 1


def _rows(before: list[Any], rest: list[Any]) -> list[list[bool] | None]:
    return [None if vote is None else list(vote.values()) for vote in before] + rest


def _endings(taken: int, planned: int) -> list[list[list[bool] | None]]:
    """The ways that the votes to come may go, all alike: enough to see whether a verdict is open."""
    kinds = [None, *([index != missed for index in range(5)] for missed in range(6)), [False] * 5]
    return [[kind] * (planned - taken) for kind in kinds]


class Batching(LLM):  # type: ignore[misc]
    """A model as distilabel's vLLM class is: a batch at once, and not asynchronous."""

    slip: float = 0.3
    batches: list[int] = Field(default_factory=list)

    @property
    def model_name(self) -> str:
        return "batching"

    def generate(self, inputs: list[Any], num_generations: int = 1) -> list[dict[str, Any]]:
        self.batches.append(len(inputs))
        if len(inputs) > 1 and any(request[-1][SCOPE].endswith("-7") for request in inputs):
            raise RuntimeError("out of memory")
        return [self._reply(request, num_generations) for request in inputs]

    def _reply(self, request: Any, count: int) -> dict[str, Any]:
        grades = request[0]["content"].startswith("grade ")
        llm = ScriptedGrader() if grades else ScriptedTeacher(seed=0, slip=self.slip, incidental=0.3)
        return asyncio.run(llm.agenerate(request, count))


def test_a_model_that_takes_batches_gives_the_same_rows(recipe: DataRecipe, prompts: PromptSet) -> None:
    def run(llm: Any) -> list[Any]:
        dag = make_pipeline(recipe, prompts).dag
        rows: list[Any] = requests(recipe, prompts.catalogue)[:40]
        for name in ("generate", "revise", "screen", "grade", "select"):
            step = dag.get_step(name)["step"]
            if llm is not None and name in ("generate", "revise", "grade"):
                step.llm = llm
            (rows,) = step.process(rows)
        return rows

    llm = Batching()
    assert run(llm) == run(None)
    assert 40 in llm.batches and {row["reason"] for row in run(llm)} >= {None, "missed_skill"}


def test_a_batch_that_fails_is_asked_row_by_row(steps: dict[str, Any]) -> None:
    columns = {"prompt": "write 1 on sailing showing simile , deixis", "reason": None, "detail": None}
    steps["generate"].llm = llm = Batching()
    (rows,) = steps["generate"].process([{**ASKED, **columns, "id": f"k2-00-{i}"} for i in (6, 7, 8)])
    assert all(row["text"] for row in rows) and llm.batches[-4:] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    ("given", "reason", "detail"),
    [
        ({"generations": [None], "errors": ["RateLimitError: slow down"]}, "failed", "RateLimitError: slow down"),
        ({"generations": [None], "errors": [WITHHELD]}, "refused", WITHHELD),
        ({"generations": ["I'm sorry, but I can't assist with that."], "errors": [None]}, "refused", "I'm sorry"),
    ],
)
def test_why_there_is_no_text(steps: dict[str, Any], given: dict[str, Any], reason: str, detail: str) -> None:
    class Giving(Saying):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            return given

    row = _run(steps["generate"], Giving(replies=[]), ASKED)
    assert row["reason"] == reason and row["detail"].startswith(f"generate: {detail}")


def test_what_stops_the_whole_run_is_no_rows_failure(steps: dict[str, Any]) -> None:
    class Broke(Saying):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            raise OutsideError("the budget is spent")

    with pytest.raises(OutsideError, match="budget"):
        _run(steps["generate"], Broke(replies=[]), ASKED)


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
        ("this boat here shows belief .", None),  # a skill of another text
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
    columns = select(SKILLS, votes, len(votes))
    assert columns.get("reason") == reason
    assert (columns["marks"] is None) == (reason == "unreadable")
    assert reason is None or reason in get_args(Reason)


def test_select_names_all_that_was_missed() -> None:
    assert select(SKILLS, [[False, True, True, False, True]], 1)["detail"] == "missed simile, sense"


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
