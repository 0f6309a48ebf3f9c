"""Each thing that disturbs is found, and nothing on a quiet machine."""

import pytest

from edgekit.workflows import disturbances as module
from edgekit.workflows.stretches import Stretch

MACHINE = {"cpu.logical": "4", "cpu.affinity": "0 1 2 3"}
QUIET = {
    "pressure.cpu_some_avg10": "0.40",
    "load_1min": "3.9",
    "cpu.governor": "performance",
    "cpu.turbo": "off",
    "pressure.memory_some_avg10": "0.00",
    "pressure.io_some_avg10": "3.00",
    "swap.used_bytes": "0",
    "temperature_mc.x86_pkg_temp": "54000",
    "power.battery": "Charging",
}


def disturbances(machine, state, before=None):
    """What is found where `before` was told at the first look."""
    return module.disturbances(machine, Stretch(state if before is None else before, state))


def test_a_quiet_machine():
    # The load alone disturbs nobody where the pressure is known: it counts waits for disks too.
    assert disturbances(MACHINE, QUIET) == ()


def test_a_machine_that_says_nothing():
    assert disturbances({}, {}) == ()


@pytest.mark.parametrize(
    ("machine", "state", "what", "mend"),
    [
        ({}, {"pressure.cpu_some_avg10": "34.50"}, "34.5 %", "ps -eo"),
        ({}, {"cpu.governor": "powersave"}, "powersave", "cpupower"),
        ({"cpu.quota_cores": "1.5"}, {}, "1.5 of 4", "--threads 1"),
        ({}, {"swap.used_bytes": str(300 * 2**20)}, "300 MiB", "swapoff"),
        ({}, {"power.battery": "Discharging"}, "battery", "plug"),
        ({}, {"temperature_mc.cpu-thermal": "91000"}, "cpu-thermal 91 C", "cool"),
        ({}, {"trip_mc.x86_pkg_temp": "65000"}, "x86_pkg_temp 54 C of 65 C", "cool"),
        ({}, {"cpu.turbo": "on"}, "turbo", "--tune"),
        (
            {},
            {"gpu0.clock_reasons": "sw_thermal"},
            "gpu0's clock is held down: sw_thermal",
            "cool",
        ),
        ({}, {"gpu1.processes": "7 8"}, "other processes on gpu1: 2", "nvidia-smi"),
        ({}, {"pressure.memory_some_avg10": "12.00"}, "waited for memory 12 %", "rss"),
        ({}, {"pressure.io_some_avg10": "45.60"}, "waited for a disk 45.6 %", "iotop"),
    ],
)
def test_each_alone(machine, state, what, mend):
    (found,) = disturbances({**MACHINE, **machine}, {**QUIET, **state})
    assert what in found.what
    assert mend in found.mend


def test_the_load_counts_where_pressure_is_not_known():
    state = {name: value for name, value in QUIET.items() if not name.startswith("pressure")}
    (found,) = disturbances(MACHINE, state)
    assert "3.9 on 4" in found.what


def test_a_quota_that_allows_all_is_none():
    assert disturbances({**MACHINE, "cpu.quota_cores": "4"}, QUIET) == ()


def test_a_sensor_that_answers_nonsense_is_passed_over():
    assert disturbances(MACHINE, {**QUIET, "temperature_mc.modem": "n/a"}) == ()
    assert disturbances(MACHINE, dict.fromkeys(QUIET, "?") | {"cpu.governor": "performance"}) == ()


def test_a_machine_that_throttles_as_it_is_looked_at():
    count = "counter.throttled"
    (found,) = disturbances(MACHINE, {**QUIET, count: "8"}, {**QUIET, count: "5"})
    assert "rose by 3" in found.what
    assert "cool down" in found.mend


def test_a_hypervisor_that_gives_time_away():
    times = ("counter.clock_ns", "counter.cpu.total_ms", "counter.cpu.stolen_ms")
    first, last = (
        dict(zip(times, row, strict=True)) for row in ("000", ("1000000000", "1000", "40"))
    )
    (found,) = disturbances(MACHINE, {**QUIET, **last}, {**QUIET, **first})
    assert "4%" in found.what
