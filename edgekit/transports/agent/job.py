"""A job's folder, and the processes that belong to it."""

import contextlib
import ctypes
import fcntl
import os
import signal
from pathlib import Path
from typing import Iterator, List, Optional

from edgekit.transports.agent.files import open_own, read_fields
from edgekit.transports.agent.machine import boot_id, now_s
from edgekit.transports.agent.requests import JOB, Fields, matching

# A variable that all processes of a job have.
MARK = "EDGEKIT_JOB"


class Job:
    """A job's folder, and what can be told from it.

    Args:
        root: The agent's folder.
        name: The job's id, as the host made it up.

    Attributes:
        name: The id.
        folder: What is known about the job.
        work: Where it runs.

    Raises:
        RefusedError: `name` isn't an id.
    """

    def __init__(self, root: Path, name: object) -> None:
        self.name = matching(name, JOB, "job id")
        self.folder = root / "jobs" / self.name
        self.work = self.folder / "work"

    def running(self) -> bool:
        """Whether its supervisor lives.

        It holds a lock as long as it does: numbers of processes come again, and emulators make up
        what `/proc` says.
        """
        try:
            opened = open_own(self.folder / "alive", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(opened)
        return False

    def began(self) -> Fields:
        """What its supervisor wrote before it began; empty if it hasn't."""
        return read_fields(self.folder / "began.json")

    def state(self) -> Fields:
        """How it is: `unknown`, `prepared`, `running`, `done` with its result, or `lost`."""
        if not self.folder.is_dir():
            return {"state": "unknown"}
        began, done = self.began(), self._done()
        if done or not began:
            return done or {"state": "prepared"}
        if began["boot_id"] != boot_id():
            return {"state": "lost", "why": "rebooted"}
        if self.running():
            return {"state": "running", "age_s": max(0.0, round(now_s() - began["at_s"], 3))}
        # It may have ended between the two looks.
        return self._done() or {"state": "lost", "why": "supervisor died"}

    def renew(self) -> None:
        """Say that a host still wants it. That needs no room on the disk."""
        with contextlib.suppress(OSError):
            os.utime(str(self.folder / "lease"))

    def bury(self) -> None:
        """End what a supervisor that was killed left behind."""
        if self.state().get("why") == "supervisor died":
            for pid in belonging(self.name):
                send(pid, signal.SIGKILL)

    def _done(self) -> Fields:
        result = read_fields(self.folder / "result.json")
        return {"state": "done", "result": result} if result else {}


def jobs(root: Path) -> Iterator[Job]:
    """All jobs that there are in the agent's folder."""
    for folder in (root / "jobs").iterdir():
        if JOB.fullmatch(folder.name):
            yield Job(root, folder.name)


def belonging(job: str, parent: Optional[int] = None) -> List[int]:
    """Processes that carry the mark of `job` in their environment, or are children of `parent`."""
    mark = f"{MARK}={job}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            # A name in brackets, which may hold anything; then the state and the parent.
            text = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
            state, above = text.split()[:2]
            if state in "ZX":
                continue
            if int(above) == parent or mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: int) -> None:
    """Send a signal to a group of processes, if any of them is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process, as `man 2 prctl` numbers them (Linux)."""
    rest = [ctypes.c_ulong(0)] * 3
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *rest)
