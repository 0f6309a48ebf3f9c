"""Keeping frameworks' own output off the user's screen, and at hand if one fails.

Converters write progress and warnings to both streams, from Python and from C++. Standard output
belongs to results, and a wall of other people's warnings hides what edgekit has to say.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from edgekit.text import printable

_TAIL_LINES = 15


@contextlib.contextmanager
def captured(log: Path) -> Iterator[None]:
    """Send what this process writes to its standard streams to `log` instead."""
    _flush()
    saved = [os.dup(1), os.dup(2)]
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _flush()
        for stream, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, stream)
            os.close(copy)


def tail(log: Path) -> str:
    """The last lines of `log`, without control characters."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return printable("\n".join(lines))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Under a test runner a stream may be closed or replaced.
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
