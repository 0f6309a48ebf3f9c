"""The same tasks over dask.distributed, whose workers may die."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit import dispatch
from edgekit.dispatch import Crew, Site, Task
from edgekit.errors import DeviceError, UsageError
from edgekit.records import BenchPlan, BenchResult
from edgekit.wire import Closeness
from edgekit.workflows import fleet
from tests import bench_results, fakes
from tests.fake_devices import FakeDevice

distributed = pytest.importorskip("distributed", reason="dask.distributed isn't installed")
dask: Any = importlib.import_module("edgekit.dispatch.dask")
pytestmark = pytest.mark.fleet

SAMPLES = replace(bench_results.samples(), golden=Closeness(6, 1.0, 90.0, 0.0, 0.0, finite=True))
LANES = ("jetson", "pi")


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Workers of our own, in which the fake devices are known."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("distribution")
        fakes.install(folder)
        # A worker of our own has the path of the process that started it.
        patch.syspath_prepend(folder)
        with dispatch.crew("dask", LANES) as found:
            yield found


@pytest.fixture
def jetson(tmp_path: Path) -> FakeDevice:
    return FakeDevice("jetson", tmp_path / "jetson")


@pytest.fixture
def pi(tmp_path: Path) -> FakeDevice:
    return FakeDevice("pi", tmp_path / "pi")


def _plan(device: FakeDevice, launches: int = 1) -> BenchPlan:
    leg = bench_results.plan()
    return replace(leg, device=device.record, profile=replace(leg.profile, launches=launches))


def _nothing(*_: Any) -> None:
    pass


def test_devices_at_once_and_what_they_tell(
    crew: Crew, jetson: FakeDevice, pi: FakeDevice
) -> None:
    def answer() -> None:
        for device in (jetson, pi):
            device.waited_for(1)
        for device in (jetson, pi):
            device.answer(SAMPLES)

    hand = threading.Thread(target=answer, daemon=True)
    hand.start()
    phases = []
    legs = [_plan(jetson), _plan(pi), _plan(jetson)]
    results = fleet.measure(
        legs, crew, lambda step: phases.append((step.plan.device.name, step.phase))
    )
    hand.join()
    assert [result.plan for result in results] == legs
    assert all(result.valid for result in results), results
    # One process a device, and none of them is this one.
    processes = [{pid for pid, _ in device.holders} for device in (jetson, pi)]
    assert [len(each) for each in processes] == [1, 1]
    assert len({os.getpid()}.union(*processes)) == 3
    assert ("pi", "done") in phases


def test_a_worker_that_is_killed_takes_nothing_with_it(crew: Crew, jetson: FakeDevice) -> None:
    def kill() -> None:
        pid, _ = jetson.waited_for(1)[0]
        os.kill(pid, signal.SIGKILL)
        # Somebody else asks for the job. Only then does the device answer.
        jetson.waited_for(2)
        jetson.answer(SAMPLES)

    hand = threading.Thread(target=kill, daemon=True)
    hand.start()
    (result,) = fleet.measure([_plan(jetson)], crew)
    hand.join()
    assert result.failure is None, result.failure
    (first, job), (second, again) = jetson.holders
    assert first != second
    assert job == again
    assert len(jetson.started) == 1


def test_a_device_that_fails_is_a_row(crew: Crew, jetson: FakeDevice, pi: FakeDevice) -> None:
    jetson.break_down()
    pi.answer(SAMPLES)
    broken, good = fleet.measure([_plan(jetson), _plan(pi)], crew)
    assert good.valid
    assert broken.failure is not None
    assert broken.failure.message == "the device is broken"


def _die(_argument: object, _site: Site) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_kills_each_worker_is_an_outcome(crew: Crew) -> None:
    outcomes: list[Any] = []
    crew.run([Task("deadly", _die, None, "pi")], _nothing, lambda _, found: outcomes.append(found))
    (error,) = outcomes
    assert isinstance(error, DeviceError)
    assert "died each time" in str(error)


def _fail(_argument: object, _site: Site) -> None:
    raise ZeroDivisionError


def test_a_fault_of_ours_is_told(crew: Crew) -> None:
    with pytest.raises(ZeroDivisionError):
        crew.run([Task("bad", _fail, None, "pi")], _nothing, _nothing)


def test_ctrl_c_ends_all_and_keeps_what_is_done(
    crew: Crew, jetson: FakeDevice, pi: FakeDevice
) -> None:
    pi.answer(SAMPLES)
    kept: list[BenchResult] = []

    def on_result(result: BenchResult) -> None:
        kept.append(result)
        jetson.waited_for(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.measure([_plan(jetson), _plan(pi)], crew, on_result=on_result)
    assert [result.plan.device.name for result in kept] == ["pi"]
    assert jetson.is_stopped


def _pid(_argument: object, _site: Site) -> int:
    return os.getpid()


def test_work_without_a_lane_takes_no_device_from_others(crew: Crew, jetson: FakeDevice) -> None:
    pids: list[int] = []
    tasks = [Task(name, _pid, None, lane) for name, lane in (("a", ""), ("b", "jetson"))]
    crew.run(tasks, _nothing, lambda _, pid: pids.append(pid))
    assert len({os.getpid(), *pids}) == 3


def test_what_nobody_will_ever_do_is_an_outcome(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.dispatch.dask._LONELY_S", 0.0)
    monkeypatch.setattr("edgekit.dispatch.dask._LOOK_S", 0.05)
    outcomes: dict[str, Any] = {}
    tasks = [Task("a", _pid, None, "gone"), Task("b", _pid, None, "gone")]
    crew.run(tasks, _nothing, lambda task, found: outcomes.update({task.name: found}))
    assert outcomes.keys() == {"a", "b"}
    assert all("has driven gone" in str(error) for error in outcomes.values())


class _Client:
    """Knows a worker with another Python."""

    def get_versions(self, packages: list[str]) -> dict[str, Any]:
        assert packages == ["edgekit"]
        sides = [
            {"host": {"python": f"3.{minor}.9.final.0"}, "packages": {"edgekit": "0.1.0"}}
            for minor in (11, 10)
        ]
        return {"client": sides[0], "workers": {"tcp://far:1": sides[1]}}


def test_a_worker_of_another_python_gets_no_task() -> None:
    with pytest.raises(UsageError) as caught:
        dask._check_versions(_Client())
    assert "tcp://far:1 has Python 3.10, edgekit 0.1.0; here it is Python 3.11" in str(
        caught.value
    )


def test_a_scheduler_whose_workers_lack_a_device() -> None:
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, dashboard_address=None, resources={"pi": 1}
        ) as cluster,
        dispatch.crew(f"dask={cluster.scheduler_address}", LANES) as crew,
    ):
        with pytest.raises(UsageError, match="drives jetson") as caught:
            crew.run([Task("a", _pid, None, "jetson")], _nothing, _nothing)
        assert '--resources "jetson=1"' in caught.value.hint
        pids: list[int] = []
        tasks = [Task("a", _pid, None, "pi"), Task("b", _pid, None)]
        crew.run(tasks, _nothing, lambda _, pid: pids.append(pid))
        assert pids == [os.getpid()] * 2


def test_nobody_answers_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.dispatch.dask._CONNECT_S", 0.5)
    with pytest.raises(UsageError, match="no scheduler"):
        dispatch.crew("dask=tcp://127.0.0.1:9", LANES).__enter__()
