"""One side of a comparison: inferences when it is told to, blocked while others have their turn.

Whoever compares writes one command a line to this process's standard input: `load` (let go of the
session and load the file again), `try N` (N inferences that aren't kept), `run N` and `end`. Each
but the last is answered by an event, `turn`. The end of the input is the end of the process.
"""

from __future__ import annotations

import gc
import itertools
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List

from edgekit.errors import UsageError
from edgekit.measure.affinity import pin_alike
from edgekit.measure.collector import at_rest
from edgekit.measure.inputs import Feed, ShapeChooser
from edgekit.measure.lines import ABANDONED, Lines
from edgekit.measure.loading import Events, Feeds, Loaded
from edgekit.measure.loop import once
from edgekit.wire import Job

# A session takes its memory at the first inference, and may choose its kernels at the second.
_AFTER_LOADING = 2


def serve(job: Job, events: Events, loaded: Loaded, feeds: Feeds) -> Dict[str, Any]:
    """Do as the commands on standard input say, until they end.

    Every turn begins with the same input, so that both of a pair compute the same.

    Args:
        job: What is measured.
        events: Where each turn's end is told.
        loaded: The model; `load` puts another session in it.
        feeds: Inputs, taken in turn.

    Returns:
        `latency_ns`, `cpu_ns` and `span_ns` of `Samples`.

    Raises:
        UsageError: There is no such command.
        EdgekitError: The file can't be loaded again.
    """
    wall: List[int] = []
    cpu: List[int] = []
    commands = Lines(0)
    # Not sooner: all sides load at the same time, on all the CPUs there are.
    pin_alike(job.threads, Path(job.root), job.seed)
    with at_rest():
        for line in iter(commands.read, b"end"):
            if not line:
                os._exit(ABANDONED)  # nobody is left to tell
            word, _, count = line.decode().partition(" ")
            if word == "load":
                _load_again(job, loaded)
                word, count = "try", str(_AFTER_LOADING)
            times = [once(loaded.session.run, feed) for feed in _first(feeds, int(count))]
            if word == "run":
                wall += [wall_ns for wall_ns, _ in times]
                cpu += [cpu_ns for _, cpu_ns in times]
            elif word != "try":
                raise UsageError(f"there is no command {word!r}", hint="load, try, run or end")
            events.send("turn", {})
    return {"latency_ns": wall, "cpu_ns": cpu, "span_ns": sum(wall)}


def _first(feeds: Feeds, count: int) -> Iterator[Feed]:
    return itertools.islice(itertools.cycle(feeds), count)


def _load_again(job: Job, loaded: Loaded) -> None:
    """Where a session's memory lies is luck, and stays as long as it: another one, other luck."""
    del loaded.session
    gc.collect()
    loaded.session = loaded.runtime.load(
        Path(job.model), threads=job.threads, precision=job.precision, shape_of=ShapeChooser(job)
    )
