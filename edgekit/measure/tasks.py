"""The jobs of a worker: measure a model file, or several in turn, or run one over samples."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, Dict

import numpy as np

from edgekit.errors import UsageError
from edgekit.measure.affinity import pin
from edgekit.measure.benching import measured
from edgekit.measure.cooldown import cool_down
from edgekit.measure.heat import temperatures
from edgekit.measure.inputs import DISTINCT, Stored, random_feeds
from edgekit.measure.limits import limit_memory
from edgekit.measure.loading import Events, load, run_all, run_once
from edgekit.measure.memory import MemoryLog
from edgekit.measure.turns import compare
from edgekit.runtimes import Session
from edgekit.wire import Job


def perform(job: Job, events: Events) -> None:
    """Do `job` and send what came of it."""
    root = Path(job.root)
    cooled = _cooled(job, events)
    # Before the runtime is imported: its threads get what this one has.
    pin(job.threads * job.scenario.streams, root)
    limit_memory(root)
    memory = MemoryLog(Path(job.model))
    memory.mark("start")
    if job.kind == "bench":
        samples = measured(job, events, memory)
        samples.environment.update(cooled)
        events.send("samples", dataclasses.asdict(samples))
    elif job.kind == "compare":
        turns = compare(job, events)
        for side in turns["sides"]:
            side["environment"].update(cooled)
        events.send("turns", turns)
    elif job.kind == "infer":
        _infer(job, events, memory)
        events.send("outputs", {})
    else:
        raise UsageError(
            f"there is no job of kind {job.kind!r}", hint="one of: bench, compare, infer"
        )


def _cooled(job: Job, events: Events) -> Dict[str, str]:
    """Wait until the machine is cool, if that is asked for and something will be timed."""
    wanted = job.cooldown
    if wanted is None or job.kind not in ("bench", "compare"):
        return {}
    events.enter("cooldown")
    return cool_down(wanted, lambda: temperatures(Path(job.root)))


def _infer(job: Job, events: Events, memory: MemoryLog) -> None:
    if job.outputs is None:
        raise UsageError("an infer job needs a file", hint="give `outputs`")
    session = load(job, events, memory).session
    arrays = _of_feeds(job, session, events) if job.feeds else _of_made_up(job, session, events)
    # Written aside and renamed, so that a file with the final name is always whole.
    aside = job.outputs + ".part"
    with open(aside, "wb") as file:  # noqa: PTH123 -- NumPy wants the file, the path is a str
        np.savez(file, **arrays)
    os.replace(aside, job.outputs)  # noqa: PTH105


def _of_feeds(job: Job, session: Session, events: Events) -> Dict[str, Any]:
    stored = Stored(Path(job.feeds or ""), session.inputs, job)
    events.enter("run")
    outputs = run_all(job, session, stored)
    return {f"output:{index}": array for index, array in enumerate(outputs)}


def _of_made_up(job: Job, session: Session, events: Events) -> Dict[str, Any]:
    # By name: two files of one model may list their inputs in other orders.
    inputs = sorted(session.inputs, key=lambda spec: spec.name)
    feeds = random_feeds(inputs, DISTINCT, job.seed, job.bounds)
    events.enter("run")
    arrays = {f"input:{name}": array for name, array in feeds[0].items()}
    # One by one: an output may have another size for each feed.
    for number, feed in enumerate(feeds):
        for index, array in enumerate(run_once(job, session, feed)):
            arrays[f"output:{index}:{number}"] = array
    return arrays
