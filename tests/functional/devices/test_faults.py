"""`edgekit bench` on devices that fail, over links that do: one run, or a row that says why."""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path

import pytest

from edgekit import inventory
from edgekit.transports import cargo, linked
from tests import faults
from tests.agents import eventually
from tests.faults import BENCH, FAULTS, Fault
from tests.functional.devices.conftest import MakeThere
from tests.hosts import IMPATIENT, MIB, UNTIL_TOLD, Host, size
from tests.lab.network import Network
from tests.machines import scripted, scripted_worker


@pytest.mark.parametrize("fault", [pytest.param(each, id=each.name) for each in FAULTS])
def test_no_run_is_lost_or_doubled_and_nothing_is_left(
    host: Host, make_there: MakeThere, tmp_path: Path, fault: Fault
) -> None:
    outcome = faults.happen(fault, host, make_there(**fault.device), tmp_path)
    assert outcome.is_right, outcome


def test_nothing_is_pushed_where_there_is_no_room(
    host: Host, make_there: MakeThere, tmp_path: Path
) -> None:
    (fault,) = (each for each in FAULTS if each.name == "disk full before the upload")
    there = make_there(**fault.device)
    faults.happen(fault, host, there, tmp_path)
    assert sum(map(size, there.files())) < MIB


def test_a_second_host_waits_where_it_may(
    host: Host, make_there: MakeThere, tmp_path: Path
) -> None:
    there = make_there()
    host.knows("same", there.device.server, wait_s=60.0)
    model = faults.model(tmp_path / "m.onnx")
    first = host.begin("bench", model, *BENCH, program=UNTIL_TOLD)
    there.begun()
    words = ["same" if word == "jetson" else word for word in BENCH]
    second = host.begin("bench", model, *words, program="mark('second')")
    # It asks, and is told to wait.
    time.sleep(2)
    assert there.count("second") == 0
    there.go()
    assert (first.done().status, second.done().status) == (0, 0)
    assert (there.count("starts"), there.count("ends"), there.count("second")) == (2, 2, 1)
    eventually(there.is_clean)


def test_the_link_is_cut_in_the_middle_of_a_fetch(
    network: Network,
    host: Host,
    make_there: MakeThere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No command keeps outputs: this process is the host.
    for name, value in host.places.items():
        monkeypatch.setenv(name, value)
    for name, value_s in IMPATIENT.items():
        monkeypatch.setattr(f"edgekit.transports.{name}", value_s)
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))
    there = make_there()
    there.device.wire.set(mbit_per_s=10)
    outputs = tmp_path / "outputs.npz"
    program = "open('outputs.npz', 'wb').write(bytes(range(256)) * 8192); say('done')"

    def cut() -> None:
        eventually(lambda: size(tmp_path / "outputs.npz.part") >= MIB // 2)
        faults.cut_for_a_while(there)

    fault = threading.Thread(target=cut)
    with network.namespace.inside(), linked(inventory.device("jetson")) as link:
        fault.start()
        lines = list(link.run(scripted(program, outputs=str(outputs)), timeout_s=60))
        fault.join()
    assert lines == [b"done"]
    assert outputs.read_bytes() == bytes(range(256)) * 8192
    eventually(there.is_clean)
