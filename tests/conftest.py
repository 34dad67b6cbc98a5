"""What all tests share: no network, one thread, the repository's paths."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["loopback", "hub_fixtures"]  # the fixtures llm_server, hub, clients

ROOT = Path(__file__).resolve().parent.parent
LONGEST = ("study", "axolotl_configs")  # folders whose tests train


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first, so that two workers end together."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def dskill(capsys, monkeypatch):
    """Runs the command line in this process; gives exit code, standard output and standard error."""
    import sys

    import dskill as module

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dskill", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            module.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return run
