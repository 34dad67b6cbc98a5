"""A small recipe of the real miniature; the command of a build in this process."""

from collections.abc import Callable

import pytest
from data_fakes import CONTENT, GAUGE, Gauge
from loopback_builds import Builder, Outcome, connections

from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.catalogue import Catalogue, load_catalogue
from datasets_builder.skillmix.prompts import PromptSet, load_prompts


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped miniature."""
    return load_catalogue("miniature")


@pytest.fixture(scope="session")
def prompts(catalogue: Catalogue) -> PromptSet:
    """Its prompts."""
    return load_prompts(catalogue.about.prompts, catalogue)


@pytest.fixture()
def recipe() -> DataRecipe:
    """320 texts of k = 1, 2, 3, many of them faulty."""
    return DataRecipe.model_validate(CONTENT)


@pytest.fixture()
def gauge() -> Gauge:
    """The gauge, at zero."""
    GAUGE.__dict__ = Gauge().__dict__
    return GAUGE


@pytest.fixture()
def build_here(dskill: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """As ``Builder.run``, in this process, which saves the seconds of a start."""

    def run(builder: Builder, *options: object) -> Outcome:
        for name, value in connections(builder.server).items():
            monkeypatch.setenv(name, value)
        return Outcome(*dskill("build", builder.recipe, "--out", builder.out, *options))

    return run
