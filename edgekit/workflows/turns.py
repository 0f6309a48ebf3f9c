"""Files against each other, measured so that noise can't decide.

The files are loaded by a process each and take turns of a few inferences, in an order that is
shuffled again and again; only what was measured within one round is compared. A shared machine
changes its pace for seconds at a time: files that were each measured in a process of its own, one
after the other, differed by 30 % from themselves. (Abedi and Brecht, "Conducting Repeatable
Experiments in Highly Variable Cloud Computing Environments", ICPE 2017: randomised interleaved
trials.) A process also has luck of its own, so there are several, and the interval is over them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from edgekit.errors import DeviceError, MissingDependency
from edgekit.measure.environment import usable_cores
from edgekit.records import Artifact, BenchPlan, Device, Subject
from edgekit.transports import Link, linked
from edgekit.wire import Profile, Rival, Turns
from edgekit.workflows import bench
from edgekit.workflows.jobs import run_job

# The least with which one wild launch can't decide: the interval is from the second to the eighth.
LAUNCHES = 9
TURNS = Profile(
    min_runs=8,
    min_time_s=0.8,
    max_time_s=4.0,
    warmup_min_runs=2,
    warmup_min_time_s=0.1,
    warmup_max_time_s=0.1,
)
# What a file runs, and whether it is right, are no matter of time.
ALONE = Profile(
    min_runs=1,
    min_time_s=0.0,
    max_time_s=1.0,
    warmup_min_runs=1,
    warmup_min_time_s=0.0,
    warmup_max_time_s=0.0,
)
_FEW = 3
_TIMEOUT_S = 1200.0


def plan(
    artifact: Artifact, runtime: str, threads: int, batch: int | None, device: Device | None = None
) -> BenchPlan:
    """A leg that looks at `artifact` and hardly times it; on this machine if no other is named."""
    return BenchPlan(
        subject=Subject(artifact.model, artifact.sha256, artifact.size_bytes, artifact),
        runtime=runtime,
        device=device or Device(),
        threads=threads,
        batch=batch or artifact.inputs[0].shape[0],
        profile=ALONE,
    )


def launches(
    link: Link, plans: Sequence[BenchPlan], seed: int, count: int = LAUNCHES
) -> list[tuple[list[int], ...]]:
    """For each launch: for each of `plans`, the latency in every round, in ns.

    Raises:
        EdgekitError: A file can't be measured.
    """
    found = []
    for launch in range(count):
        taken = take(link, plans, TURNS, seed + launch, timeout_s=_TIMEOUT_S)
        found.append(tuple(rounds(taken, side.latency_ns) for side in taken.sides))
    return found


def take(
    link: Link, plans: Sequence[BenchPlan], profile: Profile, seed: int, *, timeout_s: float
) -> Turns:
    """One launch: a fresh process for each of `plans`.

    Args:
        link: The way to their machine.
        plans: What takes turns.
        profile: How long.
        seed: Seed of the order, of the CPUs and of inputs that are made up.
        timeout_s: Seconds until the processes are ended.

    Raises:
        EdgekitError: A file can't be measured.
    """
    first, *rivals = map(bench.job, plans)
    job = replace(
        first,
        kind="compare",
        profile=profile,
        golden=None,
        rivals=[Rival(rival.model, rival.precision) for rival in rivals],
        seed=seed,
        profiled=False,
    )
    measured = run_job(link, job, timeout_s=timeout_s + bench.cooling_s(plans[0]))
    if not isinstance(measured, Turns):
        raise DeviceError("the worker measured nothing", hint="run it again", stage="run")
    return measured


def rounds(turns: Turns, times_ns: Sequence[int]) -> list[int]:
    """The median time of each of a side's turns; there is one a round.

    Args:
        turns: How they were taken.
        times_ns: Of all the side's inferences, one turn after the other.
    """
    skipped = min(1, turns.runs - 1)
    return [
        round(statistics.median(times_ns[at + skipped : at + turns.runs]))
        for at in range(0, len(times_ns), turns.runs)
    ]


def latency_ratio(artifact: Artifact, base: Artifact, runtime: str) -> float | None:
    """Latency of `artifact` to that of `base`, the median over a few launches.

    Returns:
        None where the runtime can't run here.
    """
    plans = [plan(each, runtime, usable_cores(), None) for each in (artifact, base)]
    try:
        with linked(Device()) as link:
            rounds = launches(link, plans, 0, _FEW)
    except MissingDependency:
        return None
    return float(
        statistics.median(
            statistics.median(own / other for own, other in zip(*pair, strict=True))
            for pair in rounds
        )
    )
