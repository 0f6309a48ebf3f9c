"""A job on a device: brought there, begun once, followed through whatever befalls the link."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import DataError, DeviceError, LinkLost
from edgekit.records.devices import DeviceFacts
from edgekit.transports import cargo, workers
from edgekit.transports.agentanswers import Facts, Output, failure
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.cargo import Cargo
from edgekit.transports.relay import Relay, Say
from edgekit.transports.visit import GRACE_S, LEASE_S, PATIENCE_S, Visit
from edgekit.wire import Job

OUTPUT_LIMIT_BYTES = 2**30


class RemoteLink:
    """Runs workers on a device, as long as one host visits it.

    Args:
        visit: The visit.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._relay: Relay | None = None
        self._is_stopped = False

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        """Run `job` in a fresh worker there and give the lines that it sends, as they come.

        Args:
            job: What to do; what it names is brought there.
            timeout_s: Seconds until the worker is ended.
            job_id: 32 hex digits. A job that was begun under it is found again, with all its
                lines; empty for a new one.

        Raises:
            DeviceError: The device can't be reached or used, the worker failed, or time ran out.
            DataError: A file of the job can't be read, or one that came isn't what was told of.
        """
        relay = Relay(Errand(self._visit, job, timeout_s, job_id or secrets.token_hex(16)))
        self._relay = relay
        if self._is_stopped:
            relay.stop()
        yield from relay.lines()

    def stop(self) -> None:
        """End what runs, from another thread."""
        self._is_stopped = True
        if self._relay is not None:
            self._relay.stop()

    def close(self) -> None:
        """Remove what the jobs left there, and let others have the device."""
        self._visit.leave()


class Errand:
    """One job on one device.

    Args:
        visit: Who is there.
        job: What to do.
        timeout_s: Seconds until the worker is ended there.
        name: The job's id there.
    """

    def __init__(self, visit: Visit, job: Job, timeout_s: float, name: str) -> None:
        self._visit = visit
        self._job = job
        self._timeout_s = timeout_s
        self._name = name

    def tell(self, say: Say, stop: threading.Event) -> None:
        """Run the job in a fresh worker on the device and say the lines that it sends.

        Args:
            say: Is given each line.
            stop: Tells that nobody listens any more.

        Raises:
            DeviceError: It could not begin, failed, or the link broke for good.
            DataError: A file of the job can't be read, or one that came isn't what was told of.
        """
        held = cargo.pack(self._job)
        try:
            self._visit.take(say, stop)
            if not stop.is_set():
                self._begin(held, self._visit.outfit.paths(self._job, say))
                self._follow(held, say, stop)
        except LinkLost:
            self._visit.lose()
            raise

    def ask_to_end(self) -> None:
        """Cancel the job, by an agent of its own: the story's waits for something to happen."""
        client = AgentClient(self._visit.machine.agent, patience_s=0.0)
        with contextlib.suppress(DeviceError):
            client.cancel(self._name)
        client.close()

    def break_off(self) -> None:
        """Break the link, so that nothing waits for it."""
        self._visit.machine.close()

    def _begin(self, held: Cargo, paths: list[str]) -> None:
        client, name = self._visit.client, self._name
        self._visit.expect(name)
        digests = {place: item.sha256 for place, item in held.files.items()}
        missing = set(client.mkjob(name, digests))
        items = {item.sha256: item for item in held.files.values() if item.sha256 in missing}
        if items:
            self._visit.bring(list(items.values()))
        # What came before may have outlasted the hold.
        self._visit.hold()
        client.start(name, files=digests, **self._orders(held, paths))

    def _orders(self, held: Cargo, paths: list[str]) -> dict[str, Any]:
        return {
            "owner": self._visit.owner,
            "argv": [self._visit.spec.python, "-m", "edgekit.measure.worker"],
            "env": {
                "PYTHONPATH": ":".join([cargo.WORKER, *paths]),
                **workers.settings(held.job.threads, fixed_heap=held.job.fixed_heap),
            },
            "stdin": json.dumps(dataclasses.asdict(held.job)) + "\n",
            "outputs": [cargo.OUTPUTS] if held.outputs else [],
            "system": self._visit.spec.root,
            "timeout_s": self._timeout_s,
            "grace_s": GRACE_S,
            "lease_s": LEASE_S,
            # One more than is read of it, so that an answer without end is told from a long one.
            "stdout_bytes": workers.ANSWER_LIMIT + 1,
        }

    def _follow(self, held: Cargo, say: Say, stop: threading.Event) -> None:
        """Say the worker's lines; where it has outputs the last one when those are here.

        A job that is over stays as it is until the visit ends: whoever takes it over reads it.
        """
        client = self._visit.client
        kept_back = 1 if held.outputs else 0
        waiting: list[bytes] = []
        # The device ends it by itself; this is for a device that doesn't.
        most_s = self._timeout_s + GRACE_S + PATIENCE_S
        limit = workers.ANSWER_LIMIT
        for line in client.attach(self._name, timeout_s=most_s, most_bytes=limit):
            if stop.is_set():
                self._visit.remove(self._name)
                return
            waiting.append(line)
            if len(waiting) > kept_back:
                say(waiting.pop(0))
        if stop.is_set():
            return
        result = client.result(self._name)
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
        self._visit.client.fetch(self._name, cargo.OUTPUTS, told, to)


def facts(told: Facts) -> DeviceFacts:
    """What an agent said of its device, as a record."""
    fields = msgspec.to_builtins(told)
    return DeviceFacts(
        **{
            field.name: fields[field.name]
            for field in dataclasses.fields(DeviceFacts)
            if field.name in fields
        }
    )
