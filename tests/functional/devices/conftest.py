"""What the tests of devices behind bad links share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import Host, There
from tests.lab.network import Network

MakeThere = Callable[..., There]


@pytest.fixture
def host(network: Network, tmp_path: Path) -> Iterator[Host]:
    """The one who measures; nothing that it began outlives the test."""
    made = Host(network, tmp_path)
    yield made
    made.end()


@pytest.fixture
def make_there(network: Network, host: Host) -> MakeThere:
    """Adds the device `jetson`, as `Network.add` takes it."""

    def make(**options: Any) -> There:
        device = network.add("jetson", **options)
        host.knows("jetson", device.server)
        return There(device)

    return make
