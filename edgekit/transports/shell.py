"""Programs on a device, and files that go there by means of one."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from edgekit.errors import DataError, Incompatible, LinkLost
from edgekit.transports.agentanswers import shown
from edgekit.transports.agentchannel import Channel, decoded, unintelligible
from edgekit.transports.cargo import Item

_COURIER = Path(__file__).with_name("courier.py")
_CHUNK_BYTES = 2**18
_MOST_LINE_BYTES = 2**20
_MOST_GREETING_LINES = 100  # of a login script
# What a slow link brings at least, beside the time that anything takes.
_LEAST_BYTES_PER_S = 20_000
_SLACK_S = 60.0
# The worker's; what brings it there and watches over it is content with 3.6.
LEAST_PYTHON = (3, 8)
_NOT_FOUND = (126, 127)


class Process(Channel, Protocol):
    """A program that runs on a device."""

    def status(self, deadline_s: float) -> int | None:
        """Its exit status; None if it has none by then, or the link broke before it ended."""
        ...

    def complaint(self) -> str:
        """The last that it wrote to standard error, fit to be shown."""
        ...


class Shell(Protocol):
    """A device that programs can be started on."""

    def start(self, argv: Sequence[str]) -> Process:
        """Start a program; no word of `argv` means anything to a shell.

        Raises:
            LinkLost: The device can't be reached.
        """
        ...


class _Asked(msgspec.Struct):
    """What the courier answers first."""

    root: str = ""
    missing: list[int] = msgspec.field(default_factory=list)
    python: list[int] = msgspec.field(default_factory=list)
    refused: str = ""


class _Done(msgspec.Struct):
    """What the courier answers when it has taken everything in."""

    received: int = -1
    refused: str = ""


def bring(shell: Shell, python: str, work_dir: str, items: Sequence[Item]) -> str:
    """Bring what isn't there yet; each file is there whole or not at all.

    Args:
        shell: The device.
        python: Its Python.
        work_dir: The folder there that edgekit works in.
        items: The files.

    Returns:
        That folder's absolute path on the device, for nothing but to be sent back to it.

    Raises:
        LinkLost: The link broke; what was brought by then is there.
        Incompatible: The device has no Python that is new enough, or no room.
        DeviceError: It answers in no language of ours.
    """
    # On one line and of plain letters: shells disagree on what else may stand between quotes.
    source = base64.b64encode(_COURIER.read_bytes()).decode()
    program = f'import base64; exec(base64.b64decode("{source}"))'
    process = shell.start([python, "-I", "-c", program, work_dir])
    try:
        answers = _Answers(process)
        files = [[item.path, item.size_bytes, item.sha256] for item in items]
        # A program that has ended already takes nothing; what it says tells why.
        with contextlib.suppress(LinkLost):
            process.send(msgspec.json.encode(files) + b"\n")
        asked = decoded(answers.first(python), _Asked)
        _check(asked, len(items))
        missing = [items[number] for number in asked.missing]
        until_s = time.monotonic() + _SLACK_S
        until_s += sum(item.size_bytes for item in missing) / _LEAST_BYTES_PER_S
        # One that takes no more says why.
        with contextlib.suppress(LinkLost):
            for item in missing:
                _send(process, item, until_s)
        done = decoded(answers.line(until_s), _Done)
    finally:
        process.close()
    if done.refused or done.received != len(missing):
        raise Incompatible(
            f"the device didn't take the files: {shown(done.refused)}",
            hint="is its disk full? another: `edgekit devices add ... --work-dir /mnt/edgekit`",
        )
    return asked.root


class _Answers:
    """The lines that the courier writes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._rest = bytearray()

    def first(self, python: str) -> bytes:
        """The first line that is an object; what a login script says is passed over.

        Raises:
            Incompatible: There is no such Python.
        """
        until_s = time.monotonic() + _SLACK_S
        try:
            for _ in range(_MOST_GREETING_LINES):
                line = self.line(until_s)
                if line.startswith(b"{"):
                    return line
        except LinkLost as error:
            status = self._process.status(until_s)
            if status is None:
                raise
            raise _no_python(python, status, self._process.complaint()) from error
        raise unintelligible("it greets without end")

    def line(self, deadline_s: float) -> bytes:
        """The next line, without its end."""
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > _MOST_LINE_BYTES:
                raise unintelligible(f"a line has more than {_MOST_LINE_BYTES} bytes")
            data = self._process.receive(deadline_s)
            if not data:
                raise LinkLost(
                    "the device broke off", hint="is it still on, and is the network up?"
                )
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line


def _no_python(python: str, status: int, complaint: str) -> Incompatible:
    least = ".".join(map(str, LEAST_PYTHON))
    words = f"there is no {python}" if status in _NOT_FOUND else f"{python} failed"
    return Incompatible(
        f"{words} on the device (exit status {status})",
        hint=f"Python {least} or newer must be there; name it with "
        "`edgekit devices add ... --python /usr/bin/python3.8`",
        stderr_tail=complaint,
    )


def _check(asked: _Asked, count: int) -> None:
    """Refuse an answer that isn't one, and a device that can't be used."""
    if asked.refused:
        raise Incompatible(
            f"the device takes no files: {shown(asked.refused)}",
            hint="another folder: `edgekit devices add ... --work-dir /mnt/disk/edgekit`",
        )
    if not asked.root.startswith("/") or not asked.root.isprintable():
        raise unintelligible("its folder is no path")
    if any(not 0 <= number < count for number in asked.missing):
        raise unintelligible("it lacks a file that nobody named")
    if len(set(asked.missing)) != len(asked.missing):
        raise unintelligible("it lacks a file twice")
    if tuple(asked.python[:2]) < LEAST_PYTHON:
        found, least = (".".join(map(str, part)) for part in (asked.python[:3], LEAST_PYTHON))
        raise Incompatible(
            f"the device's Python is {found}; the worker needs {least}",
            hint="name a newer one with `edgekit devices add ... --python /usr/bin/python3.8`",
        )


def _send(process: Process, item: Item, until_s: float) -> None:
    left = item.size_bytes
    with item.open() as file:
        while left and (chunk := file.read(min(_CHUNK_BYTES, left))):
            process.send(chunk)
            left -= len(chunk)
            if time.monotonic() > until_s:
                raise LinkLost("the device takes files too slowly", hint="is the network up?")
    if left:
        raise DataError("a file was cut while it was sent", hint="run it again")
