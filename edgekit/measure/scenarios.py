"""The timed stretch of a bench: which loop, by the job's scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from edgekit.errors import UsageError
from edgekit.measure.inputs import ShapeChooser
from edgekit.measure.loadgen import under_loadgen
from edgekit.measure.loading import Events, Feeds, Loaded
from edgekit.measure.loop import NS, Run, timed
from edgekit.measure.offline import offline
from edgekit.measure.pacing import paced
from edgekit.measure.served import serve
from edgekit.measure.server import Server, highest_rate
from edgekit.runtimes import Runtime, Session
from edgekit.wire import Job, Profile

# Enough to know within a few percent what one worker can serve back to back.
CAPACITY = Profile(20, 0.5, 5.0, 0, 0.0, 0.0)


# Fields of `Samples`, by name.
Fields = Dict[str, Any]
Stretch = Callable[[], Fields]


def prepare(job: Job, events: Events, loaded: Loaded, feeds: Feeds) -> Stretch:
    """Load what the scenario needs beside the session, before anything is timed.

    Args:
        job: What to do.
        events: Where `turns` says that one has ended.
        loaded: The model.
        feeds: Inputs, taken in turn.

    Returns:
        What runs the timed stretch and gives `latency_ns`, `cpu_ns`, `span_ns` of `Samples`, and
        what else the mode measures.

    Raises:
        UsageError: There is no such mode, or the job has no profile.
        EdgekitError: A further session can't be loaded.
    """
    profile, scenario = job.profile, job.scenario
    if scenario.mode == "turns":
        return lambda: serve(job, events, loaded, feeds)
    if profile is None or scenario.mode not in _MODES:
        raise UsageError(
            f"there is no mode {scenario.mode!r}", hint=f"one of: {', '.join(_MODES)}"
        )
    runs = [loaded.session.run]
    if scenario.mode == "offline" and not scenario.loadgen:
        runs += [_another(job, loaded.runtime).run for _ in range(scenario.streams - 1)]
    stretch = _loadgen if scenario.loadgen else _MODES[scenario.mode]
    return lambda: stretch(job, profile, runs, feeds)


def _another(job: Job, runtime: Runtime) -> Session:
    return runtime.load(
        Path(job.model), threads=job.threads, precision=job.precision, shape_of=ShapeChooser(job)
    )


def _latency(job: Job, profile: Profile, runs: Sequence[Run], feeds: Feeds) -> Fields:
    del job
    return timed(runs[0], feeds, profile)._asdict()


def _paced(job: Job, profile: Profile, runs: Sequence[Run], feeds: Feeds) -> Fields:
    found = paced(runs[0], feeds, profile, _rate(job.scenario.rate_per_s))
    return {**found.timed._asdict(), "lateness_ns": found.lateness_ns, "missed": found.missed}


def _offline(job: Job, profile: Profile, runs: Sequence[Run], feeds: Feeds) -> Fields:
    del job
    return offline(runs, feeds, profile)._asdict()


def _server(job: Job, profile: Profile, runs: Sequence[Run], feeds: Feeds) -> Fields:
    wanted = job.scenario
    times = timed(runs[0], feeds, CAPACITY).latency_ns if wanted.rate_per_s is None else []
    server = Server(runs[0], feeds, profile, wanted.p99_ms, job.seed)
    if times:
        trials, served = highest_rate(server, len(times) * NS / sum(times))
    else:
        served = server.serve(_rate(wanted.rate_per_s))
        trials = [served.trial]
    model = [whole - queue for whole, queue in zip(served.timed.latency_ns, served.queue_ns)]
    parts = {"queue": served.queue_ns, "model": model}
    return {**served.timed._asdict(), "trials": trials, "parts_ns": parts}


def _loadgen(job: Job, profile: Profile, runs: Sequence[Run], feeds: Feeds) -> Fields:
    found = under_loadgen(runs[0], feeds, job, profile)
    return {**found.timed._asdict(), "loadgen_summary": found.summary}


def _rate(rate_per_s: Optional[float]) -> float:
    if rate_per_s is None or rate_per_s <= 0.0:
        raise UsageError("this mode needs a rate", hint="give `rate_per_s`, from 0 up")
    return rate_per_s


_MODES = {"latency": _latency, "paced": _paced, "offline": _offline, "server": _server}
