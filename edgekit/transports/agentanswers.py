"""What an agent answers, checked: a device may send anything."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edgekit.errors import DeviceBusy, DeviceError, Incompatible, LinkLost
from edgekit.text import one_line, printable
from edgekit.transports import workers

_SHOWN = 300  # characters of a device's text

Count = Annotated[int, Meta(ge=0, le=2**62)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Words = Annotated[str, Meta(max_length=1000)]
Table = Annotated[dict[Words, Words], Meta(max_length=1000)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")]
Stream = Literal["stdout", "stderr"]
Reason = Literal["exit", "signal", "oom", "timeout", "cancelled", "lease", "exec"]


class _Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both sides are of one version: what isn't known is wrong."""


class Hello(_Checked, frozen=True):
    """The first line.

    Attributes:
        hello: What speaks.
        protocol: Version of what it speaks.
        sha256: Digest of its own file.
        python: Version of the Python that runs it.
        refused: Why it won't work; empty if it will.
    """

    hello: Words
    protocol: int
    sha256: Sha256
    python: Words
    refused: Words


class Facts(_Checked, frozen=True):
    """What a device is and has; empty or None where it doesn't tell.

    Attributes:
        python: Version of its Python.
        platform: What that Python was built for, which decides on wheels.
        bits: Of a pointer of that Python.
        glibc: Version of the C library.
        machine: The kernel's word for the processor.
        kernel: Release of the kernel.
        model: Name of the board.
        l4t: Release of NVIDIA's Linux for Tegra.
        cpus: How many may be used.
        memory_bytes: Memory that may be used, in all.
        available_bytes: Memory that can be taken now.
        disk_free_bytes: Room on the disk that edgekit works on.
        governor: What decides on the first CPU's clock.
        temperatures_c: In degrees Celsius, by zone.
        packages: Versions of runtimes that are installed, by package.
        programs: Where programs are, by name; for people alone.
        boot_id: Another after each boot.
        uid: The user's number.
        holder: Who has the device for itself; empty if nobody has.
    """

    python: Words
    platform: Words
    bits: Literal[32, 64]
    glibc: Words
    machine: Words
    kernel: Words
    model: Words
    l4t: Words
    cpus: Annotated[int, Meta(ge=1, le=2**20)]
    memory_bytes: Count | None
    available_bytes: Count | None
    disk_free_bytes: Count
    governor: Words
    temperatures_c: Annotated[
        dict[Words, Annotated[float, Meta(ge=-273.15, le=1000)]], Meta(max_length=1000)
    ]
    packages: Table
    programs: Table
    boot_id: Words
    uid: Count
    holder: Words


class Lock(_Checked, frozen=True):
    """Who has a device.

    Attributes:
        held: Whether it is who asked.
        owner: Who it is.
        left_s: Seconds until it is free at the latest; 0 while a job runs.
    """

    held: bool
    owner: Words
    left_s: Seconds


class Unlocked(_Checked, frozen=True):
    """Whether a device was given back; not if it was somebody else's."""

    released: bool


class Unpacked(_Checked, frozen=True):
    """Whether a bundle is there to be used; if not, its archive must still be pushed."""

    there: bool


class Made(_Checked, frozen=True):
    """Digests of the files that must still be pushed."""

    missing: list[Sha256]


class Swept(_Checked, frozen=True):
    """Ids of the jobs that were to go and are still there."""

    left: list[Words]


class Output(_Checked, frozen=True):
    """A file that a job wrote.

    Attributes:
        size_bytes: Its size.
        sha256: Its digest.
    """

    size_bytes: Count
    sha256: Sha256


class Result(_Checked, frozen=True):
    """How a job ended.

    Attributes:
        reason: `exit` (by itself), `signal`, `oom` (the kernel ended it for want of memory),
            `timeout`, `cancelled`, `lease` (no host asked for it any more) or `exec` (it could
            not be started).
        error: Why it could not be started.
        status: Exit status, if it exited.
        signal: Number of the signal that ended it, if one did.
        wall_s: How long it ran.
        peak_bytes: The most memory that one of its processes was resident in; never less than
            what it takes to start one.
        strays: Processes that it left behind, which were ended.
        all_ended: Whether nothing of it runs any more.
        disk_full: Whether something could not be written.
        kept_bytes: Bytes of each stream that are there.
        dropped_bytes: Bytes of each stream that were too many.
        supervisor_cpu_s: CPU time of what watched over it.
        tail: The last that it wrote to standard error.
        outputs: The files that it was to write and did, by name.
    """

    reason: Reason
    error: Words
    status: Annotated[int, Meta(ge=0, le=255)] | None
    signal: Annotated[int, Meta(ge=1, le=127)] | None
    wall_s: Seconds
    peak_bytes: Count
    strays: Count
    all_ended: bool
    disk_full: bool
    kept_bytes: dict[Stream, Count]
    dropped_bytes: dict[Stream, Count]
    supervisor_cpu_s: Seconds
    tail: Annotated[str, Meta(max_length=4096)]
    outputs: Annotated[dict[Name, Output], Meta(max_length=100)]

    def __post_init__(self) -> None:
        told = {"exit": self.status, "signal": self.signal, "oom": self.signal}
        if told.get(self.reason, 0) is None or None not in (self.status, self.signal):
            raise ValueError("a result contradicts itself")


class State(_Checked, frozen=True):
    """How a job is.

    Attributes:
        state: `unknown`, `prepared`, `running`, `done` or `lost`.
        age_s: For how long it has been running.
        why: How it was lost.
        result: How it ended.
    """

    state: Literal["unknown", "prepared", "running", "done", "lost"]
    age_s: Seconds | None = None
    why: Literal["rebooted", "supervisor died"] | None = None
    result: Result | None = None

    def __post_init__(self) -> None:
        if (self.state == "done") != (self.result is not None):
            raise ValueError("a job without a result is done, or one with a result isn't")


class Part(_Checked, frozen=True):
    """The next bytes of a stream or of an output.

    Attributes:
        data: The bytes.
        next: Where the following begin.
        state: How the job was before they were read.
    """

    data: bytes
    next: Count
    state: Literal["prepared", "running", "done", "lost"]


class Refusal(_Checked, frozen=True):
    """Why a request wasn't granted.

    Attributes:
        kind: For programs.
        message: For people.
    """

    kind: Words
    message: Words

    def error(self, op: str) -> DeviceError:
        """The error that it is here."""
        words = shown(self.message)
        if self.kind == "busy":
            return DeviceBusy(words, hint="wait until it is free; two at once spoil both results")
        if self.kind == "disk":
            return Incompatible(f"the device's disk is full: {words}", hint="free some room there")
        hint = "run it again; report it if it stays"
        return DeviceError(f"the device refuses to {op}: {words}", hint=hint)


def failure(result: Result, timeout_s: float) -> DeviceError | None:
    """The error that an ended job is, or None if it is none.

    Args:
        result: How it ended.
        timeout_s: What it was allowed, in seconds.
    """
    tail = printable(result.tail)
    if result.disk_full:
        hint = "free some room there"
        return Incompatible("the device's disk was full", hint=hint, stderr_tail=tail)
    if result.reason == "lease":
        message = "the device heard nothing of this host for too long and ended the job"
        return LinkLost(message, hint="run it again when the network is up", stderr_tail=tail)
    if result.reason == "exit" and result.status == 0:
        return workers.endless(tail) if result.dropped_bytes.get("stdout") else None
    if result.reason == "timeout":
        return workers.too_slow(timeout_s, tail)
    if result.reason in {"exit", "signal"}:
        return workers.crashed(result.status or -(result.signal or 0), tail)
    message, hint = {
        "oom": ("the device had not enough memory", "try a smaller batch or a smaller model"),
        "cancelled": ("the job was cancelled", "run it again"),
        "exec": (f"it can't start: {shown(result.error)}", "is the program there?"),
    }[result.reason]
    return DeviceError(message, hint=hint, stderr_tail=tail)


def shown(text: str) -> str:
    """A device's text, fit to be shown."""
    return one_line(text)[:_SHOWN]
