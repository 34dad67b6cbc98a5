"""distilabel's own runner with paid models: the same folder, every answer paid for once, an end that is told."""

import asyncio
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from data_fakes import CONTENT
from stock_builds import check_interrupt, check_refused_key, check_same_folder

from datasets_builder.models import ScriptedTeacher
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.skillmix.errors import OutsideError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.stock_runner import run_stock
from datasets_builder.talk import STOPPED, answer_elsewhere


@pytest.mark.slow
def test_stock_gives_the_folder_of_the_streaming_runner(tmp_path: Path) -> None:
    check_same_folder(tmp_path, "stock")


@pytest.mark.slow
def test_a_refused_key_is_told_by_stock(tmp_path: Path) -> None:
    check_refused_key(tmp_path, "stock")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_stock_build_leaves_no_process_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    check_interrupt(tmp_path, "stock", number)


@pytest.mark.parametrize("runner", ["stream", pytest.param("stock", marks=pytest.mark.slow)])
def test_a_class_of_distilabel_without_its_key_is_told(
    tmp_path: Path, dskill: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    teacher = {"distilabel": "OpenAILLM", "kwargs": {"model": "any"}}
    (tmp_path / "recipe.yml").write_text(json.dumps({**CONTENT, "teacher": teacher}))
    code, _, err = dskill("build", tmp_path / "recipe.yml", "--out", tmp_path / "out", "--runner", runner)
    assert code == 3 and re.search(r"error: .* cannot be loaded: ValueError: .*OPENAI_API_KEY", err)
    assert "Traceback" not in err


class Refused(ScriptedTeacher):
    """Is not let in."""

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        raise OutsideError("the provider does not accept the key")


def test_what_stops_a_run_comes_out_of_another_process_as_a_row(recipe: DataRecipe, prompts: PromptSet) -> None:
    pipeline = make_pipeline(recipe, prompts)
    task, asked = pipeline.dag.get_step("generate")["step"], requests(recipe, prompts.catalogue)[:2]
    task.llm = Refused(seed=0, slip=0, incidental=0)
    row = asyncio.run(answer_elsewhere(task, asked[0]))
    assert (row["reason"], row["detail"], row["text"]) == (STOPPED, "the provider does not accept the key", None)
    with pytest.raises(OutsideError, match="does not accept the key"):
        run_stock(pipeline, asked)
