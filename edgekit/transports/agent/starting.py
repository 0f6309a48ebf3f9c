"""How a job's program starts: bounded, in a group of its own, and gone with its supervisor."""

import contextlib
import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict

from edgekit.transports.agent.job import MARK, Job, prctl
from edgekit.transports.agent.requests import Spec

# All that a job gets of the environment that the device's login makes.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "QEMU_CPU")
FIRST_TO_END = "900"  # the kernel ends the job before its supervisor or the device's sshd
PR_SET_PDEATHSIG = 1


def start(job: Job, spec: Spec) -> "subprocess.Popen[bytes]":
    """Start the job's program, with pipes for all that it reads and writes.

    Raises:
        OSError: There is no such program, or it can't be run.
        ValueError: An argument isn't one.
        subprocess.SubprocessError: It can't be bounded.
    """
    supervisor = os.getpid()

    def bound() -> None:
        """In the new process, before the program."""
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before this process could ask to die with it
            os._exit(1)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        _limit(spec.limits)

    return subprocess.Popen(  # noqa: S603 -- what the host asks for; no shell
        spec.argv,
        cwd=str(job.work),
        env=_environment(job, spec),
        stdin=subprocess.PIPE if spec.stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        preexec_fn=bound,  # noqa: PLW1509 -- this process has one thread
    )


def _environment(job: Job, spec: Spec) -> Dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # What it leaves in the folder of temporary files goes with the job.
    return {**kept, **spec.env, "TMPDIR": str(job.work / "tmp"), MARK: job.name}


def _limit(limits: Dict[str, float]) -> None:
    wanted: Dict[Any, float] = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["file_bytes"],
    }
    if limits["memory_bytes"]:
        wanted[resource.RLIMIT_AS] = limits["memory_bytes"]
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or value < hard:
            resource.setrlimit(kind, (int(value), int(value)))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END)
