"""Transports: how the machine that measures is reached.

To add one: write a module here with an object that meets `Transport` and add its line to the
table below.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import socket
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from edgekit.records import Device
from edgekit.records.devices import DeviceFacts, HostKey
from edgekit.registry import Entry, Registry
from edgekit.wire import Job


def _user() -> str:
    # A container's user may have no name.
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return str(os.getuid())


# Who measures, as others on the same device read it.
OWNER = f"{_user()}@{socket.gethostname()}:{secrets.token_hex(3)}"


class Link(Protocol):
    """A way to a machine, from the first job there to the last."""

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

    def stop(self) -> None:
        """End what runs, from another thread; `run` ends or raises a DeviceError then."""
        ...

    def close(self) -> None:
        """Let go of the machine: what its jobs left there is removed, and others may have it."""
        ...


class Transport(Protocol):
    """A way to reach machines of one kind."""

    def open(self, device: Device, owner: str = OWNER) -> Link:
        """A link to `device`; nothing is connected yet.

        Args:
            device: The machine.
            owner: Who is to have it while the link is open, where it can be had by one alone. The
                same for whoever takes a job over.
        """
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
        "adb": Entry("edgekit.transports.adb:TRANSPORT"),
    },
)


@contextlib.contextmanager
def linked(device: Device, owner: str = OWNER) -> Iterator[Link]:
    """A link to `device` by its own transport, closed where the block ends.

    Raises:
        UsageError: There is no such transport.
        MissingDependency: Its packages aren't installed.
    """
    with contextlib.closing(TRANSPORTS.get(device.transport).open(device, owner)) as link:
        yield link
