"""Facts of a machine, read from made trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.measure import environment


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        # A parent's limit binds its children.
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            2.0,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ],
)
def test_the_quota_of_control_groups(
    tmp_path: Path, files: dict[str, str], cores: float | None
) -> None:
    assert environment.cpu_quota(_write(tmp_path, files)) == cores


def test_usable_cores_are_physical_and_within_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "affinity", lambda: [0, 1, 2, 3, 4, 5, 6, 7])
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    files = {topology.format(cpu): f"{cpu % 4},{cpu % 4 + 4}\n" for cpu in range(8)}
    root = _write(tmp_path, files)
    assert environment.usable_cores(root) == 4
    quota = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}
    assert environment.usable_cores(_write(root, quota)) == 2
    small = {"sys/fs/cgroup/cpu.max": "50000 100000\n"}
    assert environment.usable_cores(_write(root, small)) == 1


def test_facts_of_an_arm_board(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm asimddp i8mm\n",
            "proc/device-tree/model": "Raspberry Pi 5\0",
        },
    )
    facts = environment.machine(root)
    assert facts["cpu.model"] == "Raspberry Pi 5"
    assert facts["cpu.features"] == "asimd asimddp i8mm"


def test_the_state(tmp_path: Path) -> None:
    cpufreq = "sys/devices/system/cpu/cpu0/cpufreq"
    root = _write(
        tmp_path,
        {
            f"{cpufreq}/scaling_governor": "powersave\n",
            f"{cpufreq}/scaling_cur_freq": "800000\n",
            "proc/loadavg": "1.50 1.00 0.50 1/99 1234\n",
            "proc/pressure/cpu": "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\n",
            "proc/stat": "cpu  1 2 3 4 5 6 7 88 0 0\ncpu0 1 2 3 4 5 6 7 99 0 0\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "51234\n",
        },
    )
    assert environment.state(root) == {
        "cpu.scaling_governor": "powersave",
        "cpu.scaling_cur_freq": "800000",
        "load_1min": "1.50",
        "pressure.cpu_some_avg10": "12.34",
        "cpu.steal_ticks": "88",
        "temperature_mc.cpu-thermal": "51234",
    }


def test_a_machine_that_tells_nothing_has_no_state(tmp_path: Path) -> None:
    assert environment.state(tmp_path) == {}
