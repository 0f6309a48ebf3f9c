"""Inferences at the ticks of a fixed rate, as a camera asks for them.

Between two of them the machine rests, and clocks go down: back-to-back latency doesn't show it.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import Any, Callable, List, Mapping, NamedTuple, Sequence

from edgekit.measure.collector import at_rest
from edgekit.measure.loop import MOST_RUNS, NS, Clock, Run, Timed
from edgekit.wire import Profile

Wait = Callable[[int], None]

# A sleep ends late by the timer's slack and the scheduler's mood: the last bit is spun.
SPIN_NS = 200_000


class Paced(NamedTuple):
    """What a paced stretch measured.

    Attributes:
        timed: Latency from the start of each call, CPU time, and the span.
        lateness_ns: How long after its tick each inference began.
        missed: Ticks that passed while an inference ran.
    """

    timed: Timed
    lateness_ns: List[int]
    missed: int


def wait_until(instant_ns: int) -> None:
    """Return at `instant_ns` of `perf_counter_ns`, at once if it has passed."""
    left = instant_ns - time.perf_counter_ns()
    if left > SPIN_NS:
        time.sleep((left - SPIN_NS) / NS)
    while time.perf_counter_ns() < instant_ns:
        pass


def paced(
    run: Run,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    rate_per_s: float,
    *,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
    wait: Wait = wait_until,
) -> Paced:
    """Run one inference at each tick, until both minima hold or the maximum is reached.

    Ticks are multiples of the period from the first on, so that lateness never adds up. A tick
    that passes while an inference runs is skipped and counted: a camera's frame is gone.

    Args:
        run: One inference.
        feeds: Inputs, taken in turn.
        profile: How long.
        rate_per_s: Ticks a second.
        clock: Monotonic time, in ns.
        cpu_clock: CPU time of the process, in ns.
        wait: Returns at an instant of `clock`.
    """
    period = NS / rate_per_s
    least, most = profile.min_time_s * NS, profile.max_time_s * NS
    latency: List[int] = []
    cpu: List[int] = []
    lateness: List[int] = []
    tick = missed = elapsed = 0
    with at_rest():
        start = clock()
        for feed in itertools.islice(itertools.cycle(feeds), MOST_RUNS):
            due = start + round(tick * period)
            wait(due)
            cpu_before = cpu_clock()
            before = clock()
            outputs = run(feed)
            after = clock()
            cpu.append(cpu_clock() - cpu_before)
            del outputs
            latency.append(after - before)
            lateness.append(before - due)
            elapsed = after - start
            if elapsed >= most or (len(latency) >= profile.min_runs and elapsed >= least):
                break
            # An inference that ends on a tick is in time for it.
            following = max(tick + 1, math.ceil(elapsed / period))
            missed += following - tick - 1
            tick = following
    return Paced(Timed(latency, cpu, elapsed), lateness, missed)
