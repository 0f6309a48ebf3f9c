"""`edgekit bench --engine dask` on devices of the lab: a worker that dies changes nothing there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import faults
from tests.agents import eventually
from tests.hosts import UNTIL_TOLD, Host, There
from tests.lab.network import Network

pytestmark = pytest.mark.fleet


def test_a_worker_that_is_killed_is_replaced_by_one_that_finds_the_run(
    network: Network, host: Host, tmp_path: Path
) -> None:
    there = {name: There(network.add(name)) for name in ("one", "two")}
    for name, each in there.items():
        host.knows(name, each.device.server)
    words = ("--device", "one,two", "--engine", "dask", "--profile", "quick", "--threads", 1)
    bench = host.begin(
        "bench", faults.model(tmp_path / "m.onnx"), *words, "--json", program=UNTIL_TOLD
    )
    for each in there.values():
        each.begun()
    (driver,) = connected(network, there["one"].device.wire.address)
    os.kill(driver, signal.SIGKILL)
    eventually(lambda: connected(network, there["one"].device.wire.address))
    for each in there.values():
        each.go()
    done = bench.done()
    assert done.status == 0, done.err
    assert sorted(result["device"]["name"] for result in done.results) == ["one", "two"]
    for each in there.values():
        assert (each.count("starts"), each.count("ends")) == (1, 1)
        eventually(each.is_clean)


def connected(network: Network, address: str) -> list[int]:
    """The host's processes that have a connection to an address."""
    remote = bytes(map(int, address.split(".")))[::-1].hex().upper()
    lines = [line.split() for line in (network.host.proc / "net/tcp").read_text().splitlines()]
    # Local and remote address, state (01 is established), and further on the socket's number.
    sockets = {
        f"socket:[{words[9]}]"
        for words in lines
        if words[2].startswith(remote) and words[3] == "01"
    }
    return [process for process, _ in network.host.processes() if sockets & set(opened(process))]


def opened(process: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())
