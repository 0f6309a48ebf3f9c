"""A real OpenSSH server on a made machine, with keys of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edgekit.records.devicespec import WORK_DIR, DeviceSpec
from tests.lab.machine import USER, Machine

_DEADLINE_S = 60
_PROGRAM = "/usr/sbin/sshd"
_LISTENING = "Server listening on"
LOOPBACK = "127.0.0.1"


class Sshd:
    """Answers at one address, lets one user in, by one key.

    Args:
        machine: Where it runs.
        address: Where it listens, as an IPv4 address.
        port: Its TCP port.
        user: Who may log in: `machine.USER` or root.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        address: str = LOOPBACK,
        port: int | None = None,
        user: str = USER,
    ) -> None:
        self.machine = machine
        self.address = address
        self.port = port or free_port()
        self.user = user
        self._folder = machine.folder / "ssh"
        self.client_key = machine.folder / "client_key"
        if not self.client_key.exists():
            new_key(self.client_key)
        self.change_host_key()
        (self._folder / "authorized_keys").write_bytes(_public(self.client_key).read_bytes())
        (self._folder / "sshd_config").write_text(self._config())

    @property
    def host_key(self) -> str:
        """Type and value of the public host key, as known_hosts has them."""
        return _without_comment(_public(self._folder / "host_key"))

    @property
    def fingerprint(self) -> str:
        """The host key's, as `ssh` shows it: `SHA256:...`."""
        return _keygen("-l", "-f", str(_public(self._folder / "host_key"))).split()[1]

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file that has its host key."""
        return f"[{self.address}]:{self.port} {self.host_key}\n"

    @property
    def home(self) -> Path:
        """The user's home folder, as it is seen from outside."""
        return self.machine.folder / "home" / self.user

    @property
    def login(self) -> str:
        """Where edgekit reaches it: `user@address:port`."""
        return f"{self.user}@{self.address}:{self.port}"

    @property
    def work_dir(self) -> Path:
        """The folder that edgekit works in there, as it is seen from outside."""
        return self.home / WORK_DIR.removeprefix("~/")

    def spec(self, **fields: Any) -> DeviceSpec:
        """This server as a device of an inventory, with its host key."""
        # Another user may not get to this Python's folder, and a board has none but its own.
        own = self.user == "root" and self.machine.layout.root == Path("/")
        python = sys.executable if own else "/usr/bin/python3"
        known = {"address": self.login, "host_key": self.host_key, "python": python}
        return DeviceSpec.of(**{**known, **fields})

    def let_in(self, home: Path) -> None:
        """Let whoever has this home folder log in, by the key in it."""
        key = home / ".ssh/id_ed25519"
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            new_key(key)
        with (self._folder / "authorized_keys").open("a") as file:
            file.write(_public(key).read_text())

    def change_host_key(self, kind: str = "ed25519") -> None:
        """Make a new host key; a server that runs has it after a restart."""
        for path in (self._folder / "host_key", _public(self._folder / "host_key")):
            path.unlink(missing_ok=True)
        new_key(self._folder / "host_key", kind)

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            TimeoutError: It doesn't; what it said is the message.
        """
        log = self.machine.folder / "sshd.log"
        before = log.read_text().count(_LISTENING) if log.exists() else 0
        argv = [_PROGRAM, "-D", "-e", "-f", "/etc/ssh/sshd_config"]
        self.machine.spawn(argv, log=log.name)
        end_s = time.monotonic() + _DEADLINE_S
        while not log.exists() or log.read_text().count(_LISTENING) == before:
            if time.monotonic() > end_s:
                raise TimeoutError(log.read_text() if log.exists() else "sshd did not start")
            time.sleep(0.005)

    def kill(self) -> None:
        """End the server and its sessions at once. What the sessions started goes on."""
        self.machine.kill("sshd")

    def restart(self) -> None:
        """Kill it, and start it again."""
        self.kill()
        self.start()

    def command(self, *argv: str) -> list[str]:
        """The command line of OpenSSH's client that runs a command there."""
        known = self.machine.folder / "known_hosts"
        known.write_text(self.known_host)
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={known}",
            "IdentitiesOnly=yes",
            "ConnectTimeout=10",
        ]
        flags = [word for option in options for word in ("-o", option)]
        login = f"{self.user}@{self.address}"
        return [
            *("ssh", "-F", "none", "-T", *flags, "-i", str(self.client_key)),
            *("-p", str(self.port), login, *argv),
        ]

    def _config(self) -> str:
        variables = " ".join(f"{name}={value}" for name, value in self.machine.layout.env.items())
        lines = [
            f"ListenAddress {self.address}:{self.port}",
            "HostKey /etc/ssh/host_key",
            "AuthorizedKeysFile /etc/ssh/authorized_keys",
            "PidFile none",
            # The folder of the tests may belong to somebody else than the user.
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            f"AllowUsers {self.user}",
            "AllowTcpForwarding yes",
            "Subsystem sftp internal-sftp",
            "PrintMotd no",
            *([f"SetEnv {variables}"] if variables else []),
        ]
        return "".join(f"{line}\n" for line in lines)


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def new_key(path: Path, kind: str = "ed25519") -> str:
    """Make a pair of keys, and give type and value of the public one."""
    _keygen("-q", "-t", kind, "-N", "", "-C", "lab", "-f", str(path))
    return _without_comment(_public(path))


def _public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def _without_comment(public: Path) -> str:
    kind, value, *_ = public.read_text().split()
    return f"{kind} {value}"


def _keygen(*arguments: str) -> str:
    done = subprocess.run(["ssh-keygen", *arguments], capture_output=True, text=True, check=True)
    return done.stdout
