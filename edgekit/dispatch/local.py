"""This process: one thread a lane. A task waits for its device, so threads are enough."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from edgekit.dispatch import Event, OnDone, OnEvent, Task
from edgekit.dispatch.ends import Ends, StoppedError
from edgekit.errors import UsageError

# A link over a dead network may not end at once. Its device ends the job by itself.
_PATIENCE_S = 10.0

Note = Callable[[], None]


class _Site:
    """A thread of this process."""

    def __init__(self, ends: Ends, tell: Callable[[Event], None]) -> None:
        self.tell = tell
        self._ends = ends

    def closing(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        return self._ends.closing(end)


class Threads:
    """Does tasks in threads."""

    def run(self, tasks: Sequence[Task], on_event: OnEvent, on_done: OnDone) -> None:
        """Do `tasks`, those of different lanes at once; see `Crew.run`."""
        lanes: dict[str, list[Task]] = {}
        for task in tasks:
            lanes.setdefault(task.lane, []).append(task)
        if len(lanes) > 1:
            _Lanes(lanes, on_event, on_done).run()
            return
        # Alone it needs no thread, and Ctrl-C reaches it by itself.
        ends = Ends()
        for task in tasks:
            on_done(task, task.work(task.argument, _site(ends, task, on_event)))


class _Lanes:
    """One run. The threads leave notes; the caller's thread carries them out."""

    def __init__(self, lanes: dict[str, list[Task]], on_event: OnEvent, on_done: OnDone) -> None:
        self._on_event = on_event
        self._on_done = on_done
        self._ends = Ends()
        # None where a lane is done; an error that is no outcome.
        self._notes: queue.SimpleQueue[Note | BaseException | None] = queue.SimpleQueue()
        # What ends after this one is set was ended by us: it is no outcome.
        self._is_over = threading.Event()
        # Daemons: a thread that hangs must not keep the process.
        self._threads = [
            threading.Thread(target=self._lane, args=(each,), name=name, daemon=True)
            for name, each in lanes.items()
        ]

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        left = len(self._threads)
        try:
            while left:
                match self._notes.get():
                    case None:
                        left -= 1
                    case BaseException() as error:
                        raise error
                    case note:
                        note()
        finally:
            self._stop()

    def _stop(self) -> None:
        """End what runs; what was done before that is an outcome all the same."""
        self._is_over.set()
        self._ends.stop()
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while not self._notes.empty():
            note = self._notes.get()
            if note is not None and not isinstance(note, BaseException):
                note()

    def _lane(self, tasks: Sequence[Task]) -> None:
        try:
            for task in tasks:
                site = _site(self._ends, task, self._told)
                outcome = task.work(task.argument, site)
                if self._is_over.is_set():
                    return
                self._notes.put(functools.partial(self._on_done, task, outcome))
            self._notes.put(None)
        except StoppedError:
            return
        except BaseException as error:  # noqa: BLE001 -- raised again in the caller's thread
            self._notes.put(error)

    def _told(self, task: Task, event: Event) -> None:
        if not self._is_over.is_set():
            self._notes.put(functools.partial(self._on_event, task, event))


def _site(ends: Ends, task: Task, on_event: OnEvent) -> _Site:
    return _Site(ends, lambda event: on_event(task, event))


class Local:
    """The engine of this process."""

    @contextlib.contextmanager
    def crew(self, where: str, lanes: Sequence[str]) -> Iterator[Threads]:
        """A crew of threads; any lane is there as soon as a task asks for it."""
        del lanes
        if where:
            raise UsageError(
                f"the engine local is this process: it isn't at {where!r}",
                hint="`--engine dask=SCHEDULER` names another host",
            )
        yield Threads()


ENGINE = Local()
