"""A folder that stands for a device, with the real agent in it, reached over pipes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit.errors import LinkLost
from edgekit.transports import agentfile
from edgekit.transports.agent.job import Job, belonging, jobs
from edgekit.transports.agentanswers import Result
from edgekit.transports.agentclient import AgentClient

OWNER = "anna@laptop"
# Far above what anything here takes.
LONG_S = 60.0


class PipeChannel:
    """The standard input and output of a process.

    Args:
        command: What to start.
        stderr: The file that gets what it says beside.
        **popen: More of `subprocess.Popen`'s arguments.
    """

    def __init__(self, command: list[str], stderr: Path, **popen: Any) -> None:
        with stderr.open("ab") as beside:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=beside,
                bufsize=0,
                **popen,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout

    def send(self, line: bytes) -> None:
        try:
            while line:
                line = line[self._in.write(line) or 0 :]
        except OSError as error:
            raise LinkLost(str(error), hint="") from error

    def receive(self, deadline_s: float) -> bytes:
        ready, _, _ = select.select([self._out], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise LinkLost("nothing came", hint="")
        return os.read(self._out.fileno(), 2**16)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._out.close()
        self._in.close()

    def ask(self, question: bytes | dict[str, Any]) -> Any:
        """The answer to one line that may be anything."""
        line = question if isinstance(question, bytes) else json.dumps(question).encode()
        self.send(line + b"\n")
        return self.read()

    def read(self) -> Any:
        """The next line, decoded."""
        line = b""
        while not line.endswith(b"\n"):
            data = self.receive(time.monotonic() + LONG_S)
            assert data, line
            line += data
        return json.loads(line)


class FolderDevice:
    """A device.

    Args:
        root: Its folder.
        python: What runs the agent.
        idle_s: After how many seconds without a request an agent ends.
        popen: How the agent is started.
    """

    def __init__(
        self,
        root: Path,
        *,
        python: str = sys.executable,
        idle_s: int = 600,
        popen: dict[str, Any] | None = None,
    ) -> None:
        root.mkdir(mode=0o700, exist_ok=True)
        self.root = root
        self.stderr = root.with_name(f"{root.name}.stderr")
        self._python, self._idle_s, self._popen = python, idle_s, popen or {}
        self.agent = root / f"agent-{agentfile.sha256()[:16]}.pyz"
        self.agent.write_bytes(agentfile.packed())
        self.channels: list[PipeChannel] = []
        self._clients: list[AgentClient] = []

    def open(self) -> PipeChannel:
        """Start an agent."""
        command = [self._python, "-I", "-W", "error", str(self.agent), str(self._idle_s)]
        self.channels.append(PipeChannel(command, self.stderr, **self._popen))
        return self.channels[-1]

    def greeted(self) -> PipeChannel:
        """A channel whose first line has been read."""
        channel = self.open()
        channel.read()
        return channel

    def client(self) -> AgentClient:
        """A host."""
        self._clients.append(AgentClient(self.open, patience_s=LONG_S))
        return self._clients[-1]

    def job(self, name: str) -> Job:
        """What is known of a job on the device."""
        return Job(self.root, name)

    def push(self, content: bytes, sha256: str | None = None) -> str:
        """Bring a file, as an upload does."""
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        (self.root / "files" / sha256).write_bytes(content)
        return sha256

    def begin(self, client: AgentClient, program: str, **order: Any) -> str:
        """Start a Python program as a job."""
        name = uuid.uuid4().hex
        client.lock(OWNER, LONG_S)
        client.mkjob(name, order.get("files", {}))
        client.start(name, **self.order(program, **order))
        return name

    def order(self, program: str, **order: Any) -> dict[str, Any]:
        """What `start` is told of a Python program."""
        argv = [sys.executable, "-u", "-c", textwrap.dedent(program)]
        return {"owner": OWNER, "argv": argv, "timeout_s": LONG_S, "grace_s": 0.2, **order}

    def run(self, program: str, **order: Any) -> tuple[list[bytes], Result]:
        """Run a Python program as a job: its lines, and how it ended."""
        client = self.client()
        name = self.begin(client, program, **order)
        lines = list(client.attach(name, timeout_s=LONG_S))
        return lines, client.result(name)

    def left(self) -> list[int]:
        """Processes of its jobs, and their supervisors, that still run."""
        found = []
        for job in jobs(self.root) if (self.root / "jobs").exists() else ():
            found += belonging(job.name)
            if job.running():
                found.append(job.began()["pid"])
        return found

    def close(self) -> list[int]:
        """End all that runs, and say what of it was left of jobs."""
        for client in self._clients:
            client.close()
        for channel in self.channels:
            channel.close()
        left = self.left()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    until_s = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)
