"""A host that measures on devices of the lab, by edgekit's own command line.

Run as `python -m tests.hosts ARGUMENTS...`, this file is edgekit with another worker, or with less
patience than a user has: the variable EDGEKIT_HOST holds a JSON object of `worker`, a file whose
program takes the worker's place on the device, and `times`, seconds by the name of the constant
that they replace. Both hold for the processes of Dask too, which import this file as theirs.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests import bench_results
from tests.agents import eventually
from tests.lab.network import Device, Network
from tests.lab.sshd import Sshd
from tests.source import ROOT

MIB = 2**20
_SETTINGS = "EDGEKIT_HOST"
# Far above what any bench here takes on two busy cores, and below what a hang would.
DEADLINE_S = 60.0
# A silent cut is noticed, and a link that is back is found, in a time that a test has.
IMPATIENT = {
    "sshlogin._KEEPALIVE_S": 0.3,
    "sshlogin.CONNECT_S": 5.0,
    "sshlogin.LOGIN_S": 10.0,
    "visit.PATIENCE_S": 30.0,
    "visit._MOST_PAUSE_S": 0.5,
    "agentclient.MOST_PAUSE_S": 0.5,
}
_WORKER = """
import json, os, sys, time
from pathlib import Path

home = Path(os.path.expanduser("~"))
job = json.loads(sys.stdin.readline())
samples = json.loads({samples!r})

def say(event, **fields):
    os.write(1, (json.dumps(dict(fields, event=event)) + "\\n").encode())

def mark(name):
    with (home / name).open("a") as file:
        file.write("x")

def wait_for(name):
    while not (home / name).exists():
        time.sleep(0.01)

say("phase", phase="start")
mark("starts")
say("phase", phase="run")
{program}
say("samples", **samples)
mark("ends")
"""
# What most tests want of a worker: that it goes on until they let it end.
UNTIL_TOLD = "wait_for('go')"


class StillRunsError(AssertionError):
    """A command that should have ended."""


@dataclass(frozen=True)
class Done:
    """What came of a command.

    Attributes:
        status: Exit status.
        out: Standard output.
        err: Standard error.
    """

    status: int
    out: str
    err: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """The rows of a bench with `--json`."""
        found: list[dict[str, Any]] = self._told["results"]
        return found

    @property
    def failure(self) -> dict[str, Any]:
        """Why the only row of such a bench has no numbers."""
        (row,) = self._told["failures"]
        failure: dict[str, Any] = row["failure"]
        return failure

    @property
    def _told(self) -> dict[str, Any]:
        assert self.out, self.err
        told: dict[str, Any] = json.loads(self.out)
        return told


class Host:
    """The one who measures.

    Args:
        network: Where its machine is.
        folder: For its home folder, and what it keeps.
    """

    def __init__(self, network: Network, folder: Path) -> None:
        self.home = folder / "host-home"
        self.home.mkdir()
        # Who it is, as the user's own programs tell.
        self.places = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config")}
        self.places |= {"USER": "anna", "SSH_AUTH_SOCK": ""}
        self._network = network
        self._begun: list[Command] = []

    def knows(self, name: str, server: Sshd, **fields: Any) -> None:
        """Put a device into its inventory."""
        server.let_in(self.home)
        fields = {"wait_s": 0.0, **fields}
        known = msgspec.to_builtins(server.spec(**fields))
        inventory = self.home / ".config/edgekit/devices.toml"
        inventory.parent.mkdir(parents=True, exist_ok=True)
        with inventory.open("a") as file:
            file.write("\n".join([f"[{name}]", *_lines(known)]) + "\n")

    def begin(
        self,
        *words: object,
        program: str | None = None,
        times: Mapping[str, float] = IMPATIENT,
    ) -> Command:
        """Start edgekit.

        Args:
            words: Its command line.
            program: What takes the place of a measurement on the device; None for the real worker.
            times: Constants of edgekit's transports to replace, in seconds.
        """
        argv = [sys.executable, "-m", "tests.hosts", *map(str, words)]
        env = {**os.environ, **self.environment(program, times)}
        self._begun.append(Command(self._network.host.enter(*argv), env))
        return self._begun[-1]

    def environment(self, program: str | None, times: Mapping[str, float]) -> dict[str, str]:
        """The variables of such a process; `program` and `times` as `begin` has them."""
        settings: dict[str, Any] = {"times": dict(times)}
        if program is not None:
            worker = self.home / f"worker{len(self._begun)}.py"
            canned = json.dumps(asdict(bench_results.samples(count=64)))
            worker.write_text(_WORKER.format(samples=canned, program=program))
            settings["worker"] = str(worker)
        return {
            **self.places,
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "200",
            "PYTHONPATH": str(ROOT),
            "EDGEKIT_RESULTS": str(self.home / "results"),
            _SETTINGS: json.dumps(settings),
        }

    def end(self) -> None:
        """End what was begun and still runs."""
        for command in self._begun:
            command.kill()


class Command:
    """Edgekit as it runs.

    Attributes:
        is_killed: Whether it was ended before its end.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.is_killed = False
        self._process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def done(self, deadline_s: float = DEADLINE_S) -> Done:
        """Wait for its end."""
        try:
            out, err = self._process.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired as error:
            raise StillRunsError(f"it still runs after {deadline_s:.0f} s") from error
        return Done(self._process.returncode, out, err)

    def kill(self) -> None:
        """End it at once. What it started elsewhere goes on."""
        # What enters the machine waits for a child, which is edgekit.
        self.is_killed = True
        for child in _children(self._process.pid):
            os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True)
class There:
    """What a test sees and does on a device, beside edgekit."""

    device: Device[Sshd]

    @property
    def home(self) -> Path:
        """The user's home, whatever it is mounted on, while the machine is up."""
        machine = self.device.machine
        root = machine.proc / "root" / str(machine.layout.root).lstrip("/")
        return root / "srv" / self.device.server.user

    @property
    def is_up(self) -> bool:
        """Whether it has power."""
        return bool(self.device.machine.processes())

    def count(self, name: str) -> int:
        """How often a worker came to a place that it marks."""
        path = self.home / name
        return path.stat().st_size if path.exists() else 0

    def go(self) -> None:
        """Let the worker end."""
        (self.home / "go").touch()

    def begun(self) -> None:
        """Wait until a worker has begun."""
        eventually(lambda: self.count("starts"))

    def uploading(self) -> None:
        """Wait until a file is on its way."""
        files = self.home / ".cache/edgekit/files"
        eventually(lambda: any(size(part) > 2**16 for part in files.glob("*.part")))

    def files(self) -> list[Path]:
        """All that edgekit keeps there."""
        return [path for path in self.home.glob(".cache/edgekit/**/*") if path.is_file()]

    def kill_supervisor(self) -> None:
        """End the process that watches over the job."""
        (began,) = self.home.glob(".cache/edgekit/jobs/*/began.json")
        self.device.machine.run("kill", "-9", str(json.loads(began.read_text())["pid"]))

    def left(self) -> list[str]:
        """What runs there that came from edgekit, beside sessions of the SSH server."""
        names = dict(self.device.machine.processes())
        first = int(self.device.machine.proc.name)
        # The server, and all below it: sessions of a link that broke end by themselves.
        kept = [first, *(child for child in _children(first) if names.get(child) == "sshd")]
        for process in itertools.islice(kept, 1, None):
            kept += _children(process)
        return [name for process, name in names.items() if process not in kept]

    def is_clean(self) -> bool:
        """Whether no job runs there, and no folder of one is left."""
        jobs = self.home / ".cache/edgekit/jobs"
        return not self.left() and (not jobs.exists() or not list(jobs.iterdir()))


def _lines(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name} = {json.dumps(value)}"


def _children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def size(path: Path) -> int:
    """Bytes of a file; none if it isn't there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def change() -> None:
    """Make edgekit in this process what its environment says."""
    from edgekit.transports import cargo, outfit
    from tests.machines import archive

    settings = json.loads(os.environ[_SETTINGS])
    for name, value_s in settings["times"].items():
        module, constant = name.split(".")
        setattr(importlib.import_module(f"edgekit.transports.{module}"), constant, value_s)
    if "worker" in settings:
        text = Path(settings["worker"]).read_text()
        cargo.worker = functools.cache(lambda: archive(text))
        # Which needs no runtime there.
        outfit.BUILDS.clear()


if __name__ in ("__main__", "__mp_main__"):
    change()
if __name__ == "__main__":
    from edgekit.__main__ import main

    main()
