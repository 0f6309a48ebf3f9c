"""A host and devices in network namespaces of their own, with a cable from the host to each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tests.lab import kernel
from tests.lab.cgroups import Cgroup
from tests.lab.machine import ROOT, Layout, Machine, system
from tests.lab.sshd import Sshd

_PROGRAM = [sys.executable, "-m", "tests.lab.wire_process"]
_DEADLINE_S = 10
SSH_PORT = 2222


class Namespace:
    """A network namespace without a name: it is gone with the process that holds it."""

    def __init__(self) -> None:
        # `cat` ends with this process, whatever ends it.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"up\n":
            raise RuntimeError("a network namespace could not be made")
        self.path = Path(f"/proc/{self._holder.pid}/ns/net")

    def ip(self, *arguments: str) -> None:
        """Run the command `ip` in it."""
        subprocess.run(["nsenter", f"--net={self.path}", "ip", *arguments], check=True)

    def inside(self) -> AbstractContextManager[None]:
        """Have this thread, and those it starts, open its sockets there."""
        return kernel.inside(self.path)

    def close(self) -> None:
        """Let go of it."""
        _end(self._holder)


class Wire:
    """The cable between two namespaces.

    Args:
        near: One end.
        far: The other.
        subnet: Third number of its addresses: 10.77.SUBNET.1 is near, 10.77.SUBNET.2 far.
    """

    def __init__(self, near: Namespace, far: Namespace, subnet: int) -> None:
        self._process = subprocess.Popen(
            [*_PROGRAM, str(near.path), f"wire{subnet}", str(far.path), "wire0"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()
        self.address = f"10.77.{subnet}.2"
        for end, name, address in (
            (near, f"wire{subnet}", f"10.77.{subnet}.1"),
            (far, "wire0", self.address),
        ):
            end.ip("addr", "add", f"{address}/24", "dev", name)
            end.ip("link", "set", name, "up")

    def set(
        self,
        *,
        delay_ms: float = 0,
        jitter_ms: float = 0,
        loss: float = 0,
        mbit_per_s: float = 0,
    ) -> None:
        """Make it another cable, whole again if it was cut.

        Args:
            delay_ms: How long a packet takes, each way.
            jitter_ms: Up to how much longer; it changes the order of packets.
            loss: Share of the packets that is lost, each way.
            mbit_per_s: What goes through it, each way; 0 is as much as it can.
        """
        self._say(
            delay_ms=delay_ms, jitter_ms=jitter_ms, loss=loss, mbit_per_s=mbit_per_s, cut=False
        )

    def cut(self) -> None:
        """Lose every packet from now on, and those on their way; neither end is told."""
        self._say(cut=True)

    def mend(self) -> None:
        """Undo `cut`."""
        self._say(cut=False)

    def counts(self) -> dict[str, int]:
        """Packets so far that `passed`, were `lost`, met a `cut` cable, or `overflowed`."""
        return self._say()

    def close(self) -> None:
        """Take it away."""
        _end(self._process)

    def _say(self, **settings: float | bool) -> dict[str, int]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._read())
        return counts

    def _read(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the cable's process ended")
        return line


class Server(Protocol):
    """What a device is reached by."""

    def start(self) -> None:
        """Start it and wait until it listens."""


ServerT = TypeVar("ServerT", bound=Server)


@dataclass
class Device(Generic[ServerT]):
    """A machine at the far end of a cable, with its server."""

    name: str
    machine: Machine
    server: ServerT
    wire: Wire
    group: Cgroup
    namespace: Namespace

    def boot(self) -> None:
        """Start the machine and its server."""
        self.machine.start()
        self.server.start()

    def lose_power(self) -> None:
        """End everything on it at once, so that the other side hears nothing of it."""
        self.wire.cut()
        self.machine.power_cut()

    def regain_power(self) -> None:
        """Boot again, on the same disk."""
        self.boot()
        self.wire.mend()


class Network:
    """A host, and the devices that are cabled to it. None has a way to anywhere else.

    Attributes:
        host: The machine of the one who measures, with process ids of its own: a server that a
            command leaves behind ends with it.
        closing: What is undone when it is closed, last first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.closing = ExitStack()
        self.namespace = Namespace()
        self.closing.callback(self.namespace.close)
        self._subnets = 0
        self.host = Machine(
            Layout(
                folder=_new(folder / "host"),
                commands=system(folder / "host", Path("/")),
                network=self.namespace.path,
            )
        )
        self.closing.callback(self.host.power_cut)
        self.host.start()

    def place(self, name: str) -> Place:
        """Where the next device goes: its folder, its namespace and its cable."""
        self._subnets += 1
        far = Namespace()
        self.closing.callback(far.close)
        wire = Wire(self.namespace, far, self._subnets)
        self.closing.callback(wire.close)
        return Place(name, _new(self._folder / name), far, wire)

    def add(
        self,
        name: str,
        *,
        user: str = "ek",
        memory_bytes: int | None = None,
        cpus: float | None = None,
        disk_bytes: int | None = None,
    ) -> Device[Sshd]:
        """Cable a device to the host and boot it: this machine's own kind, as it is.

        Args:
            name: Its host name.
            user: Who may log in.
            memory_bytes: How much memory it has.
            cpus: How many CPUs' time it has.
            disk_bytes: How much its user's home holds; as much as this machine has if it isn't
                given.
        """
        place = self.place(name)
        layout = Layout(
            folder=place.folder,
            commands=system(place.folder, Path("/"), disk_bytes=disk_bytes),
            network=place.namespace.path,
            group=Cgroup(name, memory_bytes=memory_bytes, cpus=cpus),
        )

        def server(machine: Machine, place: Place) -> Sshd:
            return Sshd(machine, address=place.wire.address, port=SSH_PORT, user=user)

        return self.boot(place, layout, server)

    def boot(
        self, place: Place, layout: Layout, server: Callable[[Machine, Place], ServerT]
    ) -> Device[ServerT]:
        """Boot a machine at a place.

        Args:
            place: Of `place`.
            layout: What the machine is made of; it has a group.
            server: Makes what it is reached by.
        """
        assert layout.group is not None
        self.closing.callback(layout.group.end)
        machine = Machine(layout)
        self.closing.callback(machine.power_cut)
        device = Device(
            name=place.name,
            machine=machine,
            server=server(machine, place),
            wire=place.wire,
            group=layout.group,
            namespace=place.namespace,
        )
        device.boot()
        return device

    def close(self) -> None:
        """Take everything away."""
        self.closing.close()


@dataclass
class Place:
    """The far end of a cable that nothing is connected to yet."""

    name: str
    folder: Path
    namespace: Namespace
    wire: Wire


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
