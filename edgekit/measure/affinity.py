"""Which CPUs a measurement runs on: those of one kind, one hardware thread a core if enough."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Dict, List, Sequence

from edgekit.measure.environment import affinity, read

# Cores that differ by less are of one kind: boost clocks of equal cores differ by some per cent,
# the clusters of a phone by a third and more.
_SAME_KIND = 0.8


def pin(threads: int, root: Path) -> None:
    """Keep this process, and all threads that it starts from now on, on the CPUs that suit.

    A scheduler that moves work between big and little cores gives two latencies for one model.
    Where the system has no such call, nothing is changed.

    Args:
        threads: Threads that will compute at a time.
        root: Where the system's files are.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, chosen(affinity(), threads, root))


def pin_alike(threads: int, root: Path, seed: int) -> None:
    """Keep this process, and others with the same `seed`, on the very same CPUs from now on.

    Equal cores aren't: one serves the interrupts, another has a neighbour on its other hardware
    thread. Two processes that each keep to a core of their own differed by 1.3 % on one file.
    Which CPUs they are is drawn, so that none decides for all launches.

    Args:
        threads: Threads that will compute at a time.
        root: Where the system's files are.
        seed: Seed of the draw.
    """
    if hasattr(os, "sched_setaffinity"):
        cpus = chosen(affinity(), threads, root)
        drawn = random.Random(seed).sample(cpus, min(threads, len(cpus)))  # noqa: S311 -- no secret
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 -- names, no paths
            # One that ended just now needs no CPU.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), drawn)


def chosen(allowed: Sequence[int], threads: int, root: Path) -> List[int]:
    """The CPUs among `allowed` for `threads` threads: the strongest kind that is enough.

    More than `threads` of them may be chosen: which of several equal ones is free is the
    scheduler's to know.
    """
    strength = _strengths(allowed, root)
    cpus: List[int] = []
    for least in sorted({value * _SAME_KIND for value in strength.values()}, reverse=True):
        cpus = [cpu for cpu in allowed if strength[cpu] >= least]
        if len(cpus) >= threads:
            break
    cores: Dict[str, int] = {}
    for cpu in cpus:
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        cores.setdefault(read(topology / "thread_siblings_list") or str(cpu), cpu)
    # Siblings share their core's arithmetic units.
    return sorted(cores.values()) if len(cores) >= threads else cpus


def _strengths(cpus: Sequence[int], root: Path) -> Dict[int, float]:
    """How strong each CPU is against the others, in no unit; all alike where nothing is told."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        told = {cpu: read(root / f"sys/devices/system/cpu/cpu{cpu}" / name) for cpu in cpus}
        if all(value.isdigit() for value in told.values()):
            return {cpu: float(value) for cpu, value in told.items()}
    return dict.fromkeys(cpus, 1.0)
