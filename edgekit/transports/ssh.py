"""Devices that are reached over SSH: nothing is installed there, and no port is opened."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import asyncssh

from edgekit import inventory
from edgekit.errors import DeviceError, LinkLost
from edgekit.records import Device
from edgekit.records.devices import DeviceFacts, HostKey
from edgekit.records.devicespec import DeviceSpec
from edgekit.text import printable
from edgekit.transports import OWNER, cargo, shell
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.background import Background
from edgekit.transports.remote import RemoteLink, facts
from edgekit.transports.sshlogin import CONNECT_S, LOGIN_S, login, offered, unreachable
from edgekit.transports.visit import Visit

_CHUNK_BYTES = 2**16
_START_S = 30.0
# Of one piece that is sent: a link that stands still this long is as good as broken.
_SEND_S = 60.0
_COMPLAINT_PIECES = 16
_COMPLAINT_BYTES = 2**12
_COMPLAINT_S = 2.0


class SshProcess:
    """A program on a device.

    Args:
        loop: What its connection lives in.
        process: The program.
    """

    def __init__(self, loop: Background, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._loop = loop
        self._process = process
        self._said: deque[bytes] = deque(maxlen=_COMPLAINT_PIECES)
        self._listening: asyncio.Task[None] | None = None

    def send(self, line: bytes) -> None:
        """Send bytes to its standard input, and return when there is room for more.

        Raises:
            LinkLost: The link broke, or takes nothing.
        """

        async def send() -> None:
            self._process.stdin.write(line)
            await self._process.stdin.drain()

        self._do(send(), _SEND_S)

    def receive(self, deadline_s: float) -> bytes:
        """Some bytes of its standard output; none at its end.

        Args:
            deadline_s: Until when to wait, in seconds of the monotonic clock.

        Raises:
            LinkLost: The link broke, or nothing came.
        """
        left_s = deadline_s - time.monotonic()
        data: bytes = self._do(self._process.stdout.read(_CHUNK_BYTES), left_s)
        return data

    def status(self, deadline_s: float) -> int | None:
        """Its exit status, the negative of a signal's number; None if it has none by then."""
        with contextlib.suppress(LinkLost):
            self._do(self._process.wait_closed(), deadline_s - time.monotonic())
        return self._process.returncode

    def complaint(self) -> str:
        """The last that it wrote to standard error."""
        with contextlib.suppress(LinkLost):
            self._do(self._process.wait_closed(), _COMPLAINT_S)
        return printable(b"".join(self._said)[-_COMPLAINT_BYTES:].decode(errors="replace"))

    def close(self) -> None:
        """Let go of it: its standard input ends."""
        with contextlib.suppress(LinkLost):
            self._do(_closed(self._process), _SEND_S)

    def listen(self) -> None:
        """Read its standard error from now on, so that it never waits for that."""
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            while piece := await self._process.stderr.read(_CHUNK_BYTES):
                self._said.append(piece[-_COMPLAINT_BYTES:])

    def _do(self, work: Any, timeout_s: float) -> Any:
        try:
            return self._loop.do(work, timeout_s)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise unreachable("the device", error) from error


class SshMachine:
    """A device over SSH, connected whenever it has to be.

    Args:
        name: Its name in the inventory.
        spec: Its entry.

    Attributes:
        was_reached: Whether it ever was.
    """

    def __init__(self, name: str, spec: DeviceSpec) -> None:
        self.was_reached = False
        self._name = name
        self._spec = spec
        self._loop = Background()
        self._guard = threading.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._is_closed = False

    def start(self, argv: Sequence[str]) -> SshProcess:
        """Start a program; no word of `argv` means anything to the shell there.

        Raises:
            LinkLost: The device can't be reached.
            DeviceError: It doesn't let us in, or isn't the device.
        """
        with self._guard:
            try:
                return self._loop.do(self._start(shlex.join(argv)), CONNECT_S + LOGIN_S + _START_S)
            except (OSError, asyncssh.Error, TimeoutError) as error:
                if self._is_closed:
                    raise DeviceError("the link was closed", hint="run it again") from error
                # Another try needs another connection.
                self._let_go()
                raise unreachable(self._name, error) from error

    def agent(self) -> SshProcess:
        """Start an agent there, brought if it isn't there yet.

        Raises:
            LinkLost: The device can't be reached.
            DeviceError: It can't be used.
        """
        item, python = cargo.agent(), self._spec.python
        root = shell.bring(self, python, self._spec.work_dir, [item])
        return self.start([python, "-I", f"{root}/{item.path}"])

    def close(self) -> None:
        """Break the link for good. What runs there detached runs on."""
        self._is_closed = True
        self._let_go()
        self._loop.close()

    async def _start(self, command: str) -> SshProcess:
        if self._connection is None or self._connection.is_closed():
            self._connection = await login(self._name, self._spec)
            self.was_reached = True
        process = await self._connection.create_process(
            f"exec {command}", encoding=None, request_pty=False
        )
        started = SshProcess(self._loop, process)
        started.listen()
        return started

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, TimeoutError):
                self._loop.do(_aborted(connection), _SEND_S)


class Ssh:
    """Opens links to devices of the inventory."""

    def open(self, device: Device, owner: str = OWNER) -> RemoteLink:
        """A link; nothing is connected yet.

        Raises:
            UsageError: The inventory has no such device.
        """
        spec = inventory.find(device.name)
        return RemoteLink(Visit(SshMachine(device.name, spec), spec, owner))

    def host_key(self, address: str) -> HostKey:
        """The host key that the machine at `address` offers, right or wrong.

        Raises:
            LinkLost: It can't be reached.
        """
        loop = Background()
        try:
            return loop.do(offered(address), CONNECT_S + LOGIN_S)
        except TimeoutError as error:
            raise unreachable(address, error) from error
        finally:
            loop.close()

    def probe(self, device: Device) -> DeviceFacts:
        """What `device` says of itself.

        Raises:
            DeviceError: It can't be reached, or answers in no language of ours.
        """
        spec = inventory.find(device.name)
        machine = SshMachine(device.name, spec)
        client = AgentClient(machine.agent, patience_s=0.0)
        try:
            return facts(client.probe(system=spec.root))
        finally:
            client.close()
            machine.close()


async def _closed(process: asyncssh.SSHClientProcess[bytes]) -> None:
    process.close()


async def _aborted(connection: asyncssh.SSHClientConnection) -> None:
    connection.abort()


TRANSPORT = Ssh()
