"""A host and devices in network namespaces of their own, with a cable from the host to each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tests.lab.cgroups import Cgroup
from tests.lab.machine import Layout, Machine, system
from tests.lab.sshd import Sshd
from tests.lab.wire import Namespace, Wire

SSH_PORT = 2222


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
        self.group.thaw()

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
