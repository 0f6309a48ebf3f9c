"""The last lines that a process writes, with nothing in them that could upset a terminal."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO

from edgekit.text import printable

LINES = 40
LINE_BYTES = 4096
WAIT_S = 2.0


class Tail:
    """Reads a stream to its end in a thread, so that its writer never waits.

    Args:
        stream: The stream, closed at its end; None for no lines.
    """

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._thread = threading.Thread(target=self._drain, args=(stream,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """The last lines, one under the other; waits a moment for a stream that is ending."""
        self._thread.join(WAIT_S)
        return "\n".join(printable(line.decode(errors="replace")) for line in list(self._lines))

    def _drain(self, stream: IO[bytes] | None) -> None:
        if stream is None:
            return
        with stream:
            # Bounded reads: a line without an end must not fill the memory.
            for line in iter(lambda: stream.readline(LINE_BYTES), b""):
                self._lines.append(line.rstrip())
