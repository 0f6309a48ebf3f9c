"""A job on a device: brought there, begun once, followed through whatever befalls the link."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from edgekit.errors import DataError, DeviceError, LinkLost
from edgekit.records.devices import DeviceFacts
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import cargo, shell, workers
from edgekit.transports.agentanswers import Facts, Output, failure
from edgekit.transports.agentchannel import Channel
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.cargo import Cargo, Item
from edgekit.transports.outfit import Outfit
from edgekit.transports.relay import Say
from edgekit.wire import Job

# How long a broken link is tried again.
PATIENCE_S = 120.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.2, 5.0
# A device that nobody asks for ends the job by itself; a host that comes back in time finds it.
LEASE_S = PATIENCE_S + 60.0
# What a worker that changed the machine takes to undo it.
GRACE_S = 10.0
OUTPUT_LIMIT_BYTES = 2**30
# Kept on the device for the next time, of all hosts together.
_KEPT_BYTES = 4 * 2**30
_KEPT_JOBS = 10
# Who measures, as others on the same device read it.
OWNER = f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}-{secrets.token_hex(2)}"

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


class Errand:
    """One job on one device.

    Args:
        machine: The way to the device; closed in the end.
        spec: The device.
        job: What to do.
        timeout_s: Seconds until the worker is ended there.
    """

    def __init__(self, machine: Machine, spec: DeviceSpec, job: Job, timeout_s: float) -> None:
        self._machine = machine
        self._spec = spec
        self._job = job
        self._timeout_s = timeout_s
        self._name = secrets.token_hex(16)
        self._client = AgentClient(machine.agent, patience_s=PATIENCE_S)
        self._outfit = Outfit(self._client, spec.root, lambda item: self._bring([item]))

    def tell(self, say: Say, stop: threading.Event) -> None:
        """Run the job in a fresh worker on the device and say the lines that it sends.

        Args:
            say: Is given each line.
            stop: Tells that nobody listens any more.

        Raises:
            DeviceError: It could not begin, failed, or the link broke for good.
            DataError: A file of the job can't be read, or one that came isn't what was told of.
        """
        try:
            held = cargo.pack(self._job)
            self._lock()
            try:
                self._begin(held, self._outfit.paths(self._job, say))
                self._follow(held, say, stop)
            finally:
                # Whatever ended it is told. What can't be ended from here ends with its lease.
                with contextlib.suppress(DeviceError):
                    self._clean_up()
        finally:
            self._client.close()
            self._machine.close()

    def ask_to_end(self) -> None:
        """Cancel the job, by an agent of its own: the story's waits for something to happen."""
        client = AgentClient(self._machine.agent, patience_s=0.0)
        with contextlib.suppress(DeviceError):
            client.cancel(self._name)
        client.close()

    def break_off(self) -> None:
        """Break the link, so that nothing waits for it."""
        self._machine.close()

    def _lock(self) -> None:
        try:
            self._client.lock(OWNER, LEASE_S)
        except LinkLost:
            # A device that isn't there is told at once; one that was there a moment ago isn't.
            if not self._machine.was_reached:
                raise
            steadily(lambda: self._client.lock(OWNER, LEASE_S))

    def _begin(self, held: Cargo, paths: list[str]) -> None:
        client, name = self._client, self._name
        digests = {place: item.sha256 for place, item in held.files.items()}
        missing = set(client.mkjob(name, digests))
        items = {item.sha256: item for item in held.files.values() if item.sha256 in missing}
        if items:
            self._bring(list(items.values()))
        client.start(name, files=digests, **self._orders(held, paths))

    def _bring(self, items: list[Item]) -> None:
        machine, spec = self._machine, self._spec
        steadily(lambda: shell.bring(machine, spec.python, spec.work_dir, items))
        # What takes that long may have outlasted the lock.
        self._client.lock(OWNER, LEASE_S)

    def _orders(self, held: Cargo, paths: list[str]) -> dict[str, Any]:
        return {
            "owner": OWNER,
            "argv": [self._spec.python, "-m", "edgekit.measure.worker"],
            "env": {
                "PYTHONPATH": ":".join([cargo.WORKER, *paths]),
                **workers.settings(held.job.threads, fixed_heap=held.job.fixed_heap),
            },
            "stdin": json.dumps(dataclasses.asdict(held.job)) + "\n",
            "outputs": [cargo.OUTPUTS] if held.outputs else [],
            "system": self._spec.root,
            "timeout_s": self._timeout_s,
            "grace_s": GRACE_S,
            "lease_s": LEASE_S,
            "stdout_bytes": workers.ANSWER_LIMIT,
        }

    def _follow(self, held: Cargo, say: Say, stop: threading.Event) -> None:
        """Say the worker's lines; where it has outputs the last one when those are here."""
        kept_back = 1 if held.outputs else 0
        waiting: list[bytes] = []
        # The device ends it by itself; this is for a device that doesn't.
        most_s = self._timeout_s + GRACE_S + PATIENCE_S
        for line in self._client.attach(self._name, timeout_s=most_s):
            if stop.is_set():
                return
            waiting.append(line)
            if len(waiting) > kept_back:
                say(waiting.pop(0))
        if stop.is_set():
            return
        result = self._client.result(self._name)
        if (error := failure(result, self._timeout_s)) is not None:
            raise error
        if held.outputs and cargo.OUTPUTS in result.outputs:
            self._fetch(result.outputs[cargo.OUTPUTS], held.outputs)
        for line in waiting:
            say(line)

    def _fetch(self, told: Output, to: Path) -> None:
        if told.size_bytes > OUTPUT_LIMIT_BYTES:
            words = f"the outputs have more than {OUTPUT_LIMIT_BYTES} bytes"
            raise DataError(words, hint="feed fewer samples")
        self._client.fetch(self._name, cargo.OUTPUTS, told, to)

    def _clean_up(self) -> None:
        """End the job if it isn't over, take its folder away and let others have the device."""
        client, pause_s = self._client, 0.02
        client.cancel(self._name)
        until_s = time.monotonic() + 2 * GRACE_S
        while not client.gc(self._name, keep_jobs=_KEPT_JOBS, keep_bytes=_KEPT_BYTES):
            if time.monotonic() > until_s:
                break
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 1.0)
        client.unlock(OWNER)


def facts(told: Facts) -> DeviceFacts:
    """What an agent said of its device, as a record."""
    fields = msgspec.to_builtins(told)
    return DeviceFacts(
        **{field.name: fields[field.name] for field in dataclasses.fields(DeviceFacts)}
    )


def steadily(action: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Do `action`, which may be done twice, again while the link breaks.

    Args:
        action: Raises `LinkLost` where that happens.
        patience_s: Seconds from then on until it is given up.

    Raises:
        LinkLost: It broke and stayed so.
    """
    pause_s, give_up_s = _FIRST_PAUSE_S, None
    while True:
        try:
            return action()
        except LinkLost:
            give_up_s = give_up_s or time.monotonic() + patience_s
            if time.monotonic() + pause_s > give_up_s:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _MOST_PAUSE_S)
