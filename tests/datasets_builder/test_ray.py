"""The Ray runner, on a local Ray (marker slow; skipped where Ray is not installed)."""

import importlib.util

import pytest

from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.runner import run_ray, run_stream
from datasets_builder.skillmix.errors import OutsideError
from datasets_builder.skillmix.prompts import PromptSet

there = importlib.util.find_spec("ray") is not None


@pytest.mark.slow
@pytest.mark.skipif(not there, reason="ray is not installed: pip install 'dskill-mix[ray]'")
def test_ray_gives_the_same_rows(recipe: DataRecipe, prompts: PromptSet) -> None:
    rows = requests(recipe, prompts.catalogue)
    streamed = run_stream(make_pipeline(recipe, prompts), rows)
    assert run_ray(make_pipeline(recipe, prompts), rows, batch_size=100) == streamed


@pytest.mark.skipif(there, reason="ray is installed")
def test_a_missing_ray_is_named(recipe: DataRecipe, prompts: PromptSet) -> None:
    with pytest.raises(OutsideError, match=r"package 'ray' is missing; pip install 'dskill-mix\[ray\]'"):
        run_ray(make_pipeline(recipe, prompts), [])
