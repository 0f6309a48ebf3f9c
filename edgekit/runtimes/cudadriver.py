"""CUDA's driver library, for adapters whose own library leaves timing and devices to it.

Called by ctypes. `libcuda.so.1` is wherever a GPU works, on a Jetson too, and its functions have
been the same since CUDA 7; CUDA's own Python would have to fit the CUDA and the Python of each
board, and JetPack brings none. Written after the signatures in CUDA 13's headers. The library of
driver 535 has all of them, and says that there is no GPU; beyond that it was run with a library of
our own in its place.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any, Callable, Dict, List, Protocol

from edgekit.errors import MissingDependency, ToolError

LIBRARY = "libcuda.so.1"
# The one that TensorRT and ONNX Runtime take too; CUDA_VISIBLE_DEVICES says which it is.
_DEVICE = 0
_MAJOR, _MINOR = 75, 76  # of the compute capability, among a device's attributes
_NAME_BYTES = 256
NS_PER_MS = 1e6
# By the names that the library exports: headers map `cuMemAlloc` to `cuMemAlloc_v2`.
_ARGUMENTS = {
    "cuInit": (c_uint,),
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemcpyHtoDAsync_v2": (c_uint64, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_uint64, c_size_t, c_void_p),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuEventCreate": (POINTER(c_void_p), c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventElapsedTime": (POINTER(c_float), c_void_p, c_void_p),
    "cuEventDestroy_v2": (c_void_p,),
}
_thread = threading.local()


def need_gpu() -> None:
    """Refuse to go on without a GPU.

    Raises:
        MissingDependency: There is none, or no driver that works.
    """
    _library()


def device_settings() -> Dict[str, str]:
    """Name and compute capability of the GPU in use."""
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _call("cuDeviceGetName", name, _NAME_BYTES, _DEVICE)
    return {
        "device_name": name.value.decode("utf-8", "replace"),
        "compute_capability": f"{_attribute(_MAJOR)}.{_attribute(_MINOR)}",
    }


def allocated(size_bytes: int) -> int:
    """The address of new memory on the GPU; it lives as long as the process."""
    address = c_uint64()
    _call("cuMemAlloc_v2", byref(address), size_bytes)
    return address.value


@functools.lru_cache(maxsize=None)  # Python 3.8 has no functools.cache
def _library() -> Any:
    """The library, with a device that it can use."""
    try:
        library = ctypes.CDLL(LIBRARY)
        for name, types in _ARGUMENTS.items():
            getattr(library, name).argtypes = types
    except (OSError, AttributeError) as error:
        raise _no_gpu(f"no {LIBRARY}") from error
    status = library.cuInit(0) or library.cuDeviceGet(byref(c_int()), _DEVICE)
    if status:
        raise _no_gpu(_status_name(library, status))
    return library


def _no_gpu(reason: str) -> MissingDependency:
    return MissingDependency(
        f"there is no NVIDIA GPU that works here ({reason})",
        hint="run it on a machine with a GPU and its driver; `nvidia-smi` shows both",
    )


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the library in the context that all of this process share.

    Raises:
        ToolError: The call failed.
    """
    library = _library()
    if not hasattr(_thread, "context"):  # each thread has its own, and begins with none
        context = c_void_p()
        _check(library, library.cuDevicePrimaryCtxRetain(byref(context), _DEVICE))
        _check(library, library.cuCtxSetCurrent(context))
        _thread.context = context
    _check(library, getattr(library, name)(*arguments))


def _check(library: Any, status: int) -> None:
    if status:
        raise ToolError(
            f"CUDA says {_status_name(library, status)}",
            hint="`nvidia-smi` shows memory and errors",
        )


def _status_name(library: Any, status: int) -> str:
    name = c_char_p()
    library.cuGetErrorName(status, byref(name))
    return (name.value or b"error %d" % status).decode("ascii", "replace")


def _attribute(number: int) -> int:
    value = c_int()
    _call("cuDeviceGetAttribute", byref(value), number, _DEVICE)
    return value.value


def _made(name: str) -> c_void_p:
    """A new stream or event, with no flags."""
    handle = c_void_p()
    _call(name, byref(handle), 0)
    return handle


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
    """A queue of work on the GPU, and events that it reaches one after another.

    Attributes:
        address: Of the stream, as other libraries want it.
    """

    def __init__(self) -> None:
        self._handle = _made("cuStreamCreate")
        self.address = int(self._handle.value or 0)
        self._events: List[c_void_p] = []

    def mark(self) -> None:
        """Note the instant at which all work queued so far is done."""
        event = _made("cuEventCreate")
        _call("cuEventRecord", event, self._handle)
        self._events.append(event)

    def copy_in(self, address: int, array: Any) -> None:
        """Queue a copy of a contiguous array to the GPU."""
        _call("cuMemcpyHtoDAsync_v2", address, array.ctypes.data, array.nbytes, self._handle)

    def copy_out(self, address: int, array: Any) -> None:
        """Queue a copy from the GPU into a contiguous array."""
        _call("cuMemcpyDtoHAsync_v2", array.ctypes.data, address, array.nbytes, self._handle)

    def wait(self) -> None:
        """Return when all queued work is done."""
        _call("cuStreamSynchronize", self._handle)

    def spans_ns(self) -> List[int]:
        """Time from each mark to the next, in ns; the marks are gone then."""
        self.wait()
        events, self._events = self._events, []
        spans = [_span_ns(begin, end) for begin, end in zip(events, events[1:])]
        for event in events:
            _call("cuEventDestroy_v2", event)
        return spans


def _span_ns(begin: c_void_p, end: c_void_p) -> int:
    span_ms = c_float()
    _call("cuEventElapsedTime", byref(span_ms), begin, end)
    return round(span_ms.value * NS_PER_MS)
