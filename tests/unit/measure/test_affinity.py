"""Which CPUs are chosen, on made machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgekit.measure.affinity import chosen, pin


def _machine(root: Path, capacities: list[int], siblings: int = 1, name: str = "") -> list[int]:
    for cpu, capacity in enumerate(capacities):
        folder = root / f"sys/devices/system/cpu/cpu{cpu}"
        (folder / "topology").mkdir(parents=True)
        first = cpu - cpu % siblings
        last = first + siblings - 1
        (folder / "topology/thread_siblings_list").write_text(f"{first}-{last}\n")
        path = folder / (name or "cpu_capacity")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{capacity}\n")
    return list(range(len(capacities)))


@pytest.mark.parametrize(
    ("threads", "expected"), [(1, [6, 7]), (2, [6, 7]), (3, list(range(8))), (9, list(range(8)))]
)
def test_the_big_cluster_if_it_is_enough(
    tmp_path: Path, threads: int, expected: list[int]
) -> None:
    cpus = _machine(tmp_path, [450] * 6 + [1024, 980])
    assert chosen(cpus, threads, tmp_path) == expected


def test_clocks_tell_the_clusters_where_no_capacity_does(tmp_path: Path) -> None:
    cpus = _machine(tmp_path, [1_800_000] * 2 + [2_400_000] * 2, name="cpufreq/cpuinfo_max_freq")
    assert chosen(cpus, 2, tmp_path) == [2, 3]


@pytest.mark.parametrize(("threads", "expected"), [(2, [0, 2]), (1, [0, 2]), (3, [0, 1, 2, 3])])
def test_one_hardware_thread_a_core_if_it_is_enough(
    tmp_path: Path, threads: int, expected: list[int]
) -> None:
    cpus = _machine(tmp_path, [1024] * 4, siblings=2)
    assert chosen(cpus, threads, tmp_path) == expected


def test_only_what_is_allowed(tmp_path: Path) -> None:
    _machine(tmp_path, [1024] * 4)
    assert chosen([1, 3], 1, tmp_path) == [1, 3]


def test_a_machine_that_tells_nothing_keeps_all(tmp_path: Path) -> None:
    assert chosen([0, 1, 2], 2, tmp_path) == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system can't pin")
def test_pinning_pins(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        pin(1, tmp_path)
        assert os.sched_getaffinity(0) <= before
    finally:
        os.sched_setaffinity(0, before)
