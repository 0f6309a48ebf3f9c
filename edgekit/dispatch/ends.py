"""Ending what runs in other threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

End = Callable[[], None]


class StoppedError(Exception):
    """Nothing is to be begun any more. No `EdgekitError`: it is nobody's result."""


class Ends:
    """How each thing that runs can be ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[object, End] = {}
        self._is_stopped = False

    @contextlib.contextmanager
    def closing(self, end: End) -> Iterator[None]:
        """Have `end` called if all is stopped before the block ends.

        Raises:
            StoppedError: All was stopped already.
        """
        place = object()
        with self._lock:
            if self._is_stopped:
                raise StoppedError
            self._open[place] = end
        try:
            yield
        finally:
            with self._lock:
                self._open.pop(place, None)

    def stop(self) -> None:
        """End whatever runs, and let nothing begin."""
        with self._lock:
            self._is_stopped = True
            ends = list(self._open.values())
        # Outside the lock: what ends leaves its block, and needs it.
        for end in ends:
            end()
