"""A bench on an emulated arm64 Jetson: what it computes is real, what it takes is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import inventory
from edgekit.records import Device
from edgekit.transports import linked
from edgekit.wire import Job
from edgekit.workflows.jobs import run_job
from tests.agents import eventually
from tests.hosts import Done, Host, There
from tests.lab import board as boards
from tests.lab.fixtures import made
from tests.lab.network import Network

pytestmark = pytest.mark.arm64

_COOL_C = 45.0
# Importing ONNX Runtime takes 11 s there, and a busy machine may take twice as long.
_DEADLINE_S = 240.0
# A cut is noticed as it lasts; an emulated server that takes its time isn't taken for one.
_TIMES = {"sshlogin._KEEPALIVE_S": 1.0}


@dataclass(frozen=True)
class Lab:
    """The board, and who measures on it."""

    network: Network
    board: boards.Board
    host: Host
    there: There

    def bench(self, model: Path, *, is_cut: bool) -> Done:
        """Bench a model there. The board is hot as it begins; the link may break as it runs."""
        words = ("--device", "jetson", "--profile", "quick", "--threads", 1, "--json")
        bench = self.host.begin("bench", model, *words, times=_TIMES)
        jobs = self.there.home / ".cache/edgekit/jobs"
        eventually(lambda: list(jobs.glob("*/began.json")))
        self.board.warmth.set(80)
        if is_cut:
            time.sleep(2)
            self.board.device.wire.cut()
            time.sleep(5)
            self.board.device.wire.mend()
        done = bench.done(_DEADLINE_S)
        eventually(self.there.is_clean)
        return done


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, clean_lab: None) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("arm64")
    network = Network(folder)
    try:
        board = made("arm64", lambda: boards.add(network, "jetson"))
        host = Host(network, folder)
        cooldown = {"start_below_c": _COOL_C, "max_wait_s": 60.0}
        host.knows("jetson", board.device.server, emulated=True, cooldown=cooldown)
        yield Lab(network, board, host, There(board.device))
        host.end()
    finally:
        network.close()


@pytest.fixture(scope="module")
def model(toy: Path) -> Path:
    return toy / "onnx-fp32"


@pytest.fixture(scope="module")
def bench(lab: Lab, model: Path) -> Done:
    done = lab.bench(model, is_cut=False)
    assert done.status == 0, done.err
    return done


@pytest.fixture(scope="module")
def launch(bench: Done) -> dict[str, Any]:
    (result,) = bench.results
    (launch,) = result["launches"]
    return launch


def test_it_is_an_arm_jetson(launch: dict[str, Any]) -> None:
    facts = launch["environment"]
    assert facts["arch"] == "aarch64"
    assert facts["board.kind"] == "jetson"
    assert facts["board.model"] == "NVIDIA Jetson Orin Nano Developer Kit"


def test_it_is_marked_as_emulated(bench: Done, lab: Lab) -> None:
    (result,) = bench.results
    assert result["device"]["emulated"]
    shown = lab.host.begin("report", result["run"]).done()
    assert "EMULATED" in shown.out


def test_the_gate_waited(launch: dict[str, Any]) -> None:
    facts = launch["environment"]
    assert facts["cooldown.outcome"] == "cool"
    assert float(facts["cooldown.before_c"]) > _COOL_C > float(facts["cooldown.after_c"])
    assert float(facts["cooldown.waited_s"]) >= 1.0


def test_the_golden_sample_is_right(launch: dict[str, Any]) -> None:
    golden = launch["golden"]
    assert golden["agreement"] == 1.0
    assert golden["max_abs_error"] < 1e-5


def test_a_cut_changes_nothing_but_the_time(lab: Lab, model: Path, launch: dict[str, Any]) -> None:
    done = lab.bench(model, is_cut=True)
    assert done.status == 0, done.err
    (again,) = done.results[0]["launches"]
    assert again["output_sha256"] == launch["output_sha256"]


def test_outputs_are_those_of_this_machine(
    lab: Lab, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lab.host.places.items():
        monkeypatch.setenv(name, value)

    def outputs(device: Device) -> dict[str, np.ndarray]:
        path = tmp_path / f"{device.name}.npz"
        job = Job(
            kind="infer",
            runtime="onnxruntime",
            model=str(model / "model.onnx"),
            precision="fp32",
            threads=1,
            seed=3,
            outputs=str(path),
        )
        with linked(device) as link:
            run_job(link, job, timeout_s=_DEADLINE_S)
        return dict(np.load(path))

    here = outputs(Device())
    with lab.network.namespace.inside():
        there = outputs(inventory.device("jetson"))
    assert there.keys() == here.keys() != set()
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, atol=1e-5, rtol=1e-5)
