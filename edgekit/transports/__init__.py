"""Transports: how the machine that measures is reached.

To add one: write a module here with an object that meets `Transport` and add its line to the
table below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from edgekit.records import Device
from edgekit.records.devices import DeviceFacts, HostKey
from edgekit.registry import Entry, Registry
from edgekit.wire import Job


class Link(Protocol):
    """An open way to a machine."""

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        """Run `job` in a fresh worker there and give the lines that it sends, as they come.

        Args:
            job: What to do.
            timeout_s: Seconds until the worker is stopped.
            job_id: 32 hex digits that name the job, chosen by who wants it; empty for none. A
                link that can re-attach starts the job of an id once, whichever process asks, and
                gives its lines from the first on, also after its end; one that can't starts a
                worker each time.

        Raises:
            DeviceError: The worker could not start, crashed, or ran out of time; with the last
                lines of its standard error.
        """
        ...

    def close(self) -> None:
        """End what runs, from another thread; `run` ends or raises a DeviceError then."""
        ...


class Transport(Protocol):
    """A way to reach machines of one kind."""

    def open(self, device: Device) -> Link:
        """Open a link to `device`."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A transport to machines that have to be told apart, and that say what they have."""

    def host_key(self, address: str) -> HostKey:
        """The host key that the machine at `address` offers, right or wrong.

        Raises:
            LinkLost: It can't be reached.
        """
        ...

    def probe(self, device: Device) -> DeviceFacts:
        """What `device` says of itself.

        Raises:
            DeviceError: It can't be reached, or answers in no language of ours.
        """
        ...


TRANSPORTS: Registry[Transport] = Registry(
    "transport",
    {
        "local": Entry("edgekit.transports.local:TRANSPORT"),
        "ssh": Entry("edgekit.transports.ssh:TRANSPORT", "ssh", ("asyncssh",)),
    },
)


def open_link(device: Device) -> Link:
    """Open a link to `device` by its own transport.

    Raises:
        UsageError: There is no such transport.
        MissingDependency: Its packages aren't installed.
    """
    return TRANSPORTS.get(device.transport).open(device)
