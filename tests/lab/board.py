"""An arm64 board: Debian's arm64 programs, run by an emulator, in namespaces of their own.

What it computes is what a real one computes; how long that takes says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.lab import jetson, parts
from tests.lab.cgroups import Cgroup
from tests.lab.machine import Layout, Machine, system
from tests.lab.network import SSH_PORT, Device, Network, Place
from tests.lab.sshd import Sshd

# Without it the emulator makes a CPU with every extension there is, which is half as fast.
_CPU = "cortex-a76"
_DEVICES = ("null", "zero", "random", "urandom", "full", "tty")
_PACKAGES = f"usr/local/lib/python{parts.PYTHON}/dist-packages"


@dataclass
class Board:
    """A device whose programs are arm64 ones, with a Jetson's /sys.

    Attributes:
        device: The device, as others are.
        warmth: What moves its temperatures.
        sys: Its /sys, as it is seen from outside.
    """

    device: Device[Sshd]
    warmth: jetson.Warmth
    sys: Path


def add(network: Network, name: str, *, user: str = "ek", runtimes: bool = True) -> Board:
    """Cable an arm64 board to the host and boot it.

    Args:
        network: Whose host.
        name: Its host name.
        user: Who may log in.
        runtimes: Whether its Python has ONNX Runtime and NumPy.

    Raises:
        CannotGetError: A part of it can't be downloaded.
    """
    emulator, root = parts.emulator(), parts.arm_system()
    wheels = parts.arm_wheels() if runtimes else None
    place = network.place(name)
    sys = jetson.make(place.folder / "tree")
    group = Cgroup(name)
    layout = Layout(
        folder=place.folder,
        root=new(place.folder / "root"),
        network=place.namespace.path,
        own_users=True,
        group=group,
        env={"QEMU_CPU": _CPU},
    )
    layout.commands += [
        ["mount", "--bind", str(root), str(layout.root)],
        # The cached system is every board's.
        ["mount", "-o", "remount,bind,ro", str(layout.root)],
        *_formats(new(place.folder / "formats"), emulator),
        *devices(layout.root / "dev"),
        ["mount", "--bind", str(sys), str(layout.root / "sys")],
        *system(place.folder, layout.root),
        ["mount", "-t", "tmpfs", "-o", "mode=1777", "tmp", str(layout.root / "tmp")],
    ]
    if wheels is not None:
        layout.commands.append(["mount", "--bind", str(wheels), str(layout.root / _PACKAGES)])

    def server(machine: Machine, place: Place) -> Sshd:
        return Sshd(machine, address=place.wire.address, port=SSH_PORT, user=user)

    device = network.boot(place, layout, server)
    warmth = jetson.Warmth(sys, group)
    network.closing.callback(warmth.close)
    return Board(device, warmth, sys)


def _formats(folder: Path, emulator: Path) -> list[list[str]]:
    # 64-bit little-endian ELF programs and libraries for machine 0xb7, which is aarch64. O opens
    # the program for the emulator, C takes the program's rights, F opens the emulator now: it is
    # outside the board's root.
    magic = r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00\xb7\x00"
    mask = r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe\xff\xff\xff"
    entry = f":qemu-aarch64:M::{magic}:{mask}:{emulator}:OCF"
    register = ["sh", "-c", 'printf %s "$1" > "$2"', "sh", entry, str(folder / "register")]
    return [["mount", "-t", "binfmt_misc", "formats", str(folder)], register]


def devices(dev: Path) -> list[list[str]]:
    """What makes a /dev that has what programs expect."""
    files = [str(dev / name) for name in _DEVICES]
    links = [["mount", "--bind", f"/dev/{path.name}", str(path)] for path in map(Path, files)]
    return [
        ["mount", "-t", "tmpfs", "dev", str(dev)],
        ["touch", *files],
        *links,
        ["mkdir", "-m", "1777", str(dev / "shm")],
        ["mkdir", str(dev / "pts")],
        ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=666", "devpts", str(dev / "pts")],
        ["ln", "-s", "pts/ptmx", str(dev / "ptmx")],
        ["ln", "-s", "/proc/self/fd", str(dev / "fd")],
    ]


def new(folder: Path) -> Path:
    """Make a folder, and give it."""
    folder.mkdir()
    return folder
