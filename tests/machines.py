"""A device that is a folder here: programs are started as processes, and its link may break."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import DeviceError, LinkLost
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import cargo, shell
from edgekit.wire import Job


def gone(message: str = "the link broke") -> LinkLost:
    return LinkLost(message, hint="plug it in")


class LocalProcess:
    """A program over pipes, until `cut` says that the link is gone."""

    def __init__(self, argv: Sequence[str], home: Path, is_cut: Callable[[], bool]) -> None:
        self._is_cut = is_cut
        self._complaints = home / "complaints"
        with self._complaints.open("ab") as beside:
            self.process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=beside,
                bufsize=0,
                cwd=home,
                env={"PATH": os.environ["PATH"], "HOME": str(home)},
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self.sent_bytes = 0

    def send(self, line: bytes) -> None:
        if self._is_cut():
            raise gone()
        self.sent_bytes += len(line)
        try:
            while line:
                line = line[self._in.write(line) or 0 :]
        except OSError as error:
            raise gone(str(error)) from error

    def receive(self, deadline_s: float) -> bytes:
        while not self._is_cut():
            ready, _, _ = select.select([self._out], [], [], 0.02)
            if ready:
                return os.read(self._out.fileno(), 2**16)
            if time.monotonic() > deadline_s:
                raise gone("nothing came")
        raise gone()

    def status(self, deadline_s: float) -> int | None:
        return None if self._is_cut() else self.process.wait(deadline_s - time.monotonic())

    def complaint(self) -> str:
        return self._complaints.read_text()

    def close(self) -> None:
        self._in.close()
        self.process.kill()
        self.process.wait()
        self._out.close()


class LocalMachine:
    """Meets `remote.Machine`.

    Args:
        home: The user's home folder on the device.
        python: What the agent and the worker are run by.
    """

    def __init__(self, home: Path, python: str = sys.executable) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.spec = DeviceSpec(address="host", python=python, wait_s=0.0)
        self.down = threading.Event()
        self.processes: list[LocalProcess] = []
        self.agents = 0
        self.was_reached = False
        self._closed = False

    @property
    def root(self) -> Path:
        return self.home / ".cache" / "edgekit"

    @property
    def sent_bytes(self) -> int:
        return sum(process.sent_bytes for process in self.processes)

    def start(self, argv: Sequence[str]) -> LocalProcess:
        if self._closed:
            raise DeviceError("closed", hint="")
        if self.down.is_set():
            raise gone("no route")
        self.was_reached = True
        self.processes.append(LocalProcess(argv, self.home, self.down.is_set))
        return self.processes[-1]

    def agent(self) -> LocalProcess:
        item, python = cargo.agent(), self.spec.python
        root = shell.bring(self, python, self.spec.work_dir, [item])
        self.agents += 1
        return self.start([python, "-I", f"{root}/{item.path}"])

    def close(self) -> None:
        self._closed = True
        self.down.set()

    def end(self) -> None:
        for process in self.processes:
            process.close()


# A worker that does what its job's `runtime` says, in Python.
_WORKER = """
import json, os, sys, time

job = json.loads(sys.stdin.readline())

def say(text):
    os.write(1, (str(text) + "\\n").encode())

exec(job["runtime"], {**globals()})
"""


def scripted_worker() -> cargo.Item:
    """An archive in the place of the worker's."""
    buffer = io.BytesIO()
    names = {"edgekit/__init__.py": "", "edgekit/measure/__init__.py": ""}
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**names, "edgekit/measure/worker.py": _WORKER}.items():
            archive.writestr(name, text)
    return cargo.of_bytes(buffer.getvalue())


def scripted(program: str, **fields: Any) -> Job:
    """A job of that worker."""
    kind = {"kind": "infer", "model": "", "precision": "fp32", "threads": 1}
    return Job(runtime=textwrap.dedent(program), **{**kind, **fields})
