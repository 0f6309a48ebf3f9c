"""The process that a job belongs to: it sees it through to its end, whatever the channel does."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, Optional, Set

from edgekit.transports.agent.files import Log, measured, open_own, put
from edgekit.transports.agent.job import Job, belonging, send, send_group
from edgekit.transports.agent.machine import oom_kills
from edgekit.transports.agent.requests import Fields, Spec
from edgekit.transports.agent.starting import start

STREAMS = ("stdout", "stderr")
LOOK_S = 1.0  # how often it looks at the lease
UNKILLABLE_S = 10.0  # a process that hangs in a driver outlives SIGKILL
RESERVE_BYTES = 2**16  # on a full disk: room for the result
TAIL_BYTES = 4096
CHUNK = 2**16


class Supervisor:
    """Runs one job to its end and writes what came of it.

    Args:
        job: The job's folder.
        spec: What to do.

    Raises:
        OSError: The disk has no room for what the job needs.
    """

    def __init__(self, job: Job, spec: Spec) -> None:
        self._job = job
        self._spec = spec
        self._limits = spec.limits
        self._logs = {
            name: Log(job.folder / name, spec.limits[f"{name}_bytes"]) for name in STREAMS
        }
        self._reserve = _reserved(job.folder / "reserve")
        os.close(open_own(job.folder / "lease", os.O_WRONLY | os.O_CREAT))
        self._lease_ns = 0
        (job.work / "tmp").mkdir(exist_ok=True)
        self._selector = selectors.DefaultSelector()
        self._cancelled = False
        self._listen()
        self._ooms = oom_kills(spec.system)
        self._began_s = self._leased_s = self._look_s = time.monotonic()
        self._deadline_s = self._began_s + self._limits["timeout_s"]
        self._reason = ""  # why the job was made to end
        self._killed = self._given_up = False
        self._childless = True
        self._status: Optional[int] = None
        self._peak_bytes = 0
        self._strays: Set[int] = set()
        self._tail = b""

    def run(self) -> None:
        """Run the job and write its result.

        Raises:
            OSError: The disk has no room for the result, not even what was held back for it.
        """
        # From now on a signal cancels it; before, nobody knew whom to send one.
        if (self._job.folder / "cancel").exists():
            self._finish("cancelled")
            return
        try:
            self._process = start(self._job, self._spec)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._finish("exec", str(error))
            return
        self._childless = False
        self._connect()
        while self._status is None and not self._given_up:
            pause_s = min(self._look_s, self._deadline_s) - time.monotonic()
            for key, _ in self._selector.select(max(0.0, pause_s)):
                key.data()
            self._reap()
            self._look()
        self._sweep()
        self._drain()
        self._finish(self._ending())

    def _listen(self) -> None:
        """Let signals wake the loop through a pipe, so that it need not look for itself."""
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._cancel)
        self._selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, CHUNK))

    def _cancel(self, *_: object) -> None:
        self._cancelled = True

    def _connect(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 -- for the type checker
        assert self._process.stderr is not None  # noqa: S101
        for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            read = self._reader(name, pipe.fileno())
            self._selector.register(pipe, selectors.EVENT_READ, read)
        if self._process.stdin is not None:
            feed = self._feeder(self._process.stdin.fileno())
            self._selector.register(self._process.stdin, selectors.EVENT_WRITE, feed)

    def _reader(self, name: str, pipe: int) -> Callable[[], bool]:
        def read() -> bool:
            data = os.read(pipe, CHUNK)
            self._logs[name].write(data)
            if name == "stderr":
                self._tail = (self._tail + data)[-TAIL_BYTES:]
            if not data:
                self._selector.unregister(pipe)
            return bool(data)

        return read

    def _feeder(self, pipe: int) -> Callable[[], None]:
        """Writes the job's input bit by bit; it isn't closed, since its end ends a worker."""
        os.set_blocking(pipe, False)
        rest = bytearray(self._spec.stdin)

        def feed() -> None:
            try:
                del rest[: os.write(pipe, rest)]
            except OSError:  # nobody reads it any more
                rest.clear()
            if not rest:
                self._selector.unregister(pipe)

        return feed

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._childless = True
                return
            if not pid:
                return
            self._peak_bytes = max(self._peak_bytes, usage.ru_maxrss * 1024)
            if pid == self._process.pid:
                self._status = self._process.returncode = status

    def _look(self) -> None:
        now_s = time.monotonic()
        if self._cancelled and not self._reason:
            self._stop("cancelled")
        if now_s >= self._deadline_s:
            self._insist()
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_S
        # That the time has changed counts, and not the time itself: clocks of boards jump.
        try:
            changed_ns = (self._job.folder / "lease").stat().st_mtime_ns
        except OSError:  # somebody took the folder away
            self._cancelled = True
            return
        if changed_ns != self._lease_ns:
            self._lease_ns, self._leased_s = changed_ns, now_s
        if now_s - self._leased_s > self._limits["lease_s"] and not self._reason:
            self._stop("lease")

    def _stop(self, reason: str) -> None:
        """Ask the job to end: its input ends, and its group gets SIGTERM."""
        self._reason = reason
        if self._process.stdin is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._process.stdin)
            self._process.stdin.close()
        send_group(self._process.pid, signal.SIGTERM)
        self._deadline_s = time.monotonic() + self._limits["grace_s"]

    def _insist(self) -> None:
        """The next step at a deadline: ask, kill, give up."""
        if not self._reason:
            self._stop("timeout")
        elif not self._killed:
            self._killed = True
            send_group(self._process.pid, signal.SIGKILL)  # also what stands still
            self._deadline_s = time.monotonic() + UNKILLABLE_S
        else:
            self._given_up = True

    def _sweep(self) -> None:
        """End all that the job started. What left its group is our child: we adopt orphans."""
        until_s = time.monotonic() + UNKILLABLE_S
        self._reap()
        while not self._childless and time.monotonic() < until_s:
            send_group(self._process.pid, signal.SIGKILL)
            for pid in belonging(self._job.name, os.getpid()):
                self._strays.add(pid)
                send(pid, signal.SIGKILL)
            self._reap()
            time.sleep(0.01)

    def _drain(self) -> None:
        """Read what is still in the pipes. Nobody writes to them any more."""
        for key in list(self._selector.get_map().values()):
            if key.events == selectors.EVENT_READ:
                with contextlib.suppress(BlockingIOError):
                    while key.data():
                        pass

    def _ending(self) -> str:
        if self._reason:
            return self._reason
        if self._status is None or not os.WIFSIGNALED(self._status):
            return "exit"
        starved = oom_kills(self._spec.system) > self._ooms
        return "oom" if os.WTERMSIG(self._status) == signal.SIGKILL and starved else "signal"

    def _finish(self, reason: str, error: str = "") -> None:
        logs = self._logs
        result = {
            "reason": reason,
            "error": error[:500],
            **_ended_by(self._status),
            "wall_s": round(time.monotonic() - self._began_s, 3),
            "peak_bytes": self._peak_bytes,
            "strays": len(self._strays),
            "all_ended": self._childless,
            "disk_full": any(log.disk_full for log in logs.values()),
            "kept_bytes": {name: log.kept_bytes for name, log in logs.items()},
            "dropped_bytes": {name: log.dropped_bytes for name, log in logs.items()},
            "supervisor_cpu_s": round(sum(os.times()[:2]), 3),
            "tail": self._tail.decode("utf-8", "replace"),
            "outputs": self._outputs(),
        }
        place = self._job.folder / "result.json"
        try:
            put(place, result)
        except OSError:
            self._reserve.unlink()
            put(place, {**result, "disk_full": True})

    def _outputs(self) -> Dict[str, Fields]:
        found = {}
        for name in self._spec.outputs:
            with contextlib.suppress(OSError):  # one that is missing is missing in the result
                found[name] = measured(self._job.work / name)
        return found


def _reserved(path: Path) -> Path:
    """A file that takes room until a full disk needs it."""
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT), "wb") as stream:
        stream.write(bytes(RESERVE_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    return path


def _ended_by(status: Optional[int]) -> Fields:
    """What `waitpid` said: an exit status or a signal, or neither while it can't be killed."""
    if status is None:
        return {"status": None, "signal": None}
    if os.WIFSIGNALED(status):
        return {"status": None, "signal": os.WTERMSIG(status)}
    return {"status": os.WEXITSTATUS(status), "signal": None}
