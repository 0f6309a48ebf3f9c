"""Lines from a story that goes on in a thread of its own, whatever its reader does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from edgekit.errors import DeviceError

# Most stories are over when their reader has what it wants.
_PROMPT_S = 1.0
_ASKED_S = 5.0

Say = Callable[[bytes], None]


class Story(Protocol):
    """Something that goes on."""

    def tell(self, say: Say, stop: threading.Event) -> None:
        """Go on until the end.

        Args:
            say: Is given each line.
            stop: Tells that nobody listens any more.
        """
        ...

    def ask_to_end(self) -> None:
        """Let it come to its end soon. May fail; nothing may be raised."""
        ...

    def break_off(self) -> None:
        """Let whatever it waits for fail at once."""
        ...


class Relay:
    """Hands on the lines of a story.

    It goes on while the reader is busy, so that a lease is renewed and a link stays. Where the
    reader stops reading, the story's event is set, and its end awaited.

    Args:
        story: Is asked to end where it doesn't end by itself.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._lines: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def lines(self) -> Iterator[bytes]:
        """The lines, as the story says them.

        Raises:
            Exception: What the story ended with.
            DeviceError: `stop` was called.
        """
        thread = threading.Thread(target=self._tell, name="edgekit-relay", daemon=True)
        thread.start()
        try:
            while (line := self._lines.get()) is not None:
                if isinstance(line, BaseException):
                    raise line
                yield line
        finally:
            self._end(thread)

    def stop(self) -> None:
        """End the story, from another thread than the reader's."""
        self._lines.put(DeviceError("it was stopped", hint="run it again"))

    def _tell(self) -> None:
        try:
            self._story.tell(self._lines.put, self._stop)
        except BaseException as error:  # noqa: BLE001 -- it goes to the reader, whatever it is
            self._lines.put(error)
        else:
            self._lines.put(None)

    def _end(self, thread: threading.Thread) -> None:
        self._stop.set()
        thread.join(_PROMPT_S)
        if thread.is_alive():
            # By another thread: asking takes a link, which may be what is missing.
            threading.Thread(target=self._story.ask_to_end, daemon=True).start()
            thread.join(_ASKED_S)
        if thread.is_alive():
            self._story.break_off()
            thread.join()
