"""A fleet on devices that aren't there: all at once, each one's failures its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit import dispatch, registry
from edgekit.cli import progress
from edgekit.errors import DeviceError, UsageError
from edgekit.records import BenchPlan, BenchResult, Device
from edgekit.reports import bench as report
from edgekit.transports import TRANSPORTS
from edgekit.wire import Closeness
from edgekit.workflows import fleet, machines, plans
from edgekit.workflows.bench import Step
from tests import bench_results, fakes
from tests.fake_devices import FakeDevice

SAMPLES = replace(bench_results.samples(), golden=Closeness(6, 1.0, 90.0, 0.0, 0.0, finite=True))
Make = Callable[..., list[FakeDevice]]


@pytest.fixture(autouse=True)
def _third_party(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("distribution")
    fakes.install(folder)
    monkeypatch.syspath_prepend(folder)
    registry._entry_points.cache_clear()
    monkeypatch.setattr(TRANSPORTS, "_is_complete", False)
    monkeypatch.setattr(TRANSPORTS, "_table", dict(TRANSPORTS._table))
    yield
    registry._entry_points.cache_clear()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda *names: [FakeDevice(name, tmp_path / name) for name in names]


def _plan(device: FakeDevice, name: str = "toy", launches: int = 1) -> BenchPlan:
    leg = bench_results.plan(name)
    profile = replace(leg.profile, launches=launches)
    return replace(leg, device=device.record, profile=profile)


def _measure(
    legs: list[BenchPlan],
    on_step: Callable[[Step], None] = lambda _: None,
    on_result: Callable[[BenchResult], None] = lambda _: None,
) -> tuple[BenchResult, ...]:
    with dispatch.crew("local", fleet.lanes(legs)) as crew:
        return fleet.measure(legs, crew, on_step, on_result)


def test_all_devices_measure_at_once(make: Make) -> None:
    found = make(*"abcdefgh")
    legs = [_plan(device, name) for name in ("one", "two") for device in found]
    waiting = threading.Event()

    def answer() -> None:
        # Nobody gets an answer before everybody has asked.
        for device in found:
            device.waited_for(1)
        waiting.set()
        for device in found:
            device.answer(SAMPLES)

    hand = threading.Thread(target=answer, daemon=True)
    hand.start()
    kept: list[BenchResult] = []
    results = _measure(legs, on_result=kept.append)
    hand.join()
    assert waiting.is_set()
    assert [result.plan for result in results] == legs
    assert all(result.valid for result in results), [result.reasons for result in results]
    assert len({result.run for result in results}) == 1
    assert sorted(kept, key=id) == sorted(results, key=id)


def test_a_device_that_fails_is_rows_and_the_others_go_on(make: Make) -> None:
    good, bad = make("good", "bad")
    good.answer(SAMPLES)
    bad.break_down()
    legs = [_plan(device, name) for name in ("one", "two") for device in (bad, good)]
    steps: list[Step] = []
    results = _measure(legs, steps.append)
    assert [result.failure is None for result in results] == [False, True, False, True]
    failure = results[0].failure
    assert failure is not None
    assert failure.kind == DeviceError.__name__
    over = [(step.plan.device.name, step.leg, step.phase) for step in steps[::-1]]
    assert ("bad", 2, "failed") in over
    assert ("good", 2, "done") in over
    text = report.render(results)
    assert "one/onnx-fp32 on bad: the device is broken" in text


def test_legs_are_counted_for_each_device(make: Make) -> None:
    a, b = make("a", "b")
    for device in (a, b):
        device.answer(SAMPLES)
    steps: list[Step] = []
    _measure([_plan(a), _plan(a, "x"), _plan(b)], steps.append)
    seen = {(step.plan.device.name, step.leg, step.legs) for step in steps}
    assert seen == {("a", 1, 2), ("a", 2, 2), ("b", 1, 1)}


def test_ctrl_c_ends_all_and_keeps_what_is_done(make: Make) -> None:
    quick, slow, other = make("quick", "slow", "other")
    quick.answer(SAMPLES)
    kept: list[BenchResult] = []

    def on_result(result: BenchResult) -> None:
        kept.append(result)
        slow.waited_for(1)
        other.waited_for(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _measure([_plan(quick), _plan(slow), _plan(slow, "x"), _plan(other)], on_result=on_result)
    assert [result.plan.device.name for result in kept] == ["quick"]
    assert slow.is_stopped
    assert other.is_stopped
    assert len(slow.started) == 1  # its second leg was never begun


class _Site:
    def tell(self, event: dispatch.Event) -> None:
        pass

    def closing(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()


def test_who_takes_a_leg_over_asks_for_the_same_jobs(make: Make) -> None:
    (device,) = make("a")
    device.answer(SAMPLES)
    order = fleet.Order(_plan(device, launches=3), "run", "ab" * 16)
    first, second = fleet.leg(order, _Site()), fleet.leg(order, _Site())
    assert len(device.started) == 3
    asked = [job_id for _, job_id in device.holders]
    assert asked[:3] == asked[3:]
    assert len(set(asked)) == 3
    assert all(len(job_id) == 32 and int(job_id, 16) for job_id in asked)
    assert first.launches == second.launches
    other = fleet.Order(order.plan, "run", "cd" * 16)
    fleet.leg(other, _Site())
    assert len(device.started) == 6


class _Elsewhere:
    """A crew in another folder."""

    def __init__(self) -> None:
        self.tasks: list[dispatch.Task] = []

    def run(
        self,
        tasks: Sequence[dispatch.Task],
        on_event: dispatch.OnEvent,
        on_done: dispatch.OnDone,
    ) -> None:
        self.tasks += tasks
        for task in tasks:
            on_done(task, DeviceError("it died", hint="start it again"))


def test_who_works_in_another_folder_finds_the_files(make: Make) -> None:
    (device,) = make("a")
    leg = _plan(device)
    assert not leg.subject.path.is_absolute()
    crew = _Elsewhere()
    (result,) = fleet.measure([leg], crew)
    (task,) = crew.tasks
    subject = task.argument.plan.subject
    assert subject.path == leg.subject.path.absolute()
    assert subject.artifact.model == subject.path
    # What was asked for stands in the result, and who died is its failure.
    assert result.plan == leg
    assert result.failure is not None
    assert result.failure.message == "it died"


def test_the_devices_that_words_name(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {name: Device(name) for name in ("local", "pi", "jetson")}
    monkeypatch.setattr(machines, "known", lambda: there)
    assert [each.name for each in machines.named("jetson, pi,jetson")] == ["jetson", "pi"]
    assert [each.name for each in machines.named("all")] == ["local", "pi", "jetson"]
    with pytest.raises(UsageError, match="no device named 'jetsom'") as caught:
        machines.named("local,jetsom")
    assert "devices add jetsom" in caught.value.hint
    with pytest.raises(UsageError, match="names no device"):
        machines.named(" , ")
    assert machines.one("pi").name == "pi"
    with pytest.raises(UsageError, match="names 3 devices"):
        machines.one("all")


def test_each_file_is_planned_for_each_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = {name: Device(name) for name in ("local", "pi")}
    monkeypatch.setattr(machines, "known", lambda: there)
    good = tmp_path / "a.onnx"
    good.write_bytes(b"x")
    request = plans.BenchRequest((good, tmp_path / "none.onnx"), tmp_path, device="all")
    legs, failed = plans.plan(request)
    assert [leg.device.name for leg in legs] == ["local", "pi"]
    assert [result.plan.device.name for result in failed] == ["local", "pi"]


def test_each_device_has_its_line() -> None:
    board = progress.Board()
    leg = bench_results.plan("toy")
    a, b = (replace(leg, device=Device(name)) for name in "ab")
    assert board.words(Step(a, 1, 2, 1, "run")).startswith("[1/2] toy/onnx-fp32 with onnxruntime")
    both = board.words(Step(b, 1, 1, 1, "load")).splitlines()
    assert [line.split(":")[0].strip() for line in both] == ["a", "b"]
    first, second = board.words(Step(a, 2, 2, 1, "failed")).splitlines()
    assert first == "a: [2/2] toy/onnx-fp32 with onnxruntime: failed"
    assert "load (about" in second
