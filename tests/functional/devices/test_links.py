"""`edgekit bench` over links that are cut, slow or lossy: whatever befalls them, one run."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit import inventory
from edgekit.transports import cargo, linked
from tests.agents import eventually
from tests.functional.devices.conftest import BENCH, MakeModel
from tests.hosts import IMPATIENT, MIB, UNTIL_TOLD, Host, There, size
from tests.lab.network import Network
from tests.machines import scripted, scripted_worker

# Long enough for both sides to notice it.
_CUT_S = 2.0
# A host that gives up soon, and a device that does so a little later.
_FOR_GOOD = {**IMPATIENT, "visit.PATIENCE_S": 1.0, "visit.LEASE_S": 3.0, "visit.GRACE_S": 0.5}
# As many inferences as make some megabytes of samples.
_BIG = "samples['latency_ns'] = samples['cpu_ns'] = [1234567] * 200_000; mark('big')"


def cut_for_a_while(there: There) -> None:
    there.device.wire.cut()
    time.sleep(_CUT_S)
    there.device.wire.mend()


@pytest.fixture
def at_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the host: its user, its patience, and a worker that is told what to do."""
    for name, value in host.places.items():
        monkeypatch.setenv(name, value)
    for name, value_s in IMPATIENT.items():
        monkeypatch.setattr(f"edgekit.transports.{name}", value_s)
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))


class TestCut:
    def test_in_the_middle_of_an_upload(self, host: Host, there: There, model: MakeModel) -> None:
        there.device.wire.set(mbit_per_s=40)
        bench = host.begin("bench", model(6 * MIB), *BENCH, program="")
        there.uploading()
        cut_for_a_while(there)
        there.ran_once(bench)

    def test_in_the_middle_of_a_run(self, host: Host, there: There, model: MakeModel) -> None:
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        cut_for_a_while(there)
        there.go()
        there.ran_once(bench)

    def test_while_the_run_ends(self, host: Host, there: There, model: MakeModel) -> None:
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        there.device.wire.cut()
        there.go()
        eventually(lambda: there.count("ends"))
        time.sleep(_CUT_S)
        there.device.wire.mend()
        there.ran_once(bench)

    def test_in_the_middle_of_the_samples(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        bench = host.begin("bench", model(), *BENCH, program=f"{UNTIL_TOLD}; {_BIG}")
        there.begun()
        there.device.wire.set(mbit_per_s=10)
        there.go()
        eventually(lambda: there.count("ends"))
        before = there.device.wire.counts()["passed"]
        # About half a megabyte of the four, as base64.
        eventually(lambda: there.device.wire.counts()["passed"] > before + 600)
        cut_for_a_while(there)
        done = there.ran_once(bench)
        assert len(done.results[0]["launches"][0]["latency_ns"]) == 200_000

    def test_in_the_middle_of_a_fetch(
        self, network: Network, host: Host, there: There, tmp_path: Path, at_host: None
    ) -> None:
        outputs = tmp_path / "outputs.npz"
        program = "open('outputs.npz', 'wb').write(bytes(range(256)) * 8192); say('done')"
        job = scripted(program, outputs=str(outputs))
        there.device.wire.set(mbit_per_s=10)

        def cut() -> None:
            eventually(lambda: list(tmp_path.glob("*.part")))
            eventually(lambda: size(tmp_path / "outputs.npz.part") >= MIB // 2)
            cut_for_a_while(there)

        with network.namespace.inside(), linked(inventory.device("jetson")) as link:
            fault = threading.Thread(target=cut)
            fault.start()
            lines = list(link.run(job, timeout_s=60))
            fault.join()
        assert lines == [b"done"]
        assert outputs.read_bytes() == bytes(range(256)) * 8192
        eventually(there.is_clean)

    @pytest.mark.parametrize("when", ["upload", "run"])
    def test_for_good(self, host: Host, there: There, model: MakeModel, when: str) -> None:
        there.device.wire.set(mbit_per_s=40)
        size_bytes = 6 * MIB if when == "upload" else 0
        bench = host.begin("bench", model(size_bytes), *BENCH, program=UNTIL_TOLD, times=_FOR_GOOD)
        there.uploading() if size_bytes else there.begun()
        there.device.wire.cut()
        done = bench.done()
        assert done.status == 5
        assert done.failure["kind"] == "LinkLost"
        # Nobody asks for the job any more: the device ends it by itself.
        eventually(lambda: not there.left())
        assert there.count("ends") == 0


@pytest.mark.parametrize(
    "cable",
    [
        {"delay_ms": 40, "jitter_ms": 20},
        {"mbit_per_s": 2},
        {"loss": 0.1, "delay_ms": 5},
    ],
    ids=["slow", "narrow", "lossy"],
)
def test_a_bad_link_costs_time_alone(
    host: Host, there: There, model: MakeModel, cable: dict[str, float]
) -> None:
    there.device.wire.set(**cable)
    there.ran_once(host.begin("bench", model(MIB // 4), *BENCH, program="", times={}))


def test_a_host_that_dies_leaves_nothing_there(host: Host, there: There, model: MakeModel) -> None:
    bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD, times=_FOR_GOOD)
    there.begun()
    bench.kill()
    eventually(lambda: not there.left())
    assert there.count("ends") == 0


@pytest.mark.parametrize("user", ["ek", "root"])
def test_the_server_restarts_in_the_middle_of_a_run(
    host: Host, make_there: Callable[..., There], model: MakeModel, user: str
) -> None:
    there = make_there(user=user)
    bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
    there.begun()
    there.device.server.kill()
    time.sleep(0.5)
    there.device.server.start()
    there.go()
    there.ran_once(bench)
