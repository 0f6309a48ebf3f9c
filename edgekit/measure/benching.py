"""The job `bench`: load, check, warm up, time, and look at everything that belongs to it."""

from __future__ import annotations

import contextlib
import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from edgekit import __version__
from edgekit.errors import UsageError
from edgekit.measure.boards import board
from edgekit.measure.closeness import closeness
from edgekit.measure.end_to_end import Application, time_parts
from edgekit.measure.energy import Energy, measure_energy
from edgekit.measure.environment import machine
from edgekit.measure.inputs import DISTINCT, Feed, Stored, batch_of, image_size, random_feeds
from edgekit.measure.loading import Events, load, run_all, run_once
from edgekit.measure.memory import MemoryLog
from edgekit.measure.parts import timed_parts
from edgekit.measure.rows import last_tokens
from edgekit.measure.scenarios import Fields, Stretch, prepare
from edgekit.measure.sensors import find_sensors
from edgekit.measure.state import state
from edgekit.measure.warmup import warm_up
from edgekit.runtimes import Runtime, Session
from edgekit.wire import Closeness, Job, Profile, Samples


def measured(job: Job, events: Events, memory: MemoryLog) -> Samples:
    """What one process measures of one model file.

    Raises:
        EdgekitError: It can't be loaded, checked or run.
    """
    if job.profile is None:
        raise UsageError("a bench job needs a profile", hint="give `profile`")
    loaded = load(job, events, memory)
    stored = _stored(job, loaded.session)
    feeds = _feeds(job, loaded.session, stored)
    application = Application(job, job.end_to_end, loaded.session) if job.end_to_end else None
    stretch = prepare(job, events, loaded, feeds)
    memory.mark("feeds")
    golden = _golden(job, events, loaded.session, stored)
    events.enter("warmup")
    warmup_ns, steady = warm_up(loaded.session.run, feeds, job.profile)
    memory.mark("warm")
    fields = _stretch(job, events, stretch, memory)
    session = loaded.session  # from here on: turns may put another one in its place
    fields["parts_ns"] = {
        **fields.get("parts_ns", {}),
        **timed_parts(session, feeds, job.profile),
        **_parts(application, job.profile, events),
    }
    energy = _energy(job, events, session, feeds)
    fields["environment"].update(energy.facts)
    return Samples(
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
        batch=batch_of(session.inputs),
        energy=energy.windows,
        **fields,
        **_looked_at(job, session, feeds),
        execution=session.execution(feeds[0]) if job.profiled else [],
    )


def _stored(job: Job, session: Session) -> Optional[Stored]:
    """The golden sample; None if there is none, or none of it fits."""
    found = Stored(Path(job.golden), session.inputs, job) if job.golden else None
    return found if found and found.count else None


def _feeds(job: Job, session: Session, stored: Optional[Stored]) -> List[Feed]:
    """What to time with: stored samples first, made-up ones up to `DISTINCT`."""
    feeds = stored.rotation(batch_of(session.inputs)) if stored else []
    lacking = max(0, DISTINCT - len(feeds))
    return feeds + random_feeds(session.inputs, lacking, job.seed, job.bounds)


def _golden(
    job: Job, events: Events, session: Session, stored: Optional[Stored]
) -> Optional[Closeness]:
    events.enter("golden")
    if stored is None:
        return None
    outputs = last_tokens(run_all(job, session, stored), stored.outputs)[: len(stored.outputs)]
    return closeness(outputs, stored.outputs, job.task, image_size(session.inputs, job))


def _stretch(job: Job, events: Events, stretch: Stretch, memory: MemoryLog) -> Fields:
    """The timed stretch, and the machine's state before and after it.

    Of it alone: the worker's own start and the warm-up disturb nothing in it.
    """
    root = Path(job.root)
    in_turns = job.scenario.mode == "turns"
    if in_turns:
        memory.mark("steady")  # then sessions come and go, and leave holes in the heap
    environment = {**machine(root), **board(root), **_named("before", state(root))}
    events.enter("run")
    fields = stretch()
    environment.update(_named("after", state(root)))
    if not in_turns:
        memory.mark("steady")
    return {**fields, "environment": environment}


def _named(when: str, facts: Dict[str, str]) -> Dict[str, str]:
    return {f"{when}.{name}": value for name, value in facts.items()}


def _parts(
    application: Optional[Application], profile: Profile, events: Events
) -> Dict[str, List[int]]:
    if application is None:
        return {}
    events.enter("parts")
    return time_parts(application, profile)


def _energy(job: Job, events: Events, session: Session, feeds: Sequence[Feed]) -> Energy:
    if not job.energetic or job.profile is None:
        return Energy([], {})
    events.enter("energy")
    return measure_energy(session.run, feeds, job.profile, find_sensors(Path(job.root)))


def _looked_at(job: Job, session: Session, feeds: Sequence[Feed]) -> Dict[str, Any]:
    """Digest of the first feed's outputs; whether all feeds' are finite numbers.

    After the timed inferences, since what a long run did to the session shall be seen.
    """
    first = run_once(job, session, feeds[0])
    finite = _finite(first) and all(_finite(run_once(job, session, feed)) for feed in feeds[1:])
    return {"output_sha256": _digest(first), "finite": finite}


def _finite(outputs: Sequence[Any]) -> bool:
    floats = [array for array in map(np.asarray, outputs) if array.dtype.kind == "f"]
    return all(bool(np.isfinite(array).all()) for array in floats)


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
