"""This machine: a fresh worker process for each job."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import edgekit
from edgekit.errors import DeviceError
from edgekit.records import Device
from edgekit.transports import OWNER, workers
from edgekit.transports.tail import Tail
from edgekit.wire import Job

WORKER = (sys.executable, "-m", "edgekit.measure.worker")
CHUNK = 2**16
# A governor is set within milliseconds, of hundreds of CPUs within a second.
PUT_BACK_S = 10.0
# All that a worker gets of the user's environment; the rest would make two runs differ.
KEPT = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES",
    "CUDA_VISIBLE_DEVICES", "COVERAGE_PROCESS_START",
)  # fmt: skip


def worker_environment(threads: int, *, fixed_heap: bool = False) -> dict[str, str]:
    """The whole environment of a worker that may use `threads` threads."""
    root = str(Path(edgekit.__file__).parent.parent)
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        # The package that runs here, and not a file of the same name in the current folder.
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),
        **workers.settings(threads, fixed_heap=fixed_heap),
    }


class LocalLink:
    """Runs workers on this machine.

    Args:
        command: What to start; tests give another worker.
    """

    def __init__(self, command: tuple[str, ...] = WORKER) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        """Run `job` in a fresh process and give its lines as they come.

        The process ends with the one that started it, so `job_id` names nothing to come back to.

        Raises:
            DeviceError: It could not start, crashed, ran out of time, or sent an endless line.
        """
        del job_id
        process = self._start(job)
        self._process = process
        if self._is_stopped:  # between its asking and its start
            _kill(process)
        tail = Tail(process.stderr)
        try:
            _send(process, job)
            yield from _lines(process, time.monotonic() + timeout_s)
            status = process.wait()
        except TimeoutError:
            raise workers.too_slow(timeout_s, tail.text()) from None
        except _EndlessError:
            raise workers.endless(tail.text()) from None
        finally:
            if job.kind == "tune":
                _let_put_back(process)
            # Also on Ctrl-C, and when the reader stops reading.
            _end(process)
        if status:
            raise workers.crashed(status, tail.text())

    def stop(self) -> None:
        """End the worker from another thread: `run` finds its end, and cleans up."""
        self._is_stopped = True
        if self._process is not None and self._process.poll() is None:
            _kill(self._process)

    def close(self) -> None:
        """Nothing is left to let go of: a worker ends with its `run`."""

    def _start(self, job: Job) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 -- a fixed command, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(job.threads, fixed_heap=job.fixed_heap),
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(
                f"can't start a worker: {error}", hint="check the Python installation"
            ) from error


class Local:
    """Opens links to this machine."""

    def open(self, device: Device, owner: str = OWNER) -> LocalLink:
        """A link; `device` has no address here, and belongs to whoever is at it."""
        del device, owner
        return LocalLink()


class _EndlessError(Exception):
    """More bytes than any answer has."""


def _send(process: subprocess.Popen[bytes], job: Job) -> None:
    # A worker that is gone already says so by its exit status.
    with contextlib.suppress(BrokenPipeError):
        assert process.stdin is not None  # noqa: S101 -- for the type checker: it was asked for
        # Left open: its end tells the worker that nobody waits for it, also if this process is
        # killed.
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        process.stdin.flush()


def _lines(process: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    """Lines of the worker's standard output until its end.

    Raises:
        TimeoutError: The deadline, in seconds of the monotonic clock, has passed.
    """
    assert process.stdout is not None  # noqa: S101
    rest = bytearray()
    size_bytes = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            chunk = os.read(process.stdout.fileno(), CHUNK)
            if not chunk:
                break
            size_bytes += len(chunk)
            if size_bytes > workers.ANSWER_LIMIT:
                raise _EndlessError
            *lines, tail = chunk.split(b"\n")
            for line in lines:
                yield bytes(rest + line)
                rest.clear()
            rest += tail
    if rest:
        yield bytes(rest)


def _let_put_back(process: subprocess.Popen[bytes]) -> None:
    """Give a worker that has changed the machine the time to undo it."""
    assert process.stdin is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PUT_BACK_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() != 0:
        _kill(process)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The whole group: it may have started processes of its own, which may outlive it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


TRANSPORT = Local()
