"""A look at a machine on which nothing is measured yet: what `edgekit doctor` judges by."""

from __future__ import annotations

import time
from pathlib import Path

from edgekit.measure import environment
from edgekit.measure.boards import board
from edgekit.measure.neighbours import busiest, cpu_times
from edgekit.measure.state import state
from edgekit.wire import Look

LOOK_S = 1.0


def look(root: Path, look_s: float = LOOK_S) -> Look:
    """Look at a machine, twice: some things show only in what changes.

    Args:
        root: Where the system's files are.
        look_s: Seconds between the two looks.
    """
    machine = {**environment.machine(root), **board(root)}
    # The longer work is done by now: from here on, who is busy is somebody else.
    before, users = state(root), cpu_times(root)
    time.sleep(look_s)
    return Look(machine, before, state(root), busiest(users, cpu_times(root), look_s))
