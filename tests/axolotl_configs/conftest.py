"""axolotl's own environment; without it these tests are skipped."""

from pathlib import Path

import pytest
from tokenised import tokenise

from axolotl_configs.launch import find_axolotl
from datasets_builder.skillmix.errors import UsageError


@pytest.fixture(scope="session")
def axolotl() -> Path:
    """The program."""
    try:
        return find_axolotl()
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tokenised(axolotl: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with what axolotl made of a dataset: by model, and ``mixed``."""
    return tokenise(axolotl, tmp_path_factory.mktemp("tokenised"))
