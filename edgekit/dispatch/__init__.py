"""Engines: who does many pieces of work, each where it belongs.

To add one: write a module here with an object that meets `Engine` and add its line to the table
below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from edgekit.registry import Entry, Registry

# What a piece of work tells of itself: plain values by name, so that it can cross to a process.
Event = Mapping[str, str | int]


class Site(Protocol):
    """Where a piece of work is done, as it sees it."""

    def tell(self, event: Event) -> None:
        """Send `event` to whoever waits for the work."""
        ...

    def closing(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        """Have `end` called, by another thread, if all is stopped before the block ends.

        Raises:
            StoppedError: All was stopped already.
        """
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work.

    Attributes:
        name: What tells it from the others of its run.
        work: What does it: a function of a module, which another process finds by its name. It
            gives back what it can't do as a value: an `EdgekitError` doesn't cross to a process.
        argument: What it is given; records, since they may cross to a process.
        lane: What it needs for itself while it runs, such as a device. Tasks of a lane run one
            after another; empty for none, which any host can do.
    """

    name: str
    work: Callable[[Any, Site], Any]
    argument: Any
    lane: str = ""


OnEvent = Callable[[Task, Event], None]
# Given what the work gave; an `EdgekitError` where the engine lost it.
OnDone = Callable[[Task, Any], None]


class Crew(Protocol):
    """Who does tasks."""

    def run(self, tasks: Sequence[Task], on_event: OnEvent, on_done: OnDone) -> None:
        """Do `tasks`, those of different lanes at once.

        Both are called in the thread of the caller, so they need no locks. After Ctrl-C whatever
        runs is ended, and what was done by then is still given to `on_done`.

        Args:
            tasks: What to do; of each lane in this order.
            on_event: Told what the work tells.
            on_done: Given each outcome as soon as it is there.

        Raises:
            UsageError: Nobody has a lane that a task needs.
        """
        ...


class Engine(Protocol):
    """A way to spread work."""

    def crew(self, where: str, lanes: Sequence[str]) -> AbstractContextManager[Crew]:
        """Somebody who can do tasks until the block ends.

        Args:
            where: What the engine is reached by; empty for one of our own.
            lanes: Lanes that tasks will ask for.

        Raises:
            UsageError: `where` means nothing to it, or nobody answers there.
        """
        ...


ENGINES: Registry[Engine] = Registry(
    "engine",
    {
        "local": Entry("edgekit.dispatch.local:ENGINE"),
        "dask": Entry("edgekit.dispatch.dask:ENGINE", "fleet", ("distributed",)),
    },
)


def crew(word: str, lanes: Sequence[str]) -> AbstractContextManager[Crew]:
    """The crew that `--engine` names: `NAME`, or `NAME=WHERE`.

    Raises:
        UsageError: There is no such engine, or it can't be reached.
        MissingDependency: Its packages aren't installed.
    """
    name, _, where = word.partition("=")
    return ENGINES.get(name).crew(where, lanes)
