"""The jobs of a worker: measure a model file, or several in turn, or run one over samples."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from edgekit.errors import UsageError
from edgekit.measure.affinity import pin, pin_alike
from edgekit.measure.benching import measured
from edgekit.measure.inputs import Stored
from edgekit.measure.limits import limit_memory
from edgekit.measure.loading import Events, load, run_all
from edgekit.measure.memory import MemoryLog
from edgekit.measure.turns import compare
from edgekit.wire import Job


def perform(job: Job, events: Events) -> None:
    """Do `job` and send what came of it."""
    root = Path(job.root)
    # Before the runtime is imported: its threads get what this one has.
    if job.kind == "compare":
        pin_alike(job.threads, root, job.seed)  # and what it starts
    else:
        pin(job.threads * job.scenario.streams, root)
    limit_memory(root)
    memory = MemoryLog(Path(job.model))
    memory.mark("start")
    if job.kind == "bench":
        events.send("samples", dataclasses.asdict(measured(job, events, memory)))
    elif job.kind == "compare":
        events.send("turns", compare(job, events))
    elif job.kind == "infer":
        _infer(job, events, memory)
        events.send("outputs", {})
    else:
        raise UsageError(
            f"there is no job of kind {job.kind!r}", hint="one of: bench, compare, infer"
        )


def _infer(job: Job, events: Events, memory: MemoryLog) -> None:
    if job.feeds is None or job.outputs is None:
        raise UsageError("an infer job needs files", hint="give `feeds` and `outputs`")
    session = load(job, events, memory).session
    stored = Stored(Path(job.feeds), session.inputs, job)
    events.enter("run")
    outputs = run_all(job, session, stored)
    # Written aside and renamed, so that a file with the final name is always whole.
    aside = job.outputs + ".part"
    with open(aside, "wb") as file:  # noqa: PTH123 -- NumPy wants the file, the path is a str
        np.savez(file, **{f"output:{index}": array for index, array in enumerate(outputs)})
    os.replace(aside, job.outputs)  # noqa: PTH105
