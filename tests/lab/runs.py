"""Names that tell which run of the tests made a thing, so that a later run can clean up after it."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

_PREFIX = "edgekit-lab"
_NAME = re.compile(rf"{_PREFIX}-(\d+)-(\d+)-[0-9a-f]+-\w+")
# Fields of /proc/PID/stat behind the name of the program, counted from 0.
_STARTED_TICKS = 19


def fresh(kind: str) -> str:
    """A name that nothing else has: the process, when it started, and a random number."""
    process = os.getpid()
    return f"{_PREFIX}-{process}-{_started_ticks(process)}-{secrets.token_hex(3)}-{kind}"


def is_of_a_dead_run(name: str) -> bool:
    """Whether a name is one of `fresh`, by a process that is no more."""
    found = _NAME.fullmatch(name)
    return found is not None and _started_ticks(int(found[1])) != int(found[2])


def _started_ticks(process: int) -> int | None:
    # A process id alone is used again.
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return None
    return int(text.rpartition(")")[2].split()[_STARTED_TICKS])
