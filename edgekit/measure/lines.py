"""Lines from a pipe, read without a buffer that others could wait for."""

from __future__ import annotations

import os

_PIECE = 2**16
# Exit status of a process whose standard input has ended: nobody waits for it any more.
ABANDONED = 70


class Lines:
    """Lines that come through a file descriptor.

    Args:
        descriptor: Open for reading; it stays open.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def read(self) -> bytes:
        """The next line without its end; empty at the end of all."""
        while b"\n" not in self._rest:
            piece = os.read(self._descriptor, _PIECE)
            if not piece:
                return b""
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line
