"""The state of machines, read from made trees."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edgekit.measure.environment import number
from edgekit.measure.state import state
from tests import system_trees

# Of the process itself, wherever the tree is.
OWN = {
    "counter.self.cpu_ns",
    "counter.self.major_faults",
    "counter.self.involuntary_switches",
    "counter.clock_ns",
}
# Where the kernel counts it.
WAITED = "counter.self.waited_ns"


def found(root: Path, *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in state(root).items() if name.startswith(prefixes)}


def test_what_every_linux_tells(tmp_path: Path) -> None:
    facts = state(system_trees.quiet(tmp_path))
    assert {name: value for name, value in facts.items() if name not in {*OWN, WAITED}} == {
        "load_1min": "0.10",
        "pressure.cpu_some_avg10": "0.10",
        "counter.pressure.cpu_us": "1000",
        "pressure.memory_some_avg10": "0.00",
        "counter.pressure.memory_us": "0",
        "pressure.io_some_avg10": "0.00",
        "counter.pressure.io_us": "20",
        # In ticks of 10 ms.
        "counter.cpu.total_ms": "91650",
        "counter.cpu.busy_ms": "1550",
        "counter.cpu.stolen_ms": "0",
        "memory.total_bytes": str(4_096_000 * 1024),
        "memory.available_bytes": str(2_048_000 * 1024),
        "swap.used_bytes": "0",
        "counter.swapped_in_pages": "3",
        "counter.swapped_out_pages": "4",
        "counter.group.throttled": "2",
        "counter.group.throttled_us": "1500",
    }
    assert all(number(facts[name]) is not None for name in OWN)


def test_a_laptop(tmp_path: Path) -> None:
    root = system_trees.laptop(tmp_path)
    assert found(root, "cpu.") == {
        "cpu.governor": "powersave",
        "cpu.khz": "0:1400000 1:1400001",
        "cpu.cap_khz": "0:4200000 1:4200000",
        "cpu.max_khz": "0:4200000 1:4200000",
        "cpu.turbo": "on",
    }
    assert found(root, "temperature_mc.", "trip_mc.") == {
        "temperature_mc.acpitz": "27800",
        "trip_mc.acpitz": "119000",
        "temperature_mc.x86_pkg_temp": "54000",
        "temperature_mc.acpitz.thermal_zone2": "30000",
        "trip_mc.acpitz.thermal_zone2": "95000",
    }
    assert found(root, "cooling.", "counter.cool", "counter.throttled") == {
        "cooling.Processor": "0",
        "cooling.Fan": "1",
        "counter.cooled_ms.Processor": "40",
        "counter.cooling.Processor": "4",
        "counter.throttled": "13",
    }
    assert found(root, "power.") == {"power.battery": "Charging", "power.mains": "1"}


def test_a_raspberry_pi(tmp_path: Path) -> None:
    root = system_trees.raspberry_pi_5(tmp_path)
    assert found(root, "pi.", "alarm.", "cpu.", "trip_mc.") == {
        "pi.throttled": "0x50000",
        "alarm.rpi_volt.in0_lcrit_alarm": "0",
        "cpu.governor": "ondemand",
        "cpu.khz": "0:1500000",
        "cpu.cap_khz": "0:2400000",
        "cpu.max_khz": "0:2400000",
        "trip_mc.cpu-thermal": "110000",
    }


def test_a_jetson(tmp_path: Path) -> None:
    root = system_trees.jetson(tmp_path)
    assert found(root, "alarm.", "cooling.", "temperature_mc.", "trip_mc.", "cpu.khz") == {
        "alarm.ina3221.curr1_crit_alarm": "0",
        "alarm.ina3221.curr1_max_alarm": "0",
        "cooling.devfreq-17000000.gpu": "0",
        "cooling.cpufreq-cpu0": "0",
        "temperature_mc.cpu-thermal": "49800",
        "trip_mc.cpu-thermal": "99000",
        "cpu.khz": "0:729600 4:1510400",
    }


@pytest.mark.parametrize(
    ("text", "bits"),
    [("0", "0x0"), ("50005", "0x50005"), ("0x50005", "0x50005"), ("VCHI failed", None)],
)
def test_what_the_firmware_of_a_pi_says(tmp_path: Path, text: str, bits: str | None) -> None:
    name = "sys/devices/platform/soc/soc:firmware/get_throttled"
    root = system_trees.write(tmp_path, {name: text + "\n"})
    assert state(root).get("pi.throttled") == bits


def test_old_kernels_have_a_folder_of_clocks_for_each_cpu(tmp_path: Path) -> None:
    folder = "sys/devices/system/cpu/cpu{}/cpufreq"
    files = {f"{folder.format(cpu)}/scaling_cur_freq": f"{cpu}000\n" for cpu in (2, 10)}
    files["sys/devices/system/cpu/cpu2/cpufreq/scaling_governor"] = "userspace\n"
    files["sys/devices/system/cpu/cpu10/cpufreq/scaling_governor"] = "performance\n"
    files["sys/devices/system/cpu/cpufreq/boost"] = "0\n"
    assert found(system_trees.write(tmp_path, files), "cpu.") == {
        "cpu.governor": "performance userspace",
        "cpu.khz": "2:2000 10:10000",
        "cpu.turbo": "off",
    }


def test_control_groups_of_version_1_count_ns(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "2:cpu,cpuacct:/a\n1:name=systemd:/x\n",
        "sys/fs/cgroup/cpu/a/cpu.stat": "nr_throttled 3\nthrottled_time 5000000\n",
        "sys/fs/cgroup/cpu/cpu.stat": "nr_throttled 1\nthrottled_time 1000000\n",
    }
    assert found(system_trees.write(tmp_path, files), "counter.group") == {
        "counter.group.throttled": "4",
        "counter.group.throttled_us": "6000",
    }


def test_a_machine_that_tells_nothing_still_has_its_clock(tmp_path: Path) -> None:
    assert state(tmp_path).keys() - {WAITED} == OWN


@pytest.mark.parametrize("seed", range(10))
def test_nonsense_in_every_file_stops_nobody(tmp_path: Path, seed: int) -> None:
    for make in (system_trees.laptop, system_trees.raspberry_pi_5, system_trees.jetson):
        make(tmp_path)
    chance = random.Random(seed)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    for path in files:
        _spoil(path, chance)
    assert state(tmp_path).keys() >= OWN


def _spoil(path: Path, chance: random.Random) -> None:
    kind = chance.randrange(4)
    if kind == 0:
        path.unlink()
        path.mkdir()
    elif kind == 1:
        path.write_bytes(chance.randbytes(40))
    elif kind == 2:
        lines = [
            word + chance.choice(["", "-", "9" * 5000, " x", ":/\0"])
            for word in path.read_text().split()
        ]
        path.write_text("\n".join(lines))
    else:
        path.write_text("")
