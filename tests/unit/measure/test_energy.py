"""Windows of energy: on sensors that are made, in time that is told to pass."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.energy import SETTLE_S, measure_energy
from edgekit.measure.meters import Counter, Metered, Power, mean_uw
from edgekit.measure.sensors import Found
from edgekit.records import BenchPlan, Device, Subject
from edgekit.wire import EnergyWindow, Profile
from edgekit.workflows.bench import bench
from tests import fakes

S = 1_000_000_000
PROFILE = Profile(1, 0.0, 1.0, 1, 0.0, 1.0, energy_windows=2, energy_window_s=1.0)
IDLE_W = 3
RUN_NS, RUN_UJ = S // 8, 2_000_000  # 16 W more


class Machine:
    """A clock, and a counter of energy that runs with it and with each inference."""

    def __init__(self, energy_uj: int = 0, range_uj: int | None = None) -> None:
        self.now = 0
        self.fed: list[Any] = []
        self._energy_uj = energy_uj
        self._range_uj = range_uj

    def clock(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self._pass(int(seconds * S), 0)

    def run(self, feed: Mapping[str, Any]) -> list[Any]:
        self.fed.append(feed)
        self._pass(RUN_NS, RUN_UJ)
        return []

    def read_uj(self) -> int:
        return self._energy_uj % self._range_uj if self._range_uj else self._energy_uj

    def _pass(self, duration_ns: int, energy_uj: int) -> None:
        self.now += duration_ns
        self._energy_uj += IDLE_W * 1_000_000 * duration_ns // S + energy_uj


def _measure(machine: Machine, *sensors: Any, profile: Profile = PROFILE, **missing: str) -> Any:
    feeds: Any = ["a", "b", "c"]
    found = Found(list(sensors), missing)
    return measure_energy(machine.run, feeds, profile, found, machine.clock, machine.sleep)


def test_one_idle_window_and_then_the_busy_ones() -> None:
    machine = Machine()
    energy = _measure(machine, Counter("rapl:package-0", "package", 0.001, machine.read_uj))
    busy = EnergyWindow("rapl:package-0", "package", False, 8 * RUN_UJ + IDLE_W * 1_000_000, S, 8)
    idle = EnergyWindow("rapl:package-0", "package", True, IDLE_W * 1_000_000, S, 0)
    assert energy.windows == [idle, busy, busy]
    assert energy.facts == {}
    assert "".join(machine.fed) == "abcabcabcabcabca"  # in rotation through all windows


@pytest.mark.parametrize("start_uj", [0, 9_000_000, 27_000_000, 29_999_999])
def test_a_counter_that_begins_again_loses_nothing(start_uj: int) -> None:
    machine = Machine(start_uj, range_uj=30_000_000)
    sensor = Counter("rapl:package-0", "package", 0.001, machine.read_uj, 30_000_000)
    energies = [window.energy_uj for window in _measure(machine, sensor).windows]
    assert energies == [3_000_000, 19_000_000, 19_000_000]


@settings(deadline=None)
@given(st.integers(1, 10**12), st.data())
def test_a_round_of_a_counter_is_exact(range_uj: int, data: st.DataObject) -> None:
    begun, used = (data.draw(st.integers(0, range_uj - 1)) for _ in range(2))
    readings = iter([begun, (begun + used) % range_uj])
    instants = iter([5, 12])
    stop = Counter("c", "package", 0.0, lambda: next(readings), range_uj).start(
        lambda: next(instants)
    )
    assert stop() == Metered(used, 7)


def test_no_sensor_takes_no_time_and_gives_no_number() -> None:
    machine = Machine()
    energy = _measure(machine)
    assert (machine.now, machine.fed, energy.windows) == (0, [], [])
    assert "no sensor" in energy.facts["energy.none"]


def test_a_sensor_that_may_not_be_read_is_the_reason() -> None:
    energy = _measure(Machine(), rapl="only root")
    assert energy.facts == {"energy.missing.rapl": "only root", "energy.none": "rapl: only root"}


def test_a_profile_without_windows_takes_no_time() -> None:
    machine = Machine()
    sensor = Counter("rapl:package-0", "package", 0.001, machine.read_uj)
    energy = _measure(machine, sensor, profile=Profile(1, 0.0, 1.0, 1, 0.0, 1.0))
    assert (machine.now, energy.windows) == (0, [])
    assert "profile" in energy.facts["energy.none"]


def test_a_window_needs_twenty_periods_of_its_sensor() -> None:
    machine = Machine()
    slow = Counter("slow", "gpu", 0.06, machine.read_uj)
    quick = Counter("quick", "package", 0.05, machine.read_uj)
    energy = _measure(machine, slow, quick)
    assert {window.sensor for window in energy.windows} == {"quick"}
    assert "1.2 s" in energy.facts["energy.missing.slow"]
    alone = Machine()
    assert _measure(alone, slow).windows == []
    assert alone.now == 0


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([0, 5, 5, 5, 5, 5], "stands still"),
        ([0, 5, 5, 9, None, 12], "could not be read"),
        ([9, 9, 9, 8, 8, 7], "went back"),
    ],
)
def test_a_sensor_that_fails_gives_nothing_and_says_why(
    values: list[int | None], word: str
) -> None:
    machine, readings = Machine(), iter(values)
    bad = Counter("bad", "core", 0.001, lambda: next(readings))
    good = Counter("good", "package", 0.001, machine.read_uj)
    energy = _measure(machine, bad, good)
    assert [window.sensor for window in energy.windows] == ["good"] * 3
    assert word in energy.facts["energy.missing.bad"]
    assert "energy.none" not in energy.facts


class Sampled(Machine):
    """Draws 7 W, and time passes only when the power has been read often enough."""

    def __init__(self, readings: int) -> None:
        super().__init__()
        self._needed = readings
        self._count = 0
        self._was_read = threading.Condition()

    def read_uw(self) -> int:
        with self._was_read:
            self._count += 1
            self._was_read.notify_all()
        return 7_000_000

    def _pass(self, duration_ns: int, energy_uj: int) -> None:
        if duration_ns != int(SETTLE_S * S):  # nobody reads while the machine settles
            with self._was_read:
                enough = self._count + self._needed
                assert self._was_read.wait_for(lambda: self._count >= enough, timeout=60)
        self.now += duration_ns


def test_power_is_read_all_through_a_window() -> None:
    machine = Sampled(readings=25)
    energy = _measure(machine, Power("ina3221:VDD_IN", "board", 0.001, machine.read_uw))
    assert energy.facts == {}
    assert [(window.energy_uj, window.duration_ns, window.runs) for window in energy.windows] == [
        (7_000_000, S, 0),
        (7_000_000, S, 8),
        (7_000_000, S, 8),
    ]


def test_power_that_is_hardly_told_gives_nothing() -> None:
    machine, readings = Machine(), iter([7, 7, 7])
    sensor = Power("pmic", "rails", 0.001, lambda: next(readings, None))
    assert "it gave" in _measure(machine, sensor).facts["energy.none"]


READINGS = st.lists(
    st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), min_size=2, max_size=30
)


@settings(deadline=None)
@given(READINGS, st.integers(0, 10**9), st.integers(0, 10**6))
def test_power_that_changes_evenly_has_the_mean_of_its_ends(
    steps: list[tuple[int, int]], start_uw: int, slope: int
) -> None:
    now, readings = 0, []
    for step_ns, _ in steps:
        readings.append((now, start_uw + slope * now))
        now += step_ns
    middle = (readings[0][1] + readings[-1][1]) / 2
    assert mean_uw(readings) == pytest.approx(middle)


@settings(deadline=None)
@given(READINGS)
def test_mean_power_lies_between_the_least_and_the_most(steps: list[tuple[int, int]]) -> None:
    now, readings = 0, []
    for step_ns, power_uw in steps:
        readings.append((now, power_uw))
        now += step_ns
    powers = [power for _, power in readings]
    assert min(powers) <= mean_uw(readings) * (1 + 1e-12)
    assert mean_uw(readings) <= max(powers) * (1 + 1e-12)


def test_energy_of_an_inference_through_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime of which each run takes 2 mJ of a counter, and that takes none while idle."""
    (tmp_path / "fakes").mkdir()
    monkeypatch.setenv("PYTHONPATH", fakes.install(tmp_path / "fakes"))
    zone = tmp_path / "root" / fakes.ENERGY_ZONE
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "energy_uj").write_text("262143328000\n")  # about to begin again
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    model = tmp_path / "root/model.onnx"
    model.write_bytes(b"any")
    profile = Profile(2, 0.0, 5.0, 1, 0.0, 0.1, energy_windows=2, energy_window_s=0.03)
    plan = BenchPlan(
        Subject(model, "0" * 64, 3),
        "metered",
        Device(root=str(tmp_path / "root")),
        threads=1,
        batch=None,
        profile=profile,
    )
    (result,) = bench([plan])
    assert result.failure is None
    metrics = {metric.name: metric for metric in result.metrics}
    found = metrics["energy_per_inference_mj"]
    assert found.value == pytest.approx(2.0)
    assert found.interval == pytest.approx((2.0, 2.0))
    assert found.note == "package: rapl:package-0"
    assert metrics["energy_package_gross_mj"].value == pytest.approx(2.0)
    assert metrics["power_package_idle_w"].value == 0.0
