"""A made machine: a process tree with mounts, process ids and a host name of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.cgroups import Cgroup

_PROGRAM = [sys.executable, "-m", "tests.lab.machine_process"]
ROOT = Path(__file__).parents[2]
_DEADLINE_S = 30
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = "ek"
USER_ID = 1000
# Not below /home, where a developer may have this checkout.
_HOMES = "/srv"


@dataclass
class Layout:
    """What a machine is made of.

    Attributes:
        folder: Its own, outside: its disk, its settings and its logs.
        root: The folder that is its `/`.
        commands: What mounts it, in order.
        network: The network namespace that it is in; the tests' own if there is none.
        own_users: Whether it has a user namespace, as another architecture's programs need.
        group: The control group that it is in.
        env: Variables that everything on it starts with.
    """

    folder: Path
    root: Path = Path("/")
    commands: list[list[str]] = field(default_factory=list)
    network: Path | None = None
    own_users: bool = False
    group: Cgroup | None = None
    env: dict[str, str] = field(default_factory=dict)


class Machine:
    """Starts, stops at once and starts again; it keeps its disk."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.folder = layout.folder
        self._outer: subprocess.Popen[str] | None = None
        self._first = 0

    def start(self) -> None:
        """Boot.

        Raises:
            RuntimeError: It didn't come up; what it said is the message.
        """
        layout = self.layout
        # As after a real boot: the kernel below is the same one.
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        plan = {
            "hostname": self.folder.name,
            "groups": layout.group.joins if layout.group else [],
            "own_users": layout.own_users,
            "commands": layout.commands,
            "root": str(layout.root),
        }
        network = ["nsenter", f"--net={layout.network}"] if layout.network else []
        with (self.folder / "boot.log").open("w") as log:
            self._outer = subprocess.Popen(
                [*network, *_PROGRAM, json.dumps(plan)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._outer.stdout is not None
        said = self._outer.stdout.readline()
        if not said:
            self.power_cut()
            raise RuntimeError((self.folder / "boot.log").read_text())
        self._first = int(said)

    def power_cut(self) -> None:
        """End every process on it at once. Nothing is said to anybody."""
        outer, self._outer = self._outer, None
        if outer is None:
            return
        if self._first:
            with suppress(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)
            self._first = 0
        assert outer.stdin is not None
        assert outer.stdout is not None
        with suppress(BrokenPipeError):
            outer.stdin.close()
        outer.wait(_DEADLINE_S)
        outer.stdout.close()

    def spawn(
        self, argv: Sequence[str], *, log: str, env: Mapping[str, str] | None = None
    ) -> Path:
        """Start a program on it that goes on by itself, and give the file with what it says."""
        assert self._outer is not None
        assert self._outer.stdin is not None
        path = self.folder / log
        order = {
            "argv": list(argv),
            "env": {"PATH": PATH, **self.layout.env, **(env or {})},
            "log": str(path),
        }
        self._outer.stdin.write(json.dumps(order) + "\n")
        self._outer.stdin.flush()
        return path

    def enter(self, *argv: str) -> list[str]:
        """The command line that runs a command on it, from outside."""
        users = ["--user"] if self.layout.own_users else []
        spaces = ["--mount", "--uts", "--pid", "--net", *users]
        return [
            "nsenter",
            f"--target={self._first}",
            *spaces,
            "chroot",
            str(self.layout.root),
            *argv,
        ]

    def run(self, *argv: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command on it to its end, as its root, without this process's variables."""
        return subprocess.run(
            self.enter(*argv),
            env={"PATH": PATH, **self.layout.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @property
    def proc(self) -> Path:
        """The /proc entry of its first process: whose mounts and networks are the machine's."""
        return Path(f"/proc/{self._first}")

    def kill(self, program: str) -> None:
        """Kill the processes on it whose program's name begins so, until there is none."""
        end_s = time.monotonic() + _DEADLINE_S
        while self.signal(program, signal.SIGKILL):
            if time.monotonic() > end_s:
                raise TimeoutError(f"{program} does not end")
            time.sleep(0.005)

    def signal(self, program: str, number: int) -> int:
        """Send a signal to the processes on it whose program's name begins so; how many are."""
        found = [process for process, name in self.processes() if name.startswith(program)]
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return len(found)

    def processes(self) -> list[tuple[int, str]]:
        """The processes on it that run: the id that each has outside, and its program's name."""
        here = _pid_namespace(self._first)
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and here and _pid_namespace(int(folder.name)) == here:
                with suppress(OSError):
                    found.append((int(folder.name), (folder / "comm").read_text().strip()))
        return found


def _pid_namespace(process: int) -> str:
    # One that has ended and was not waited for has none.
    try:
        return str(Path(f"/proc/{process}/ns/pid").readlink())
    except OSError:
        return ""


def system(folder: Path, root: Path, *, disk_bytes: int | None = None) -> list[list[str]]:
    """What mounts a machine's own parts into a root: users, home, settings, and empty folders.

    Args:
        folder: The machine's own.
        root: Where its `/` is. It has the usual folders.
        disk_bytes: How much the user's home holds. Such a home is empty after a power cut.
    """
    _write_users(folder)
    home = folder / "home"
    for user, number in ((USER, USER_ID), ("root", 0)):
        (home / user).mkdir(parents=True, exist_ok=True)
        os.chown(home / user, number, number)
    (folder / "ssh").mkdir(exist_ok=True)
    small = f"size={disk_bytes},uid={USER_ID},gid={USER_ID},mode=700"
    at = f"{root}".rstrip("/")
    return [
        ["mount", "-t", "proc", "proc", f"{at}/proc"],
        ["mount", "--bind", f"{folder}/boot_id", f"{at}/proc/sys/kernel/random/boot_id"],
        *(
            ["mount", "--bind", f"{folder}/{name}", f"{at}/etc/{name}"]
            for name in ("passwd", "shadow")
        ),
        ["mount", "--bind", str(folder / "ssh"), f"{at}/etc/ssh"],
        ["mount", "--bind", str(home), f"{at}{_HOMES}"],
        *(
            [["mount", "-t", "tmpfs", "-o", small, "disk", f"{at}{_HOMES}/{USER}"]]
            if disk_bytes
            else []
        ),
        ["mount", "-t", "tmpfs", "run", f"{at}/run"],
        ["mkdir", f"{at}/run/sshd"],
    ]


def _write_users(folder: Path) -> None:
    people = {"root": 0, USER: USER_ID}
    lines = [f"{who}:x:{n}:{n}::{_HOMES}/{who}:/bin/sh" for who, n in people.items()]
    lines += [
        "sshd:x:110:65534::/run/sshd:/usr/sbin/nologin",
        "nobody:x:65534:65534::/:/bin/false",
    ]
    (folder / "passwd").write_text("".join(f"{line}\n" for line in lines))
    (folder / "shadow").write_text("".join(f"{line.split(':')[0]}:*:::::::\n" for line in lines))
