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
from edgekit.transports.tail import Tail
from edgekit.wire import Job

WORKER = (sys.executable, "-m", "edgekit.measure.worker")
# Of one answer, all its lines together. A million inferences are 20 MiB.
ANSWER_LIMIT = 128 * 2**20  # bytes
CHUNK = 2**16
# A governor is set within milliseconds, of hundreds of CPUs within a second.
PUT_BACK_S = 10.0
# All that a worker gets of the user's environment; the rest would make two runs differ.
KEPT = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES",
    "CUDA_VISIBLE_DEVICES", "COVERAGE_PROCESS_START",
)  # fmt: skip


def worker_environment(threads: int) -> dict[str, str]:
    """The whole environment of a worker that may use `threads` threads."""
    root = str(Path(edgekit.__file__).parent.parent)
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        # The package that runs here, and not a file of the same name in the current folder.
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),
        "PYTHONSAFEPATH": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Importing these libraries reports to their makers: ONNX Runtime obeys the first, OpenVINO
        # stays quiet where it believes to be in continuous integration.
        "ORT_DISABLE_TELEMETRY": "1",
        "CI": "true",
    }


class LocalLink:
    """Runs workers on this machine.

    Args:
        command: What to start; tests give another worker.
    """

    def __init__(self, command: tuple[str, ...] = WORKER) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        """Run `job` in a fresh process and give its lines as they come.

        The process ends with the one that started it, so `job_id` names nothing to come back to.

        Raises:
            DeviceError: It could not start, crashed, ran out of time, or sent an endless line.
        """
        del job_id
        process = self._start(job)
        self._process = process
        if self._is_closed:  # between its asking and its start
            _kill(process)
        tail = Tail(process.stderr)
        try:
            _send(process, job)
            yield from _lines(process, time.monotonic() + timeout_s)
            status = process.wait()
        except TimeoutError:
            raise DeviceError(
                f"no result after {timeout_s:g} s",
                hint="it hangs, or is too slow: try `--profile quick`, or `--timeout 3600`",
                stderr_tail=tail.text(),
            ) from None
        except _EndlessError:
            raise DeviceError(
                f"the worker sent more than {ANSWER_LIMIT} bytes",
                hint="something else than edgekit's worker answered",
                stderr_tail=tail.text(),
            ) from None
        finally:
            if job.kind == "tune":
                _let_put_back(process)
            # Also on Ctrl-C, and when the reader stops reading.
            _end(process)
        if status:
            raise _crash(status, tail.text())

    def close(self) -> None:
        """End the worker from another thread: `run` finds its end, and cleans up."""
        self._is_closed = True
        if self._process is not None and self._process.poll() is None:
            _kill(self._process)

    def _start(self, job: Job) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 -- a fixed command, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(job.threads),
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(
                f"can't start a worker: {error}", hint="check the Python installation"
            ) from error


class Local:
    """Opens links to this machine."""

    def open(self, device: Device) -> LocalLink:
        """A link; `device` has no address here."""
        del device
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
            if size_bytes > ANSWER_LIMIT:
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


def _crash(status: int, tail: str) -> DeviceError:
    if status > 0:
        return DeviceError(
            f"the worker ended with exit status {status}",
            hint="its last lines say why",
            stderr_tail=tail,
        )
    number = -status
    name = signal.Signals(number).name
    hint = (
        "the system may have run out of memory: try a smaller batch"
        if number == signal.SIGKILL
        else "the runtime crashed on this file: try another runtime or another version of it"
    )
    return DeviceError(f"the worker was ended by {name}", hint=hint, stderr_tail=tail)


TRANSPORT = Local()
