"""Each thing that disturbs is found, and nothing on a quiet machine."""

import pytest

from edgekit.workflows.disturbances import disturbances

MACHINE = {"cpu.logical": "4", "cpu.affinity": "0 1 2 3"}
QUIET = {
    "pressure.cpu_some_avg10": "0.40",
    "load_1min": "3.9",
    "cpu.scaling_governor": "performance",
    "swap.used_bytes": "0",
    "temperature_mc.x86_pkg_temp": "54000",
    "power.battery": "Charging",
}


def test_a_quiet_machine():
    # The load alone disturbs nobody where the pressure is known: it counts waits for disks too.
    assert disturbances(MACHINE, QUIET) == ()


def test_a_machine_that_says_nothing():
    assert disturbances({}, {}) == ()


@pytest.mark.parametrize(
    ("machine", "state", "what", "mend"),
    [
        ({}, {"pressure.cpu_some_avg10": "34.50"}, "34.5 %", "ps -eo"),
        ({}, {"cpu.scaling_governor": "powersave"}, "powersave", "cpupower"),
        ({"cpu.quota_cores": "1.5"}, {}, "1.5 of 4", "--threads 1"),
        ({}, {"swap.used_bytes": str(300 * 2**20)}, "300 MiB", "swapoff"),
        ({}, {"power.battery": "Discharging"}, "battery", "plug"),
        ({}, {"temperature_mc.cpu-thermal": "91000"}, "cpu-thermal 91 C", "cool"),
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
