"""Limits that a worker sets itself: a model that eats all memory shall not take the machine."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Optional

from edgekit.measure.environment import table

# Of the memory that is free when it starts: the rest keeps the machine reachable.
SHARE = 0.9
# The kernel ends the process with the highest score first, and lets anybody raise his own.
FIRST_TO_END = "1000"
_KIB = 1024


def limit_memory(root: Path) -> None:
    """Let allocations fail before the machine runs out of memory.

    Counted is what the process may write to and shares with nobody (`RLIMIT_DATA`, which Linux
    applies to all such mappings since 4.7): heap, buffers, stacks. Mapped weights aren't.

    Args:
        root: Where the system's files are.
    """
    free = available_bytes(root)
    if free is None:
        return
    import resource  # not everywhere; where `/proc/meminfo` is, it is

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END, encoding="ascii")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = min(int(free * SHARE), sys.maxsize if hard == resource.RLIM_INFINITY else hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def available_bytes(root: Path) -> Optional[int]:
    """Memory that can be taken without swapping, by the kernel's estimate; None if it has none."""
    kib = table(root / "proc/meminfo").get("MemAvailable")
    return None if kib is None or kib < 0 else kib * _KIB
