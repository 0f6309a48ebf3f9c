"""An event loop in a thread of its own, for code that knows of none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_END_S = 5.0


class Background:
    """Runs coroutines while other threads wait for them, or do something else."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_pass_over)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="edgekit-link", daemon=True
        )
        self._thread.start()
        is_ready = threading.Event()
        self._loop.call_soon_threadsafe(is_ready.set)
        is_ready.wait()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """What `work` gives.

        Raises:
            TimeoutError: It has not ended in `timeout_s`; it is cancelled.
            Exception: What `work` raised.
        """
        if not self._loop.is_running():
            work.close()
            raise ConnectionError("the link was closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(max(0.0, timeout_s))
        except concurrent.futures.CancelledError:
            raise ConnectionError("the link was closed") from None
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel all that still runs, and end the thread."""
        with contextlib.suppress(RuntimeError, TimeoutError, ConnectionError):
            self.do(_cancel_all(), _END_S)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_S)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _pass_over(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """Say nothing of what nobody waits for any more: a dying link fails in many places at once."""
