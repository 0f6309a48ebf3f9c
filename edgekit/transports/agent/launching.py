"""A supervisor begins: once for each job, and with nobody above it."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Iterator

from edgekit.transports.agent.files import open_own, put
from edgekit.transports.agent.job import Job, prctl
from edgekit.transports.agent.machine import boot_id, now_s
from edgekit.transports.agent.requests import RefusedError, Spec, kind_of
from edgekit.transports.agent.supervisor import Supervisor

PR_SET_CHILD_SUBREAPER = 36
_MOST_DESCRIPTORS = 256  # an agent has a dozen


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[int]:
    """Nobody else changes the device's owner or begins a job in this block.

    Args:
        path: The file that is locked.

    Yields:
        Its descriptor: a process that inherits it keeps the others out, even if this one is
        killed.
    """
    opened = open_own(path, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        fcntl.flock(opened, fcntl.LOCK_UN)
        os.close(opened)


def launch(job: Job, spec: Spec, guard: int) -> None:
    """Start the job's supervisor in a session of its own, and wait until it has begun.

    Args:
        job: The job's folder.
        spec: What to do.
        guard: What `guarded` gave.

    Raises:
        RefusedError: It could not begin.
    """
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            if not os.fork():
                _supervise(job, spec, tell, guard)
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    with os.fdopen(ready, "rb") as stream:
        said = stream.read().decode("utf-8", "replace")
    if said != "ok":
        kind, _, text = said.partition(":")
        raise RefusedError(kind or "system", text or "the supervisor ended without a word")


def _supervise(job: Job, spec: Spec, tell: int, guard: int) -> None:
    _detach({tell, guard})
    try:
        alive = open_own(job.folder / "alive", os.O_CREAT | os.O_RDWR)
        fcntl.flock(alive, fcntl.LOCK_EX)  # for life
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # whoever leaves the job's session stays ours
        supervisor = Supervisor(job, spec)
        facts = {"pid": os.getpid(), "boot_id": boot_id(), "at_s": now_s(), "owner": spec.owner}
        put(job.folder / "began.json", facts)
    except Exception as error:  # noqa: BLE001 -- the end of this process: all must be said
        _tell(tell, f"{kind_of(error)}:{type(error).__name__}: {error}")
        return
    _tell(tell, "ok")
    os.close(guard)
    supervisor.run()


def _tell(pipe: int, words: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the agent was killed meanwhile
        os.write(pipe, words.encode())
    os.close(pipe)


def _detach(kept: "set[int]") -> None:
    """Leave the channel: it ends when nobody holds it any more."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for number in range(3, _MOST_DESCRIPTORS):
        if number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)
