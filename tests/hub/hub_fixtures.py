"""Fixtures: an empty loopback Hub for each test, and its clients by LFS and by xet."""

from collections.abc import Iterator

import pytest
from hub_clients import Clients
from loopback_hub import LoopbackHub


@pytest.fixture(scope="session")
def hub_server() -> Iterator[LoopbackHub]:
    """One server for all tests, so that clients keep their endpoint."""
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def hub(hub_server: LoopbackHub) -> LoopbackHub:
    """The server, empty."""
    hub_server.clear()
    return hub_server


@pytest.fixture(scope="session")
def lfs(hub_server: LoopbackHub) -> Iterator[Clients]:
    """Clients with xet off."""
    with Clients(hub_server.url, xet=False) as clients:
        yield clients


@pytest.fixture(scope="session")
def xet(hub_server: LoopbackHub) -> Iterator[Clients]:
    """Clients with xet on."""
    pytest.importorskip("hf_xet")
    with Clients(hub_server.url, xet=True) as clients:
        yield clients


@pytest.fixture(params=["xet", pytest.param("lfs", marks=pytest.mark.slow)])
def clients(request: pytest.FixtureRequest) -> Clients:
    """Clients of either kind; by LFS among the slow tests, as most others go by it."""
    return request.getfixturevalue(request.param)
