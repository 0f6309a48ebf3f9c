"""Energy of an inference and GPU memory, from samples that were written down by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.metrics import METRICS
from edgekit.records import Metric
from edgekit.wire import EnergyWindow, MemoryMark, Samples
from tests.plain import PLAN, SAMPLES

S = 1_000_000_000


def _windows(scope: str, sensor: str, idle_w: float, *busy_j: float) -> list[EnergyWindow]:
    """One idle window of 2 s, and busy ones of 2 s with 100 inferences each."""
    idle = EnergyWindow(sensor, scope, True, round(idle_w * 2e6), 2 * S, 0)
    return [
        idle,
        *(EnergyWindow(sensor, scope, False, round(j * 1e6), 2 * S, 100) for j in busy_j),
    ]


PACKAGE = _windows("package", "rapl:package-0", 5.0, 30.0, 32.0, 34.0)


def _measure(name: str, *launches: Samples) -> dict[str, Metric]:
    return {metric.name: metric for metric in METRICS.get(name)(PLAN, launches)}


def _energy(*windows: EnergyWindow, **fields: Any) -> dict[str, Metric]:
    return _measure("energy", replace(SAMPLES, energy=list(windows), **fields))


def test_what_idling_takes_is_taken_off() -> None:
    found = _energy(*PACKAGE)
    # 5 W for 2 s are 10 J: 20, 22 and 24 J are left for 100 inferences.
    net = found["energy_per_inference_mj"]
    assert net.value == pytest.approx(220.0)
    # t(0.975, 2) = 4.3027; the standard error is 20 / sqrt(3).
    assert net.interval == pytest.approx((220 - 49.683, 220 + 49.683), abs=0.01)
    assert net.note == "package: rapl:package-0"
    assert net == replace(found["energy_package_net_mj"], name=net.name)
    assert found["energy_package_gross_mj"].value == pytest.approx(320.0)
    assert found["power_package_idle_w"].value == pytest.approx(5.0)


def test_the_widest_scope_is_the_one_that_is_shown() -> None:
    core = _windows("core", "rapl:package-0/core", 1.0, 22.0)
    platform = _windows("platform", "rapl:psys", 9.0, 58.0)
    found = _energy(*core, *PACKAGE, *platform)
    assert found["energy_per_inference_mj"].value == pytest.approx(400.0)
    assert found["energy_per_inference_mj"].note == "platform: rapl:psys"
    assert found["energy_package_net_mj"].value == pytest.approx(220.0)
    assert found["energy_core_net_mj"].value == pytest.approx(200.0)  # in the package's already
    on_a_gpu = _energy(*PACKAGE, *_windows("gpu", "nvml:0", 60.0, 520.0))
    assert on_a_gpu["energy_per_inference_mj"].note == "gpu: nvml:0"


def test_sensors_of_one_scope_are_added_up() -> None:
    other = _windows("package", "rapl:package-1", 4.0, 9.0, 9.0, 9.0)
    found = _energy(*PACKAGE, *other)
    assert found["energy_per_inference_mj"].value == pytest.approx(220.0 + 10.0)
    assert found["energy_package_gross_mj"].value == pytest.approx(320.0 + 90.0)
    assert found["power_package_idle_w"].value == pytest.approx(9.0)
    assert found["energy_per_inference_mj"].note == "package: rapl:package-0 + rapl:package-1"


def test_one_window_has_no_interval() -> None:
    assert _energy(*PACKAGE[:2])["energy_per_inference_mj"].interval is None


def test_a_batch_is_one_inference() -> None:
    net = _energy(*PACKAGE, batch=8)["energy_per_inference_mj"]
    assert net.value == pytest.approx(220.0)
    assert "8 samples each" in net.note


def test_no_more_than_idle_is_no_number() -> None:
    found = _energy(*_windows("gpu", "nvml:0", 60.0, 119.0, 120.5))
    assert found["energy_per_inference_mj"].value is None
    assert found["energy_per_inference_mj"].note == "no more than idle; gpu: nvml:0"
    assert found["energy_gpu_gross_mj"].value == pytest.approx(1197.5)


def test_no_sensor_is_no_number_and_the_reason() -> None:
    quiet = replace(SAMPLES, environment={"energy.none": "no sensor"})
    found = _measure("energy", SAMPLES, quiet)
    assert set(found) == {"energy_per_inference_mj"}
    metric = found["energy_per_inference_mj"]
    assert (metric.value, metric.note) == (None, "no sensor")


def test_only_the_launch_that_measured_counts() -> None:
    found = _measure("energy", SAMPLES, replace(SAMPLES, energy=PACKAGE))
    assert found["energy_per_inference_mj"].value == pytest.approx(220.0)


@pytest.mark.parametrize(
    "windows",
    [
        PACKAGE[1:],  # nothing to take off
        [replace(window, duration_ns=0) for window in PACKAGE],
        [replace(window, runs=0) for window in PACKAGE],
        [replace(window, energy_uj=10**400) for window in PACKAGE],
        [replace(window, scope="kitchen") for window in PACKAGE],
    ],
)
def test_windows_that_say_nothing_are_no_number(windows: list[EnergyWindow]) -> None:
    assert _energy(*windows)["energy_per_inference_mj"].value is None


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=6), st.floats(0.0, 50.0))
def test_what_the_machine_takes_anyway_changes_nothing(net_j: list[float], idle_w: float) -> None:
    found = _energy(*_windows("board", "x", idle_w, *(2 * idle_w + j for j in net_j)))
    alone = _energy(*_windows("board", "x", 0.0, *net_j))
    name = "energy_per_inference_mj"
    assert found[name].value == pytest.approx(alone[name].value, abs=1e-3)


def _marked(*sizes: int | None) -> Samples:
    marks = [MemoryMark("load", 1, 1, 1, 1, reset=True, gpu_bytes=size) for size in sizes]
    return replace(SAMPLES, memory=marks)


def test_gpu_memory_is_the_most_that_each_process_held() -> None:
    found = _measure("gpu", _marked(0, 500, 400), _marked(0, 300), _marked(0, 700))
    assert found["memory_gpu_bytes"].value == 500


@pytest.mark.parametrize("launches", [[_marked()], [_marked(None)], [_marked(5), _marked(None)]])
def test_gpu_memory_that_is_not_told_is_no_number(launches: list[Samples]) -> None:
    found = _measure("gpu", *launches)["memory_gpu_bytes"]
    assert found.value is None
    assert found.note
