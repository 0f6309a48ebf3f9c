"""A worker process that measures one side of a comparison, and stands still between its turns."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Dict, Optional

from edgekit.errors import DeviceError, EdgekitError
from edgekit.measure.lines import Lines
from edgekit.wire import Job, Scenario

WORKER = (sys.executable, "-m", "edgekit.measure.worker")
# Windows has neither: there an idle side's threads may spin for a moment.
_STOP = getattr(signal, "SIGSTOP", None)
_GO = getattr(signal, "SIGCONT", None)


class Side:
    """A worker that does one `bench` job in turns.

    It is stopped by the system whenever it isn't asked for anything: the threads of many runtimes
    spin for a while after each inference, and would take the core that the other side computes
    on. On two shared cores and with two threads, a file differed by 16 % from itself without this
    and by 1 % with it.

    Args:
        job: What to measure; `kind` and `scenario` are set here.
    """

    def __init__(self, job: Job) -> None:
        # Whoever lets the sides take turns has waited until the machine was cool.
        self._job = dataclasses.replace(
            job, kind="bench", scenario=Scenario("turns"), rivals=[], cooldown=None
        )
        self._process = subprocess.Popen(  # noqa: S603 -- a fixed command, no shell
            WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self._process.stdout is not None  # noqa: S101 -- for the type checker
        self._lines = Lines(self._process.stdout.fileno())
        self._write(json.dumps(dataclasses.asdict(self._job)))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()  # also if it stands still
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def wait_ready(self) -> None:
        """Wait until the model is loaded and warm.

        Raises:
            EdgekitError: It can't be.
        """
        while self._event("phase")["phase"] != "run":
            pass
        self._signal(_STOP)

    def turn(self, command: str) -> int:
        """Let it do `load`, `try N` or `run N`.

        Returns:
            Wall time until it was done, in ns.

        Raises:
            EdgekitError: It failed.
        """
        self._signal(_GO)
        start = time.perf_counter_ns()
        self._write(command)
        self._event("turn")
        elapsed_ns = time.perf_counter_ns() - start
        self._signal(_STOP)
        return elapsed_ns

    def end(self) -> Dict[str, Any]:
        """Let it look at what belongs to the measurement, and give what it measured.

        Returns:
            The fields of its `Samples`.

        Raises:
            EdgekitError: It failed.
        """
        self._signal(_GO)
        self._write("end")
        return self._event("samples")

    def _signal(self, number: Optional[int]) -> None:
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101
        # A process that is gone says so by its end.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")

    def _event(self, wanted: str) -> Dict[str, Any]:
        """The next event of the kind `wanted`; phases on the way are passed over.

        Raises:
            EdgekitError: The worker failed, of the kind that it told.
            DeviceError: It ended without a word.
        """
        for line in iter(self._lines.read, b""):
            fields: Dict[str, Any] = json.loads(line)
            event = fields.pop("event")
            if event == wanted:
                return fields
            if event == "failure":
                kind = EdgekitError.kinds().get(fields["kind"], DeviceError)
                raise kind(
                    f"{self._job.model}: {fields['message']}",
                    hint=fields["hint"],
                    stderr_tail=fields["tail"],
                )
        raise DeviceError(
            f"the worker of {self._job.model} ended with status {self._process.wait()}",
            hint="its last lines say why; try another runtime or another version of it",
        )
