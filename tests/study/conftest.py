"""The tiny study, run once for all tests of this folder."""

from pathlib import Path

import pytest
from tiny import call, write_tiny_recipes


@pytest.fixture
def tiny(root: Path, tmp_path: Path) -> Path:
    """A fresh copy of the tiny study's recipes."""
    return write_tiny_recipes(root, tmp_path)


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The tiny study, run once by the command line: its folder (recipes, runs/tiny) and what it printed."""
    folder = tmp_path_factory.mktemp("tiny-study")
    code, output = call("study", write_tiny_recipes(root, folder), cwd=folder)
    assert code == 0, output
    return folder, output
