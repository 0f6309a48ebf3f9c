"""LiteRT's own profiler, which only the C library in its package reaches.

`python -m edgekit.runtimes.litertprofile MODEL THREADS RUNS FEEDS.npz` prints its summary. It is a
process of its own: the C interface has changed between releases, and what a wrong call does, a
crash, must not take a finished measurement with it.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

RUNS = 11
TIMEOUT_S = 120
CPU = 1  # kLiteRtHwAcceleratorCpu
WRITE = 1  # kLiteRtTensorBufferLockModeWrite
TYPE_BYTES = 1024  # more than any LiteRtRankedTensorType
PROFILING = "enable_profiling = true\n"
NS_PER_MS = 1e6
DELEGATE = "Delegate/"
# node type, start, first, average in ms, two shares, memory, count, name:index
ROW = re.compile(r"\s*(\S.*?)\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s+[\d.]+%\s+[\d.]+%.*:(\d+)\s*")
# What takes the time: where they stand tells whether two lists are of the same operators.
HEAVY = re.compile(r"(?i)conv(?!ert)|fully.?connected|matmul|matrix multiply")
# The delegate does them within the convolution that follows.
PADS = ("PAD", "PADV2")


class Ran(NamedTuple):
    """An operator that LiteRT says it ran.

    Attributes:
        kind: Its kind, in the words of what ran it.
        number: Its number in the file, or among the delegate's own operators.
        delegated: Whether the delegate ran it.
        time_ns: Its mean time in one inference.
    """

    kind: str
    number: int
    delegated: bool
    time_ns: int


def profiled(model: Path, threads: int, feeds: Mapping[str, Any]) -> List[Ran]:
    """What LiteRT ran, in its order; empty where its profiler can't be reached."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feeds.npz"
        np.savez(path, **{f"{i:03}": array for i, array in enumerate(feeds.values())})
        words = [str(model), str(threads), str(RUNS), str(path)]
        command = [sys.executable, "-m", __name__, *words]
        try:
            done = subprocess.run(  # noqa: S603 -- our own module
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=TIMEOUT_S,
            )
        except (OSError, subprocess.SubprocessError):
            return []
    return parsed(done.stdout.decode("utf-8", "replace"))


def parsed(summary: str) -> List[Ran]:
    """The rows of the summary's first table, which is in the order of the run."""
    table = summary.partition("Run Order")[2].partition("Top by")[0]
    found = []
    for line in table.splitlines():
        match = ROW.fullmatch(line)
        if match:
            kind, mean_ms, number = match.groups()
            inside = kind.startswith(DELEGATE)
            time_ns = round(float(mean_ms) * NS_PER_MS)
            found.append(Ran(kind[len(DELEGATE) * inside :], int(number), inside, time_ns))
    return found


def matched(
    nodes: Sequence[Mapping[str, Any]], taken: Sequence[int], ran: Sequence[Ran]
) -> Optional[Dict[int, Ran]]:
    """For each of the file's operators what ran it, by its index.

    The delegate keeps the file's order but numbers its own operators. They are the file's where
    there are as many of them, with the heavy ones in the same places.

    Args:
        nodes: The file's operators, in order, with `index` and `op_name`.
        taken: Indices of those that the delegate took and that compute something.
        ran: What LiteRT says that it ran.

    Returns:
        None where they can't be matched.
    """
    kinds = {int(node["index"]): str(node["op_name"]) for node in nodes}
    inside = [row for row in ran if row.delegated]
    outside = {row.number: row for row in ran if not row.delegated}
    if not ran or not outside.keys() <= kinds.keys() - set(taken):
        return None
    for indices in (taken, [index for index in taken if kinds[index] not in PADS]):
        heavy = [_is_heavy(kinds[index]) for index in indices]
        if heavy == [_is_heavy(row.kind) for row in inside]:
            return {**dict(zip(indices, inside)), **outside}
    return None


def _is_heavy(kind: str) -> bool:
    return HEAVY.search(kind) is not None


class _Library:
    """The C library; every call that fails ends the process."""

    def __init__(self) -> None:
        import ai_edge_litert

        folder = Path(ai_edge_litert.__file__).parent
        self._library = ctypes.CDLL(str(next(iter(sorted(folder.glob("libLiteRt.*"))))))

    def __call__(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            sys.exit(f"{name} gives {status}")

    def made(self, name: str, *arguments: Any) -> Any:
        """What a call writes to the address that is its last argument."""
        found = ctypes.c_void_p()
        self(name, *arguments, ctypes.byref(found))
        return found


def _options(library: _Library, threads: int) -> Any:
    options = library.made("LiteRtCreateOptions")
    library("LiteRtSetOptionsHardwareAccelerators", options, CPU)
    system = ctypes.CDLL(None)
    system.strdup.restype = ctypes.c_void_p
    texts = {b"xnnpack": f"num_threads = {threads}\n", b"runtime_options_string": PROFILING}
    for name, text in texts.items():
        # The library frees it.
        payload = ctypes.c_void_p(system.strdup(text.encode()))
        free = ctypes.cast(system.free, ctypes.c_void_p)
        opaque = library.made("LiteRtCreateOpaqueOptions", name, payload, free)
        library("LiteRtAddOpaqueOptions", options, opaque)
    return options


def _buffers(library: _Library, environment: Any, model: Any, compiled: Any, side: str) -> Any:
    """Memory for each input or output of the main graph."""
    graph, count, main = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t()
    library("LiteRtGetMainModelSubgraphIndex", model, ctypes.byref(main))
    library("LiteRtGetModelSubgraph", model, main, ctypes.byref(graph))
    library(f"LiteRtGetNumSubgraph{side}s", graph, ctypes.byref(count))
    found = []
    for number in map(ctypes.c_size_t, range(count.value)):
        tensor = library.made(f"LiteRtGetSubgraph{side}", graph, number)
        kind = ctypes.create_string_buffer(TYPE_BYTES)
        library("LiteRtGetRankedTensorType", tensor, kind)
        needs = library.made(
            f"LiteRtGetCompiledModel{side}BufferRequirements",
            compiled,
            ctypes.c_size_t(0),
            number,
        )
        make = "LiteRtCreateManagedTensorBufferFromRequirements"
        found.append(library.made(make, environment, kind, needs))
    return (ctypes.c_void_p * len(found))(*(buffer.value for buffer in found))


def _fill(library: _Library, buffers: Any, arrays: Sequence[Any]) -> None:
    for address, array in zip(buffers, arrays):
        buffer, size = ctypes.c_void_p(address), ctypes.c_size_t()
        library("LiteRtGetTensorBufferPackedSize", buffer, ctypes.byref(size))
        if size.value != array.nbytes:
            sys.exit("the inputs have other sizes than the file says")
        place = ctypes.c_void_p()
        library("LiteRtLockTensorBuffer", buffer, ctypes.byref(place), WRITE)
        ctypes.memmove(place, array.ctypes.data, array.nbytes)
        library("LiteRtUnlockTensorBuffer", buffer)


def main(model_path: str, threads: str, runs: str, feeds: str) -> None:
    """Run the model and print the profiler's summary."""
    library = _Library()
    environment = library.made("LiteRtCreateEnvironment", 0, None)
    model = library.made("LiteRtCreateModelFromFile", environment, model_path.encode())
    options = _options(library, int(threads))
    compiled = library.made("LiteRtCreateCompiledModel", environment, model, options)
    given, results = (
        _buffers(library, environment, model, compiled, side) for side in ("Input", "Output")
    )
    with np.load(feeds) as stored:
        _fill(library, given, [np.ascontiguousarray(stored[name]) for name in stored.files])
    sizes = [ctypes.c_size_t(len(buffers)) for buffers in (given, results)]

    def run() -> None:
        signature = ctypes.c_size_t(0)
        library("LiteRtRunCompiledModel", compiled, signature, sizes[0], given, sizes[1], results)

    profiler = library.made("LiteRtCompiledModelGetProfiler", compiled)
    run()
    library("LiteRtResetProfiler", profiler)
    library("LiteRtStartProfiler", profiler)
    for _ in range(int(runs)):
        run()
    library("LiteRtStopProfiler", profiler)
    summary = ctypes.c_char_p()
    library("LiteRtGetProfileSummary", profiler, compiled, ctypes.byref(summary))
    sys.stdout.write((summary.value or b"").decode("utf-8", "replace"))


if __name__ == "__main__":
    main(*sys.argv[1:])
