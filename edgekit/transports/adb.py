"""Phones over adb. They have no Python: LiteRT's `benchmark_model` is what runs there."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edgekit import inventory
from edgekit.android import benchmark_model
from edgekit.android import state as states
from edgekit.android.properties import big_mask
from edgekit.errors import DeviceBusy, DeviceError, Incompatible, LinkLost, UsageError
from edgekit.measure.cooldown import cool_down
from edgekit.records import Device
from edgekit.records.devices import DeviceFacts, HostKey
from edgekit.records.devicespec import DeviceSpec
from edgekit.text import printable
from edgekit.transports import OWNER, cargo, phonebench, phonefacts, workers
from edgekit.transports.phone import Phone
from edgekit.transports.phonebench import Golden
from edgekit.transports.visit import PATIENCE_S
from edgekit.wire import Cooldown, Job

_SAID_BYTES = 2**20
_TAIL_BYTES = 2000
_GRACE_S = 15.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.2, 2.0


class AdbLink:
    """Runs benchmark_model on a phone, as long as one host visits it.

    Args:
        spec: The phone.
        owner: Who has it meanwhile.
    """

    def __init__(self, spec: DeviceSpec, owner: str) -> None:
        self._spec = spec
        self._owner = owner
        self._phone = Phone(spec.address, owner)
        self._stopped = threading.Event()
        self._jobs: list[str] = []
        self._is_lost = False

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        """Measure `job` there, and say what a worker would.

        Args:
            job: What to do; what it names is brought there.
            timeout_s: Seconds until benchmark_model is ended.
            job_id: 32 hex digits. A job that was begun under it is found again; empty for a new
                one.

        Raises:
            UsageError: It makes no sense on a phone.
            DeviceError: The phone can't be reached or used, benchmark_model failed, or time ran
                out.
            DataError: A file can't be read, or what came from there makes no sense.
            ToolError: benchmark_model gave no times.
        """
        phonebench.refuse(job)
        try:
            yield from self._run(job, timeout_s, job_id)
        except LinkLost:
            # What is left there ends, and is free, when the lease is over.
            self._is_lost = True
            raise

    def _run(self, job: Job, timeout_s: float, job_id: str) -> Iterator[bytes]:
        program = _program(self._spec)
        yield from self._take()
        facts = self._phone.facts()
        environment = states.phone(facts)
        phonefacts.fit(program, environment)
        name = job_id or secrets.token_hex(16)
        mask = big_mask(states.strengths(facts), job.threads)
        check = phonebench.golden(job)
        self._jobs.append(name)
        if self._phone.state(name) == ("", ""):
            order = phonebench.order(job, name, program, mask, check)
            self._phone.bring(order.items)
            if job.cooldown:
                # As a worker's, its time counts: what was waited for before it doesn't.
                yield workers.phase("cooldown")
                start_s = time.monotonic()
                environment |= self._cooled(job.cooldown)
                timeout_s -= time.monotonic() - start_s
            self._phone.begin(name, order.steps, timeout_s)
        yield from self._follow(name, time.monotonic() + timeout_s)
        settings = {
            "threads": str(job.threads),
            "cpu_mask": mask,
            "program_sha256": cargo.of_file(program).sha256,
        }
        yield self._samples(job, name, check, environment, settings)

    def stop(self) -> None:
        """End what runs, from another thread."""
        self._stopped.set()
        self._phone.stop()

    def close(self) -> None:
        """Remove what the jobs left there, and let others have the phone."""
        if not self._phone.was_reached or self._is_lost:
            return
        # Another one: it also goes on after `stop`, and doesn't wait for a link that is cut.
        phone = Phone(self._spec.address, self._owner)
        with contextlib.suppress(DeviceError):
            for job in self._jobs:
                phone.end(job)
            phone.free()

    def _take(self) -> Iterator[bytes]:
        give_up_s, pause_s = time.monotonic() + self._spec.wait_s, _FIRST_PAUSE_S
        while True:
            try:
                return self._phone.take()
            except DeviceBusy:
                if time.monotonic() + pause_s > give_up_s:
                    raise
            yield workers.phase("wait")
            self._pause(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def _cooled(self, wanted: Cooldown) -> dict[str, str]:
        return cool_down(wanted, lambda: states.state(self._phone.heat()), sleep=self._pause)

    def _follow(self, name: str, until_s: float) -> Iterator[bytes]:
        """Say the phases of a job until it is over.

        Raises:
            DeviceError: It failed, or isn't over in time.
        """
        pause_s, last = _FIRST_PAUSE_S, ""
        while True:
            phase, rest = self._phone.state(name)
            if phase != last and phase in {"golden", "run"}:
                yield workers.phase(phase)
            last = phase
            if rest == "0":
                return
            if rest != "running":
                raise self._failed(name, rest)
            # The phone ends it by itself; this is for a phone that doesn't.
            if time.monotonic() > until_s + _GRACE_S + PATIENCE_S:
                raise DeviceError("the phone does not end the job", hint="restart the phone")
            self._pause(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def _failed(self, name: str, rest: str) -> DeviceError:
        said = self._said(name)
        tail = printable(said[-_TAIL_BYTES:])
        if len(said) >= _SAID_BYTES:
            return DeviceError(
                f"benchmark_model wrote more than {_SAID_BYTES} bytes",
                hint="its last lines say why",
                stderr_tail=tail,
            )
        if rest == "timeout":
            return DeviceError(
                "benchmark_model had no result in time",
                hint="it hangs, or is too slow: try `--profile quick`, or `--timeout 3600`",
                stderr_tail=tail,
            )
        if rest.isdecimal():
            return DeviceError(
                f"benchmark_model ended with exit status {rest[:3]}",
                hint="its last lines say why; an older one can't run a newer model",
                stderr_tail=tail,
            )
        why = "nobody asked for it for too long" if rest == "lease" else "was it restarted?"
        return DeviceError(f"the job is gone from the phone: {why}", hint="run it again")

    def _said(self, name: str) -> str:
        return self._phone.fetch(name, "said", _SAID_BYTES).decode(errors="replace")

    def _samples(
        self,
        job: Job,
        name: str,
        check: Golden | None,
        environment: dict[str, str],
        settings: dict[str, str],
    ) -> bytes:
        said = self._said(name)
        timed = benchmark_model.parse(said)
        for when in ("before", "after"):
            told = states.state(
                self._phone.fetch(name, when, _SAID_BYTES).decode(errors="replace")
            )
            environment |= {f"{when}.{fact}": value for fact, value in told.items()}
        settings["delegates"] = "; ".join(timed.delegates)
        written = self._written(name, check)
        whole = phonebench.samples(job, timed, check, written, environment, settings)
        return msgspec.json.encode({"event": "samples", **dataclasses.asdict(whole)})

    def _written(self, name: str, check: Golden | None) -> list[bytes]:
        """The outputs of each process that checked the golden sample; none if it writes none."""
        names = [phonebench.outputs(number) for number in range(len(check.feeds) if check else 0)]
        if check is None or self._phone.size_bytes(name, names[0]) is None:
            return []
        return [self._phone.fetch(name, one, check.size_bytes + 1) for one in names]

    def _pause(self, pause_s: float) -> None:
        if self._stopped.wait(pause_s):
            raise DeviceError("the link was closed", hint="run it again")


class AdbTransport:
    """Opens links to phones of the inventory."""

    def open(self, device: Device, owner: str = OWNER) -> AdbLink:
        """A link; nothing is connected yet.

        Raises:
            UsageError: The inventory has no such phone.
        """
        return AdbLink(inventory.find(device.name), owner)

    def host_key(self, address: str) -> HostKey:
        """There is none.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{address} is reached by adb, which has no host keys",
            hint="a phone proves nothing; it asks on its screen whether to trust this computer",
        )

    def probe(self, device: Device) -> DeviceFacts:
        """What `device` says of itself.

        Raises:
            DeviceError: It can't be reached, or used.
        """
        return phonefacts.of(Phone(inventory.find(device.name).address, OWNER).facts())


def _program(spec: DeviceSpec) -> Path:
    if not spec.benchmark_model:
        raise Incompatible(
            "nothing can run models on the phone: no benchmark_model is given",
            hint="set `benchmark_model` to its path on this computer in devices.toml",
        )
    return Path(spec.benchmark_model)


TRANSPORT = AdbTransport()
