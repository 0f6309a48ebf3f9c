"""Who else uses the CPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

from edgekit.measure.environment import number, read

# What a process is known by: its number and its name; a number may be given to another.
Process = Tuple[int, str]

# Places in /proc/PID/stat, counted from behind the name, which may hold spaces and brackets.
_USER, _SYSTEM = 11, 12
# Of one CPU, from 0 to 1.
_LEAST_SHARE = 0.1
_MOST = 3


def cpu_times(root: Path) -> Dict[Process, float]:
    """Seconds of CPU time that each process but this one has used.

    Args:
        root: Where the system's files are.
    """
    found = {}
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    for folder in (root / "proc").glob("[1-9]*"):
        head, _, fields = read(folder / "stat").rpartition(")")
        ticks = [number(word) or 0 for word in fields.split()[_USER : _SYSTEM + 1]]
        if ticks and folder.name != str(os.getpid()):
            process = (number(folder.name) or 0, head.partition("(")[2])
            found[process] = sum(ticks) / ticks_per_s
    return found


def busiest(
    before: Mapping[Process, float], after: Mapping[Process, float], seconds: float
) -> List[Tuple[str, float]]:
    """The processes that used most CPU time between two looks, the busiest first.

    Args:
        before: `cpu_times` of the first look.
        after: Those of the second.
        seconds: Time between them.

    Returns:
        Name and share of one CPU, from 0 on, of those that a measurement would notice.
    """
    if seconds <= 0:
        return []
    shares = [
        (name, (time_s - before.get((pid, name), time_s)) / seconds)
        for (pid, name), time_s in after.items()
    ]
    heavy = [found for found in shares if found[1] >= _LEAST_SHARE]
    return sorted(heavy, key=lambda found: -found[1])[:_MOST]
