"""A phone: a real adbd with Android's shell and its tools, and Android's folders and commands.

Its programs are this machine's kind, not arm64. It has no Python.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests import system_trees
from tests.lab import parts
from tests.lab.board import devices, new
from tests.lab.cgroups import Cgroup
from tests.lab.machine import Layout, Machine
from tests.lab.network import Device, Network, Place

_PORT = 5555
_DEADLINE_S = 30
_DAEMON = "/opt/adbd/usr/lib/android-sdk/platform-tools/adbd"
_LIBRARIES = "/opt/adbd/usr/lib/x86_64-linux-gnu"
_TOOLS = (
    "basename", "cat", "chmod", "cp", "cut", "date", "df", "dirname", "du", "echo", "env", "false",
    "free", "grep", "head", "id", "kill", "ln", "ls", "md5sum", "mkdir", "mount", "mv", "nohup",
    "nproc", "pgrep", "pkill", "printf", "ps", "readlink", "rm", "rmdir", "sed", "seq", "setsid",
    "sha256sum", "sleep", "sort", "stat", "tail", "taskset", "test", "timeout", "touch", "tr",
    "true", "uname", "uptime", "wc",
)  # fmt: skip
_COMMANDS = {
    "getprop": "#!/system/bin/sh\n"
    '[ $# -gt 0 ] && exec sed -n "s/^$1=//p" /system/properties\n'
    "exec sed 's/^\\([^=]*\\)=\\(.*\\)$/[\\1]: [\\2]/' /system/properties\n",
    "dumpsys": '#!/system/bin/sh\nexec cat "/system/dumpsys/$1"\n',
}
PROPERTIES = {
    "ro.product.cpu.abi": "x86_64",
    "ro.product.cpu.abilist": "x86_64",
    "ro.product.model": "Made Phone",
    "ro.soc.model": "MADE1",
    "ro.build.version.sdk": "34",
    "ro.build.version.release": "14",
    "ro.serialno": "EKMADE01",
    "sys.boot_completed": "1",
}
# Shapes after Android's public source; recorded on no phone.
_SERVICES = {
    "battery": "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n"
    "  status: 3\n  level: 87\n  scale: 100\n  temperature: 312\n",
    "thermalservice": "IsStatusOverride: false\nThermal Status: 0\n"
    "Current temperatures from HAL:\n"
    "\tTemperature{mValue=38.4, mType=3, mName=skin, mStatus=0}\n"
    "\tTemperature{mValue=41.2, mType=0, mName=cpu0, mStatus=0}\n",
}


class Adbd:
    """The daemon on the phone, and the client's commands for it.

    Args:
        machine: The phone.
        address: Its IPv4 address.
        host: The machine that the client and its server run on.
    """

    def __init__(self, machine: Machine, address: str, host: Machine) -> None:
        self.machine = machine
        self.serial = f"{address}:{_PORT}"
        self._host = host

    @property
    def system(self) -> Path:
        """The phone's /system, as it is seen from outside: `properties` and `dumpsys/` are files."""
        return self.machine.folder / "system"

    @property
    def data(self) -> Path:
        """The phone's /data, as it is seen from outside."""
        return self.machine.folder / "data"

    def start(self) -> None:
        """Start the daemon, and wait until it listens.

        Raises:
            TimeoutError: It doesn't; what it said is the message.
        """
        env = {
            "PATH": "/system/bin",
            "SHELL": "/system/bin/sh",
            "HOME": "/",
            "TMPDIR": "/data/local/tmp",
            "ADBD_PORT": str(_PORT),
            "LD_LIBRARY_PATH": f"{_LIBRARIES}/android:{_LIBRARIES}",
        }
        log = self.machine.spawn([_DAEMON], log="adbd.log", env=env)
        end_s = time.monotonic() + _DEADLINE_S
        # In /proc/net/tcp6 a listening socket's state is 0A.
        while f":{_PORT:04X} " not in self._listening():
            if time.monotonic() > end_s:
                raise TimeoutError(log.read_text() if log.exists() else "adbd did not start")
            time.sleep(0.01)

    def kill(self) -> None:
        """End the daemon at once. What its shells started in a session of its own goes on."""
        self.machine.kill("adbd")

    def command(self, *argv: str) -> list[str]:
        """The command line of the client for this phone, as it is run from outside the host."""
        return self._host.enter(*self._client, "-s", self.serial, *argv)

    def connect(self) -> None:
        """Have the client's server connect, anew if it was connected."""
        for verb in ("disconnect", "connect"):
            command = self._host.enter(*self._client, verb, self.serial)
            subprocess.run(command, capture_output=True, check=False, timeout=_DEADLINE_S)

    @property
    def _client(self) -> list[str]:
        return ["env", "HOME=/srv/root", "TMPDIR=/srv/root", "adb"]

    def _listening(self) -> str:
        tables = [self.machine.proc / f"net/{name}" for name in ("tcp", "tcp6")]
        lines = [line for table in tables for line in table.read_text().splitlines()]
        return " ".join(f"{line.split()[1]} " for line in lines if " 0A " in line)


def add(network: Network, name: str) -> Device[Adbd]:
    """Cable a phone to the host and boot it.

    Raises:
        CannotGetError: A part of it can't be downloaded.
    """
    adbd = parts.adbd()
    place = network.place(name)
    layout = Layout(
        folder=place.folder,
        root=new(place.folder / "root"),
        network=place.namespace.path,
        group=Cgroup(name),
    )
    _write_system(place.folder / "system", adbd)
    (place.folder / "data/local/tmp").mkdir(parents=True)
    sys = system_trees.quiet(place.folder / "tree") / "sys"
    layout.commands += _mounts(layout.root, place.folder, adbd, sys)

    def server(machine: Machine, place: Place) -> Adbd:
        return Adbd(machine, place.wire.address, network.host)

    return network.boot(place, layout, server)


def _mounts(root: Path, folder: Path, adbd: Path, sys: Path) -> list[list[str]]:
    folders = ("usr", "proc", "sys", "dev", "etc", "opt/adbd", "system", "data")
    bound = {"usr": Path("/usr"), "opt/adbd": adbd}
    return [
        ["mount", "-t", "tmpfs", "phone", str(root)],
        ["mkdir", "-p", *(str(root / name) for name in folders)],
        *(
            ["ln", "-s", f"usr/{name}", str(root / name)]
            for name in ("bin", "sbin", "lib", "lib64")
        ),
        *(["mount", "--bind", str(path), str(root / name)] for name, path in bound.items()),
        *(["mount", "-o", "remount,bind,ro", str(root / name)] for name in bound),
        ["mount", "-t", "proc", "proc", str(root / "proc")],
        ["mount", "--bind", str(folder / "boot_id"), str(root / "proc/sys/kernel/random/boot_id")],
        *devices(root / "dev"),
        ["mount", "--bind", str(sys), str(root / "sys")],
        ["mount", "--bind", str(folder / "system"), str(root / "system")],
        ["mount", "--bind", str(folder / "data"), str(root / "data")],
    ]


def _write_system(system: Path, adbd: Path) -> None:
    programs = system / "bin"
    programs.mkdir(parents=True)
    for name, program in (("sh", "mksh"), ("toybox", "toybox")):
        found = next(path for path in adbd.rglob(program) if path.parent.name == "bin")
        (programs / name).symlink_to(Path("/opt/adbd") / found.relative_to(adbd))
    for name in _TOOLS:
        (programs / name).symlink_to("toybox")
    for name, text in _COMMANDS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (system / "properties").write_text("".join(f"{k}={v}\n" for k, v in PROPERTIES.items()))
    system_trees.write(system / "dumpsys", _SERVICES)
