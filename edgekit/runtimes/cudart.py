"""CUDA's runtime library, for adapters whose own library leaves timing and devices to it.

Written against the documentation of cuda-python 12 and 13.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Protocol, Tuple

from edgekit.errors import MissingDependency, ToolError

try:
    from cuda.bindings import runtime as cudart
except ModuleNotFoundError:  # cuda-python before 12.6
    from cuda import cudart

NS_PER_MS = 1e6
TO_DEVICE = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
TO_HOST = cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost


def need_gpu() -> None:
    """Refuse to go on without a GPU.

    Raises:
        MissingDependency: There is none, or no driver that works.
    """
    status, count = cudart.cudaGetDeviceCount()
    if status != cudart.cudaError_t.cudaSuccess or not count:
        raise MissingDependency(
            f"there is no NVIDIA GPU that works here ({getattr(status, 'name', status)})",
            hint="run it on a machine with a GPU and its driver; `nvidia-smi` shows both",
        )


def value_of(answer: Tuple[Any, ...]) -> Any:
    """The value of a CUDA call, or None where it has none.

    Raises:
        ToolError: The call failed.
    """
    status, *values = answer
    if status != cudart.cudaError_t.cudaSuccess:
        raise ToolError(f"CUDA says {status.name}", hint="`nvidia-smi` shows memory and errors")
    return values[0] if values else None


def device_settings() -> Dict[str, str]:
    """Name and compute capability of the GPU in use."""
    found = value_of(cudart.cudaGetDeviceProperties(value_of(cudart.cudaGetDevice())))
    return {
        "device_name": found.name.decode(),
        "compute_capability": f"{found.major}.{found.minor}",
    }


def allocated(size_bytes: int) -> int:
    """The address of new memory on the GPU; it lives as long as the process."""
    return int(value_of(cudart.cudaMalloc(size_bytes)))


class Marks(Protocol):
    """What `timed_parts` needs of a stream."""

    def mark(self) -> None:
        """Note the instant at which all work queued so far is done."""
        ...

    def wait(self) -> None:
        """Return when all queued work is done."""
        ...

    def spans_ns(self) -> List[int]:
        """Time from each mark to the next, in ns; the marks are gone then."""
        ...


def timed_parts(
    stream: Marks,
    copy_in: Callable[[], Any],
    compute: Callable[[], Any],
    copy_out: Callable[[], Any],
) -> Dict[str, int]:
    """Do the three parts of one inference and give their times, as `Parted` has them."""
    stream.mark()
    copy_in()
    stream.mark()
    stream.wait()
    start = time.perf_counter_ns()
    stream.mark()
    compute()
    stream.mark()
    stream.wait()
    compute_host = time.perf_counter_ns() - start
    stream.mark()
    copy_out()
    stream.mark()
    h2d, _, computing, _, d2h = stream.spans_ns()
    return {"h2d": h2d, "compute": computing, "d2h": d2h, "compute_host": compute_host}


class Stream:
    """A queue of work on the GPU, and events that it reaches one after another."""

    def __init__(self) -> None:
        self.handle = value_of(cudart.cudaStreamCreate())
        self._events: List[Any] = []

    def mark(self) -> None:
        """Note the instant at which all work queued so far is done."""
        event = value_of(cudart.cudaEventCreate())
        value_of(cudart.cudaEventRecord(event, self.handle))
        self._events.append(event)

    def copy_in(self, address: int, array: Any) -> None:
        """Queue a copy of a contiguous array to the GPU."""
        self._copy(address, array.ctypes.data, array.nbytes, TO_DEVICE)

    def copy_out(self, address: int, array: Any) -> None:
        """Queue a copy from the GPU into a contiguous array."""
        self._copy(array.ctypes.data, address, array.nbytes, TO_HOST)

    def wait(self) -> None:
        """Return when all queued work is done."""
        value_of(cudart.cudaStreamSynchronize(self.handle))

    def spans_ns(self) -> List[int]:
        """Time from each mark to the next, in ns; the marks are gone then."""
        self.wait()
        events, self._events = self._events, []
        spans = [
            round(float(value_of(cudart.cudaEventElapsedTime(begin, end))) * NS_PER_MS)
            for begin, end in zip(events, events[1:])
        ]
        for event in events:
            value_of(cudart.cudaEventDestroy(event))
        return spans

    def _copy(self, target: int, source: int, size_bytes: int, way: Any) -> None:
        value_of(cudart.cudaMemcpyAsync(target, source, size_bytes, way, self.handle))
