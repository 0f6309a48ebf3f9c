"""Several files measured in turn, each in a process of its own, so that all share the moods.

A machine changes its pace for seconds at a time, so only what was measured within one round is
compared. (A. Abedi and T. Brecht, "Conducting Repeatable Experiments in Highly Variable Cloud
Computing Environments", ICPE 2017: randomised interleaved trials.) One side works at a time, the
others stand still.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
from typing import Any, Dict, List, Protocol, Sequence

from edgekit.errors import UsageError
from edgekit.measure.loading import Events
from edgekit.measure.loop import NS, Clock
from edgekit.measure.sides import Side
from edgekit.wire import Job, Profile, Rival

# Long enough that the start of a turn is little of it, shorter than the machine's moods.
TURN_NS = 30_000_000
# From here on one inference is a turn, though it finds the caches as the other side left them.
SLOW_NS = 50_000_000
# A session's luck is worth another one where loading takes no longer than this.
RELOAD_NS = 300_000_000
MOST_RUNS = 1_000  # in a turn
MOST_TURNS = 10_000  # what one result can sensibly carry


class Player(Protocol):
    """What takes turns."""

    def turn(self, command: str) -> int:
        """Do `load`, `try N` or `run N` and give the wall time that it took, in ns."""
        ...


@dataclasses.dataclass
class Taken:
    """Turns as they were taken.

    Attributes:
        order: Which side had each.
        runs: Inferences in each.
    """

    order: List[int]
    runs: int


def compare(job: Job, events: Events) -> Dict[str, Any]:
    """Measure the job's model and its rivals in turn.

    Returns:
        The fields of `Turns`.

    Raises:
        UsageError: The job has no profile.
        EdgekitError: A side failed.
    """
    if job.profile is None:
        raise UsageError("a compare job needs a profile", hint="give `profile`")
    with contextlib.ExitStack() as stack:
        events.enter("load")
        files = [Rival(job.model, job.precision), *job.rivals]
        jobs = [
            dataclasses.replace(job, model=file.model, precision=file.precision) for file in files
        ]
        # In any order: who comes first finds another machine, and shall not always be the same.
        shuffled = random.Random(job.seed).sample(range(len(jobs)), len(jobs))  # noqa: S311
        # They load at the same time; nothing is timed yet.
        started = {
            index: stack.enter_context(contextlib.closing(Side(jobs[index]))) for index in shuffled
        }
        for side in started.values():
            side.wait_ready()
        sides = [started[index] for index in sorted(started)]
        events.enter("run")
        taken = take_turns(sides, job.profile, job.seed)
        return {**dataclasses.asdict(taken), "sides": [side.end() for side in sides]}


def take_turns(
    sides: Sequence[Player],
    profile: Profile,
    seed: int,
    clock: Clock = time.perf_counter_ns,
) -> Taken:
    """Give each side its turn in every round, until both minima hold or the time is up.

    The order is shuffled for every second round and reversed in the next: each is as often before
    another as after it, at distances that repeat with nothing (of two sides: ABBA, with a random
    start). Before each such pair of rounds all sides load their file again where that is quick.

    Args:
        sides: What is compared.
        profile: How long; its `min_runs` are rounds.
        seed: Seed of the order.
        clock: Monotonic time, in ns.
    """
    runs = _runs(max(side.turn("try 2") for side in sides) // 2)
    order: List[int] = []
    least, most = profile.min_time_s * NS, profile.max_time_s * NS
    generator = random.Random(seed)  # noqa: S311 -- no secret
    quick = True
    start = clock()
    while len(order) < MOST_TURNS:
        shuffled = generator.sample(range(len(sides)), len(sides))
        if quick:
            quick = max([sides[index].turn("load") for index in shuffled]) <= RELOAD_NS
        for index in shuffled + shuffled[::-1]:
            sides[index].turn(f"run {runs}")
            order.append(index)
        elapsed = clock() - start
        rounds = len(order) // len(sides)
        if elapsed >= most or (rounds >= profile.min_runs and elapsed >= least):
            break
    return Taken(order, runs)


def _runs(run_ns: int) -> int:
    """Inferences in a turn: one that doesn't count, and as many as fill `TURN_NS`."""
    if run_ns >= SLOW_NS:
        return 1
    return 1 + min(max(1, round(TURN_NS / max(run_ns, 1))), MOST_RUNS - 1)
