"""What the tests of devices behind bad links share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.foreign_files import net
from tests.hosts import Host, There
from tests.lab.network import Network

MakeModel = Callable[..., Path]

# One process measures there.
BENCH = ("--device", "jetson", "--profile", "quick", "--threads", 1, "--json")


@pytest.fixture
def host(network: Network, tmp_path: Path) -> Iterator[Host]:
    """The one who measures; nothing that it began outlives the test."""
    made = Host(network, tmp_path)
    yield made
    made.end()


@pytest.fixture
def model(tmp_path: Path) -> MakeModel:
    """Makes a model file, as small as can be or of about so many bytes."""

    def make(size_bytes: int = 0) -> Path:
        made = net()
        made.doc_string = "x" * size_bytes
        onnx.save(made, tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    return make


@pytest.fixture
def make_there(network: Network, host: Host) -> Callable[..., There]:
    """Adds the device `jetson`, as `Network.add` takes it."""

    def make(**options: Any) -> There:
        device = network.add("jetson", **options)
        host.knows("jetson", device.server)
        return There(device)

    return make


@pytest.fixture
def there(make_there: Callable[..., There]) -> There:
    """The device `jetson`, which a plain user logs in to."""
    return make_there()
