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
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "much\n"}, None),
        ({"proc/self/cgroup": "nonsense\n0:\n", "sys/fs/cgroup/cpu.max": "1 0\n"}, None),
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
