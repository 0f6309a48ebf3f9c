"""A real SSH server on loopback with keys of its own, and a user's home folder to log in from."""

from __future__ import annotations

import copy
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from edgekit.records.devicespec import DeviceSpec
from tests.needs import without

_PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_UP_S = 30.0
_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_{kind}
PidFile none
AuthorizedKeysFile {keys}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
PrintMotd no
Subsystem sftp internal-sftp
"""


def make_key(path: Path, kind: str = "ed25519") -> str:
    """Make a pair of keys and give the public one."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(path.name + ".pub").read_text().strip()


class Sshd:
    """A server; what is started here ends with it, and nothing else does.

    Args:
        folder: Where its keys lie.
    """

    def __init__(self, folder: Path) -> None:
        if _PROGRAM is None or shutil.which("ssh-keygen") is None:
            without("ssh", "no sshd here: apt-get install openssh-server")
        self._folder = folder
        folder.mkdir()
        self.host_key = make_key(folder / "host_ed25519")
        self.port = _free_port()
        self.user = getpass.getuser()
        self.home = folder / "home"
        (self.home / ".ssh").mkdir(parents=True)
        public = make_key(self.home / ".ssh/id_ed25519")
        (folder / "authorized_keys").write_text(public + "\n")
        self._keys = f"{folder}/authorized_keys"
        self.work_dir = folder / "work"
        self._server: subprocess.Popen[bytes] | None = None
        self.uid = os.geteuid()
        self._prefix: list[str] = []

    def other_user(self, folder: Path) -> Sshd:
        """Another server, which lets in a user whom only it knows. Needs root.

        Args:
            folder: Where that user's home will be; others must be able to get there.
        """
        other = copy.copy(self)
        other.user, other.uid, other.port = "edgekit-test", 61234, _free_port()
        home = folder / "home"
        (home / ".ssh").mkdir(parents=True)
        shutil.copy(self._folder / "authorized_keys", home / ".ssh/authorized_keys")
        folder.chmod(0o755)
        for path in (home, *home.rglob("*")):
            os.chown(path, other.uid, other.uid)
        passwd = self._folder / "passwd"
        line = f"{other.user}:x:{other.uid}:{other.uid}::{home}:/bin/sh\n"
        passwd.write_text(Path("/etc/passwd").read_text() + line)
        # In a namespace of its own: the machine's users stay as they are.
        script = f'mount --bind {shlex.quote(str(passwd))} /etc/passwd && exec "$@"'
        other._prefix = ["unshare", "--mount", "sh", "-c", script, "sh"]
        other._keys = str(home / ".ssh/authorized_keys")
        other._server = None
        other.start()
        return other

    @property
    def address(self) -> str:
        return f"{self.user}@127.0.0.1:{self.port}"

    def spec(self, **fields: str) -> DeviceSpec:
        """This server as a device whose host key is known."""
        known = {"host_key": self.host_key, "address": self.address}
        there = {"work_dir": str(self.work_dir), "python": sys.executable}
        return DeviceSpec.of(**{**known, **there, **fields})

    def start(self, kind: str = "ed25519") -> None:
        """Start it, and wait until it answers."""
        config = self._folder / f"sshd_config_{self.port}"
        config.write_text(
            _CONFIG.format(port=self.port, folder=self._folder, kind=kind, keys=self._keys)
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        assert _PROGRAM is not None
        with (self._folder / "sshd.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*self._prefix, _PROGRAM, "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until_s = time.monotonic() + _UP_S
        while not self._answers():
            assert self._server.poll() is None, (self._folder / "sshd.log").read_text()
            assert time.monotonic() < until_s
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill the server and the sessions that it made, as a power cut of the network would."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        if self._server is not None:
            self._server.wait()
            self._server = None

    def signal(self, number: int) -> None:
        """Send a signal to the server and to its sessions."""
        for pid in self.processes():
            os.kill(pid, number)

    def processes(self) -> list[int]:
        """The server, and below it all whose name begins with sshd."""
        if self._server is None:
            return []
        found = [self._server.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                children = [int(word) for word in task.read_text().split()]
                found += [child for child in children if _is_sshd(child)]
        return found

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                return link.recv(4) == b"SSH-"
        except OSError:
            return False


def _is_sshd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
