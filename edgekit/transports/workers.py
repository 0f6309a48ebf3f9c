"""A worker as every transport runs it: its settings, its phases, what its ends are called."""

from __future__ import annotations

import json
import signal

from edgekit.errors import DeviceError

# Of one answer, all its lines together. A million inferences are 20 MiB.
ANSWER_LIMIT = 128 * 2**20  # bytes

# glibc's threshold from which a block is mapped by itself begins here and then follows what is
# freed. Where that leads hangs on where the heap happens to lie: one file took from 51 to 65 MiB
# in ten processes, and 47 to 48 with the threshold held.
FIXED_HEAP = {"MALLOC_MMAP_THRESHOLD_": str(128 * 2**10)}


def settings(threads: int, *, fixed_heap: bool = False) -> dict[str, str]:
    """The part of a worker's environment that is the same on all machines.

    Args:
        threads: Threads that it may use.
        fixed_heap: Hold the allocator still, so that two runs take the same memory.
    """
    return {
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
        **(FIXED_HEAP if fixed_heap else {}),
    }


def phase(name: str) -> bytes:
    """The line of a worker that begins a phase, for what is done before there is one."""
    return json.dumps({"event": "phase", "phase": name}).encode()


def too_slow(timeout_s: float, tail: str) -> DeviceError:
    """The error of a worker that had no result in time; `tail` is the last that it wrote."""
    return DeviceError(
        f"no result after {timeout_s:g} s",
        hint="it hangs, or is too slow: try `--profile quick`, or `--timeout 3600`",
        stderr_tail=tail,
    )


def endless(tail: str) -> DeviceError:
    """The error of a worker that sent more than any answer is."""
    return DeviceError(
        f"the worker sent more than {ANSWER_LIMIT} bytes",
        hint="something else than edgekit's worker answered",
        stderr_tail=tail,
    )


def crashed(status: int, tail: str) -> DeviceError:
    """The error of a worker that ended with `status`; the negative of a signal that ended it."""
    if status > 0:
        return DeviceError(
            f"the worker ended with exit status {status}",
            hint="its last lines say why",
            stderr_tail=tail,
        )
    number = -status
    hint = (
        "the system may have run out of memory: try a smaller batch"
        if number == signal.SIGKILL
        else "the runtime crashed on this file: try another runtime or another version of it"
    )
    return DeviceError(
        f"the worker was ended by {_signal_name(number)}", hint=hint, stderr_tail=tail
    )


def _signal_name(number: int) -> str:
    # Of a device: its system may have others than this one.
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
