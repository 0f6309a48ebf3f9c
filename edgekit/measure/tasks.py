"""The jobs of a worker: measure a model file, or several in turn, or run one over samples."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import os
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Protocol, Sequence

import numpy as np

from edgekit import __version__
from edgekit.errors import EdgekitError, FixedBatchError, ToolError, UsageError
from edgekit.measure.closeness import closeness
from edgekit.measure.environment import machine, state
from edgekit.measure.inputs import (
    DISTINCT,
    Feed,
    ShapeChooser,
    Stored,
    batch_of,
    check_inputs,
    check_types,
    random_feeds,
)
from edgekit.measure.loop import timed
from edgekit.measure.memory import MemoryLog
from edgekit.measure.parts import timed_parts
from edgekit.measure.turns import take_turns
from edgekit.measure.warmup import warm_up
from edgekit.runtimes import RUNTIMES, Runtime, Session
from edgekit.wire import Job, Samples, Turns


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
    """A session that has run once, and what that took."""

    runtime: Runtime
    session: Session
    load_ns: int
    first_ns: int
    defaulted: Dict[str, List[int]]


def perform(job: Job, events: Events) -> None:
    """Do `job` and send what came of it."""
    memory = MemoryLog()
    memory.mark("start")
    if job.kind == "bench":
        samples = _bench(job, events, memory)
        events.send("samples", dataclasses.asdict(samples))
    elif job.kind == "compare":
        events.send("turns", dataclasses.asdict(_compare(job, events, memory)))
    elif job.kind == "infer":
        _infer(job, events, memory)
        events.send("outputs", {})
    else:
        raise UsageError(
            f"there is no job of kind {job.kind!r}", hint="one of: bench, compare, infer"
        )


def _load(job: Job, events: Events, memory: MemoryLog) -> Loaded:
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
    (feed,) = random_feeds(session.inputs, 1, job.seed)
    start = time.perf_counter_ns()
    outputs = _run(job, session, feed)
    first_ns = time.perf_counter_ns() - start
    _check_outputs(job, outputs)
    memory.mark("first")
    return Loaded(runtime, session, load_ns, first_ns, chooser.defaulted)


def _run(job: Job, session: Session, feed: Feed) -> List[Any]:
    try:
        return session.run(feed)
    except EdgekitError:
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


def _bench(job: Job, events: Events, memory: MemoryLog) -> Samples:
    if job.profile is None:
        raise UsageError("a bench job needs a profile", hint="give `profile`")
    root = Path(job.root)
    loaded = _load(job, events, memory)
    session = loaded.session
    stored = Stored(Path(job.golden), session.inputs, job) if job.golden else None
    feeds = _feeds(job, session, stored)
    memory.mark("feeds")
    events.enter("golden")
    golden = closeness(_run_all(job, session, stored), stored.outputs) if stored else None
    events.enter("warmup")
    warmup_ns, steady = warm_up(session.run, feeds, job.profile)
    memory.mark("warm")
    # Of the timed stretch alone: the worker's own start and the warm-up disturb nothing in it.
    environment = {**machine(root), **_named("before", state(root))}
    events.enter("run")
    found = timed(session.run, feeds, job.profile)
    environment.update(_named("after", state(root)))
    memory.mark("steady")
    return Samples(
        latency_ns=found.latency_ns,
        cpu_ns=found.cpu_ns,
        span_ns=found.span_ns,
        warmup_ns=warmup_ns,
        load_ns=loaded.load_ns,
        first_ns=loaded.first_ns,
        steady=steady,
        memory=memory.marks,
        settings=session.settings(),
        versions=_versions(loaded.runtime),
        inputs=list(session.inputs),
        outputs=list(session.outputs),
        defaulted=loaded.defaulted,
        golden=golden,
        output_sha256=_digest(_run(job, session, feeds[0])),
        # Before the profile, which some runtimes stay slower after.
        parts_ns=timed_parts(session, feeds, job.profile),
        execution=session.execution(feeds[0]) if job.profiled else [],
        environment=environment,
        batch=batch_of(session.inputs),
    )


def _feeds(job: Job, session: Session, stored: Optional[Stored]) -> List[Feed]:
    """What to time with: stored samples first, made-up ones up to `DISTINCT`."""
    feeds = stored.rotation(batch_of(session.inputs)) if stored else []
    return feeds + random_feeds(session.inputs, max(0, DISTINCT - len(feeds)), job.seed)


def _named(when: str, facts: Dict[str, str]) -> Dict[str, str]:
    return {f"{when}.{name}": value for name, value in facts.items()}


def _run_all(job: Job, session: Session, stored: Stored) -> List[Any]:
    """All outputs for all samples, samples first."""
    parts = []
    for feed, count in stored.batches(batch_of(session.inputs)):
        parts.append([output[:count] for output in _run(job, session, feed)])
    return [np.concatenate(arrays) for arrays in zip(*parts)]


def _compare(job: Job, events: Events, memory: MemoryLog) -> Turns:
    if job.profile is None:
        raise UsageError("a compare job needs a profile", hint="give `profile`")
    runs = []
    for path, precision in {job.model: job.precision, **job.rivals}.items():
        one = dataclasses.replace(job, model=path, precision=precision)
        session = _load(one, events, memory).session
        feeds = random_feeds(session.inputs, DISTINCT, job.seed)
        events.enter("warmup")
        warm_up(session.run, feeds, job.profile)
        runs.append(functools.partial(_next_run, session, itertools.cycle(feeds)))
    events.enter("run")
    return Turns(take_turns(runs, job.profile, job.seed))


def _next_run(session: Session, feeds: Iterator[Feed]) -> List[Any]:
    return session.run(next(feeds))


def _infer(job: Job, events: Events, memory: MemoryLog) -> None:
    if job.feeds is None or job.outputs is None:
        raise UsageError("an infer job needs files", hint="give `feeds` and `outputs`")
    session = _load(job, events, memory).session
    stored = Stored(Path(job.feeds), session.inputs, job)
    events.enter("run")
    outputs = _run_all(job, session, stored)
    # Written aside and renamed, so that a file with the final name is always whole.
    aside = job.outputs + ".part"
    with open(aside, "wb") as file:  # noqa: PTH123 -- NumPy wants the file, the path is a str
        np.savez(file, **{f"output:{index}": array for index, array in enumerate(outputs)})
    os.replace(aside, job.outputs)  # noqa: PTH105


def _digest(outputs: Sequence[Any]) -> str:
    whole = hashlib.sha256()
    for output in outputs:
        whole.update(f"{output.dtype} {output.shape} ".encode())
        whole.update(np.ascontiguousarray(output).tobytes())
    return whole.hexdigest()


def _versions(runtime: Runtime) -> Dict[str, str]:
    found = {"edgekit": __version__, "numpy": np.__version__}
    for name in runtime.packages:
        # A runtime names the alternatives; one of them is here.
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
