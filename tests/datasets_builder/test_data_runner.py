"""The runners: the same rows from both, in order, none lost; a failing row fails alone, a slow Task holds others."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from data_fakes import BrokenTeacher, CountingTeacher, Gauge, SlowGrader

from datasets_builder.meter import Meter, Prices, current_meter
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.quiet_distilabel import Pipeline, Step, StepInput, Task
from datasets_builder.runner import QUEUE_FACTOR, Progress, run_stream
from datasets_builder.skillmix.errors import DskillError, UsageError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.steps import Row
from datasets_builder.stock_runner import run_stock


def _pipeline(recipe: DataRecipe, prompts: PromptSet, **llms: Any) -> Pipeline:
    pipeline = make_pipeline(recipe, prompts)
    for name, llm in llms.items():
        pipeline.dag.get_step(name)["step"].llm = llm
    return pipeline


def _broken() -> BrokenTeacher:
    return BrokenTeacher(seed=0, slip=0.3, incidental=0.3)


def test_stream_and_stock_give_the_same_rows(recipe: DataRecipe, prompts: PromptSet) -> None:
    rows = requests(recipe, prompts.catalogue)
    batched = recipe.model_copy(update={"input_batch_size": 160})
    streamed = run_stream(_pipeline(recipe, prompts, generate=_broken()), rows, concurrency=7)
    stocked = run_stock(_pipeline(batched, prompts, generate=_broken()), rows, batch_size=160)
    assert streamed == stocked
    reasons = Counter(row["reason"] for row in streamed)
    assert {None, "failed", "empty", "missed_skill", "missed_topic"} <= reasons.keys()


def test_rows_come_back_in_order_whatever_the_delays(recipe: DataRecipe, prompts: PromptSet, gauge: Gauge) -> None:
    rows = requests(recipe, prompts.catalogue)
    out = run_stream(_pipeline(recipe, prompts, grade=SlowGrader()), rows, concurrency=20)
    assert [row["id"] for row in out] == [row["id"] for row in rows]
    assert out == run_stream(_pipeline(recipe, prompts), rows, concurrency=1)
    assert gauge.most == 20


def test_a_teacher_that_breaks_for_some_rows_fails_only_these(recipe: DataRecipe, prompts: PromptSet) -> None:
    rows = requests(recipe, prompts.catalogue)
    healthy = run_stream(_pipeline(recipe, prompts), rows)
    out = run_stream(_pipeline(recipe, prompts, generate=_broken()), rows)
    for row, sound in zip(out, healthy, strict=True):
        last = int(row["id"].split("-")[1], 16) % 10
        if last == 0:
            assert row["reason"] == "failed"
            assert row["detail"] == f"generate: ConnectionError: no answer for {row['id']}"
        elif last == 1:
            assert row["reason"] == "empty" and row["reply_generate"] == "  "
        elif "duplicate" not in (row["reason"], sound["reason"]):
            assert row == sound


def test_a_slow_grader_holds_generation_back(recipe: DataRecipe, prompts: PromptSet, gauge: Gauge) -> None:
    single = recipe.model_copy(update={"revise": False, "votes": 1, "reject_named": False})
    teacher = CountingTeacher(seed=0, slip=0.0, incidental=0.0)
    width = 3
    run_stream(
        _pipeline(single, prompts, generate=teacher, grade=SlowGrader()),
        requests(single, prompts.catalogue),
        concurrency=width,
    )
    rejected = gauge.written - gauge.graded
    # between the two: the teacher's workers, two queues, one batch of the screen, the grader's workers
    bound = width + 2 * QUEUE_FACTOR * width + QUEUE_FACTOR * width + width + rejected
    assert gauge.written == 320
    assert width < gauge.widest <= bound < 80


def test_progress_counts_up_to_the_end(recipe: DataRecipe, prompts: PromptSet) -> None:
    seen: list[Progress] = []
    out = run_stream(_pipeline(recipe, prompts), requests(recipe, prompts.catalogue), progress=seen.append)
    kept = sum(row["reason"] in (None, "duplicate") for row in out)  # duplicates show only when all rows are there
    assert (seen[-1].done, seen[-1].total, seen[-1].kept) == (320, 320, kept)
    assert seen[-1].rows_per_second > 0


def test_no_rows_are_no_trouble(recipe: DataRecipe, prompts: PromptSet) -> None:
    assert run_stream(_pipeline(recipe, prompts), []) == []


def test_an_interrupt_ends_the_run_and_leaves_nothing_running(recipe: DataRecipe, prompts: PromptSet) -> None:
    class Interrupted(SlowGrader):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            os.kill(os.getpid(), signal.SIGINT)
            return await super().agenerate(input, num_generations)

    pipeline = _pipeline(recipe, prompts, grade=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        run_stream(pipeline, requests(recipe, prompts.catalogue))


def test_a_run_inside_an_event_loop_gives_the_same_rows(recipe: DataRecipe, prompts: PromptSet) -> None:
    """A notebook has one at work; so does a program that is asynchronous itself."""
    rows, seen = requests(recipe, prompts.catalogue), list[object]()

    class Seeing(SlowGrader):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            seen.append(current_meter.get())
            return await super().agenerate(input, num_generations)

    async def cell() -> list[Row]:
        return list(run_stream(_pipeline(recipe, prompts, grade=Seeing()), rows))

    meter = Meter(Prices(prices=()))
    token = current_meter.set(meter)
    try:
        assert asyncio.run(cell()) == run_stream(_pipeline(recipe, prompts), rows)
    finally:
        current_meter.reset(token)
    assert set(seen) == {meter}


def test_an_interrupt_inside_an_event_loop_finishes_what_is_in_flight(recipe: DataRecipe, prompts: PromptSet) -> None:
    graded: list[bool] = []

    class Interrupted(SlowGrader):
        async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
            graded.append(False)
            if len(graded) == 5:
                os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            graded[graded.index(False)] = True
            return await super().agenerate(input, num_generations)

    async def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            run_stream(_pipeline(recipe, prompts, grade=Interrupted()), requests(recipe, prompts.catalogue))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        loop = asyncio.new_event_loop()  # asyncio.run would take the interrupt for itself
        loop.run_until_complete(cell())
        loop.close()
    finally:
        signal.signal(signal.SIGINT, before)
    assert 5 <= len(graded) < 320 and all(graded)


class InterruptsParent(SlowGrader):
    """Under the stock runner a Task is a process of its own: the person interrupts its parent."""

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        os.kill(os.getppid(), signal.SIGINT)
        return await super().agenerate(input, num_generations)


@pytest.mark.slow
def test_an_interrupted_stock_run_is_no_success(recipe: DataRecipe, prompts: PromptSet) -> None:
    handler = signal.getsignal(signal.SIGINT)
    few = requests(recipe, prompts.catalogue)[:1]
    with pytest.raises(KeyboardInterrupt):
        run_stock(_pipeline(recipe, prompts, grade=InterruptsParent()), few)
    assert signal.getsignal(signal.SIGINT) is handler


class Shout(Step):  # type: ignore[misc]
    """Writes a column."""

    @property
    def inputs(self) -> list[str]:
        return ["word"]

    @property
    def outputs(self) -> list[str]:
        return ["loud"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        yield [{**row, "loud": row["word"].upper()} for row in inputs]


class Drop(Shout):
    """Loses every second row."""

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        yield [{**row, "loud": ""} for row in inputs[::2]]


class Repeat(Shout):
    """Gives every row twice."""

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        yield [{**row, "loud": ""} for row in inputs for _ in range(2)]


class Crash(Shout):
    """Fails as a whole."""

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        raise ZeroDivisionError("a bug, not a bad row")


WORDS = [{"word": word} for word in ("a", "b", "c", "d")]


def _words(*steps: type[Step]) -> Pipeline:
    with Pipeline(name="words") as pipeline:
        made = [step(name=f"step{i}") for i, step in enumerate(steps)]
        for step, following in pairwise(made):
            step.connect(following)
    return pipeline


def test_any_linear_pipeline_runs() -> None:
    assert run_stream(_words(Shout, Shout), WORDS) == [{**row, "loud": row["word"].upper()} for row in WORDS]


@pytest.mark.parametrize("step", [Drop, Repeat])
def test_lost_and_repeated_rows_are_an_error(step: type[Step]) -> None:
    with pytest.raises(DskillError, match=r"4 rows went in and [28] came out"):
        run_stream(_words(Shout, step), WORDS)


def test_a_bug_in_a_step_is_shown_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_stream(_words(Shout, Crash), WORDS)


def test_a_branching_pipeline_is_refused() -> None:
    with Pipeline(name="fork") as pipeline:
        first, left, right = Shout(name="a"), Shout(name="b"), Shout(name="c")
        first >> [left, right]
    with pytest.raises(UsageError, match=r"'fork' is not one line of steps; .* stock"):
        run_stream(pipeline, WORDS)
    with pytest.raises(UsageError, match=r"'fork' has 2 ends \(b, c\)"):
        run_stock(pipeline, WORDS)


def test_two_separate_lines_are_refused() -> None:
    with Pipeline(name="two") as pipeline:
        Shout(name="a")
        Shout(name="b")
    with pytest.raises(UsageError, match="not one line"):
        run_stream(pipeline, WORDS)


def test_a_missing_column_is_named_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="'step0' needs column 'word'"):
        run_stream(_words(Shout), [{"wort": "a"}])


def test_rows_that_multiply_are_refused(recipe: DataRecipe, prompts: PromptSet) -> None:
    pipeline = make_pipeline(recipe, prompts)
    pipeline.dag.get_step("grade")["step"].group_generations = False
    with pytest.raises(UsageError, match=r"step 'grade' .* makes several rows of one"):
        run_stream(pipeline, requests(recipe, prompts.catalogue))


def test_distilabel_still_has_what_the_runners_use() -> None:
    for name in ("dag", "_add_step", "run"):
        assert hasattr(Pipeline(name="x"), name)
    assert {"_stop", "_cache_dir", "_handle_keyboard_interrupt"} <= set(dir(Pipeline(name="x")))
    assert {"format_input", "format_output", "get_outputs"} <= set(dir(Task))
