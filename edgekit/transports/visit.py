"""A host on a device, from its first job there to its last: it has the device for itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from edgekit.errors import DeviceBusy, DeviceError, LinkLost
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import shell, workers
from edgekit.transports.agentchannel import Channel
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.cargo import Item
from edgekit.transports.outfit import Outfit
from edgekit.transports.relay import Say

# How long a broken link is tried again.
PATIENCE_S = 120.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.2, 5.0
# A device that nobody asks for ends the job by itself; a host that comes back in time finds it.
LEASE_S = PATIENCE_S + 60.0
# What a worker that changed the machine takes to undo it.
GRACE_S = 10.0
# Kept on the device for the next time, of all hosts together.
_KEPT_BYTES = 4 * 2**30
_KEPT_JOBS = 10

T = TypeVar("T")


class Machine(shell.Shell, Protocol):
    """A device that is reached over a link that may break; reached anew whenever it has to be.

    Attributes:
        was_reached: Whether it ever was.
    """

    was_reached: bool

    def agent(self) -> Channel:
        """Start an agent there, brought if it isn't there yet.

        Raises:
            LinkLost: The device can't be reached.
            DeviceError: It can't be used.
        """
        ...

    def close(self) -> None:
        """Break the link for good. What runs there detached runs on."""
        ...


class Visit:
    """What the jobs of one host on one device share.

    Args:
        machine: The way to the device; closed in the end.
        spec: The device.
        owner: Who is to have it meanwhile.

    Attributes:
        client: Asks the agent there.
        outfit: What Python there has, and what it lacks.
    """

    def __init__(self, machine: Machine, spec: DeviceSpec, owner: str) -> None:
        self.machine = machine
        self.spec = spec
        self.owner = owner
        self.client = AgentClient(machine.agent, patience_s=PATIENCE_S)
        self.outfit = Outfit(self.client, spec.root, lambda item: self.bring([item]))
        self._jobs: list[str] = []

    def take(self, say: Say, stop: threading.Event) -> None:
        """Have the device for itself; wait for whoever has it.

        Args:
            say: Is told where that takes time.
            stop: Tells that nobody waits any more.

        Raises:
            DeviceBusy: Somebody else still has it.
            LinkLost: It can't be reached.
        """
        give_up_s, pause_s = time.monotonic() + self.spec.wait_s, _FIRST_PAUSE_S
        waits = False
        while not stop.is_set():
            try:
                self.hold()
            except DeviceBusy:
                if time.monotonic() + pause_s > give_up_s:
                    raise
            else:
                return
            if not waits:
                say(workers.phase("wait"))
            waits = True
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def bring(self, items: Sequence[Item]) -> None:
        """Bring files to the device's store.

        Raises:
            DeviceError: It doesn't take them, or the link broke for good.
        """
        spec = self.spec
        steadily(lambda: shell.bring(self.machine, spec.python, spec.work_dir, items))
        # What takes that long may have outlasted the hold on the device.
        self.hold()

    def expect(self, job: str) -> None:
        """Remember to remove the folder of `job` in the end."""
        if job not in self._jobs:
            self._jobs.append(job)

    def remove(self, job: str) -> None:
        """End a job if it isn't over, and take its folder away.

        Raises:
            DeviceError: The device can't be asked.
        """
        pause_s, until_s = 0.02, time.monotonic() + 2 * GRACE_S
        while not self.client.gc(job, keep_jobs=_KEPT_JOBS, keep_bytes=_KEPT_BYTES):
            if time.monotonic() > until_s:
                return
            self.client.cancel(job)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 1.0)
        self._jobs.remove(job)

    def lose(self) -> None:
        """Have no more patience: what can't be reached cleans up when its lease is over."""
        self.client.close()
        self.client = AgentClient(self.machine.agent, patience_s=0.0)

    def leave(self) -> None:
        """Take away what the jobs left, and let others have the device."""
        # Whatever comes of it, what there was to tell was told.
        if self.machine.was_reached:
            for job in tuple(self._jobs):
                with contextlib.suppress(DeviceError):
                    self.remove(job)
            with contextlib.suppress(DeviceError):
                self.client.unlock(self.owner)
        self.client.close()
        self.machine.close()

    def hold(self) -> None:
        """Renew the hold on the device, or take it if nobody has it.

        Raises:
            DeviceBusy: Somebody else has it.
            LinkLost: It can't be reached.
        """
        try:
            self.client.lock(self.owner, LEASE_S)
        except LinkLost:
            # A device that isn't there is told at once; one that was there a moment ago isn't.
            # Where an agent had answered, the client has tried again for long enough.
            if not self.machine.was_reached or self.client.was_greeted:
                raise
            steadily(lambda: self.client.lock(self.owner, LEASE_S))


def steadily(action: Callable[[], T]) -> T:
    """Do `action`, which may be done twice, again while the link breaks.

    Args:
        action: Raises `LinkLost` where that happens.

    Raises:
        LinkLost: It broke and stayed so.
    """
    pause_s, give_up_s = _FIRST_PAUSE_S, None
    while True:
        try:
            return action()
        except LinkLost:
            give_up_s = give_up_s or time.monotonic() + PATIENCE_S
            if time.monotonic() + pause_s > give_up_s:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _MOST_PAUSE_S)
