"""Lines from a story that goes on in a thread of its own, whatever its reader does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

# Most stories are over when their reader has what it wants.
_PROMPT_S = 1.0
_ASKED_S = 5.0

Say = Callable[[bytes], None]
Story = Callable[[Say, threading.Event], None]


class Endable(Protocol):
    """What a story is about."""

    def ask_to_end(self) -> None:
        """Let it come to its end soon. May fail; nothing may be raised."""
        ...

    def break_off(self) -> None:
        """Let whatever the story waits for fail at once."""
        ...


def relay(story: Story, about: Endable) -> Iterator[bytes]:
    """The lines that `story` says, as it says them.

    It goes on while the reader is busy, so that a lease is renewed and a link stays. Where the
    reader stops reading, the story's event is set, and its end awaited.

    Args:
        story: Is given what to call with each line, and an event that tells it to end.
        about: Is asked to end where the story doesn't end by itself.

    Raises:
        Exception: What the story ended with.
    """
    lines: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def tell() -> None:
        try:
            story(lines.put, stop)
        except BaseException as error:  # noqa: BLE001 -- it goes to the reader, whatever it is
            lines.put(error)
        else:
            lines.put(None)

    thread = threading.Thread(target=tell, name="edgekit-relay", daemon=True)
    thread.start()
    try:
        while (line := lines.get()) is not None:
            if isinstance(line, BaseException):
                raise line
            yield line
    finally:
        stop.set()
        thread.join(_PROMPT_S)
        if thread.is_alive():
            about.ask_to_end()
            thread.join(_ASKED_S)
        if thread.is_alive():
            about.break_off()
            thread.join()
