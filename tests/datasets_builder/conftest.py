"""A small recipe of the real miniature."""

import pytest
from data_fakes import CONTENT, GAUGE, Gauge

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
