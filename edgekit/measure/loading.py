"""A model loaded by a runtime and run for the first time: each step timed, its memory marked."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Dict, List, Protocol, Sequence

import numpy as np

from edgekit.errors import EdgekitError, FixedBatchError, ToolError
from edgekit.measure.inputs import (
    Feed,
    ShapeChooser,
    Stored,
    batch_of,
    check_inputs,
    check_types,
    random_feeds,
)
from edgekit.measure.memory import MemoryLog
from edgekit.runtimes import RUNTIMES, Runtime, Session
from edgekit.wire import Job

Feeds = Sequence[Feed]


class Events(Protocol):
    """Where the tasks say how far they are and what came out."""

    def enter(self, phase: str) -> None:
        """Say that `phase` begins."""
        ...

    def send(self, event: str, fields: Dict[str, Any]) -> None:
        """Send an outcome."""
        ...


@dataclasses.dataclass
class Loaded:
    """A session that has run once, and what that took.

    Attributes:
        runtime: What loaded it.
        session: The session.
        load_ns: Wall time of loading.
        first_ns: Wall time of the first inference.
        defaulted: Free axes that nobody gave a size and that were set, by input name.
    """

    runtime: Runtime
    session: Session
    load_ns: int
    first_ns: int
    defaulted: Dict[str, List[int]]


def load(job: Job, events: Events, memory: MemoryLog) -> Loaded:
    """Import the job's runtime, load its model, run it once.

    Raises:
        EdgekitError: One of these can't be done.
    """
    events.enter("runtime")
    runtime = RUNTIMES.get(job.runtime)
    memory.mark("runtime")
    events.enter("load")
    chooser = ShapeChooser(job)
    start = time.perf_counter_ns()
    session = runtime.load(
        Path(job.model), threads=job.threads, precision=job.precision, shape_of=chooser
    )
    load_ns = time.perf_counter_ns() - start
    memory.mark("load")
    check_inputs(job, session.inputs)
    check_types(session.inputs)
    events.enter("first")
    # Made-up numbers: stored samples would count as the model's memory if they were read by now.
    (feed,) = random_feeds(session.inputs, 1, job.seed, job.bounds)
    start = time.perf_counter_ns()
    outputs = run_once(job, session, feed)
    first_ns = time.perf_counter_ns() - start
    _check_outputs(job, outputs)
    memory.mark("first")
    return Loaded(runtime, session, load_ns, first_ns, chooser.defaulted)


def run_once(job: Job, session: Session, feed: Feed) -> List[Any]:
    """Run once.

    Raises:
        ToolError: The runtime failed.
    """
    try:
        return session.run(feed)
    except (EdgekitError, MemoryError):
        raise
    except Exception as error:
        raise ToolError(
            f"{job.runtime} failed while it ran the model: {' '.join(str(error).split())[:500]}",
            hint="try another runtime, or another batch or input shape",
        ) from error


def _check_outputs(job: Job, outputs: Sequence[Any]) -> None:
    """A batch that an inner reshape folded away shows in the first output's first axis."""
    shape = np.shape(outputs[0])
    if job.batch is not None and job.batch > 1 and shape[:1] != (job.batch,):
        raise FixedBatchError(
            f"asked for batch {job.batch}, the first output has the shape {shape}: the file is "
            "fixed at its own batch size",
            hint=f"run it with that batch, or export it with `--batch {job.batch}`",
        )


def run_all(job: Job, session: Session, stored: Stored) -> List[Any]:
    """All outputs for all samples, samples first."""
    parts = []
    for feed, count in stored.batches(batch_of(session.inputs)):
        parts.append([output[:count] for output in run_once(job, session, feed)])
    return [np.concatenate(arrays) for arrays in zip(*parts)]
