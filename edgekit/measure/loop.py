"""The timed loop: nothing between two readings of the clock but one inference."""

from __future__ import annotations

import itertools
import time
from typing import Any, Callable, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from edgekit.measure.collector import at_rest
from edgekit.wire import Profile

Run = Callable[[Mapping[str, Any]], List[Any]]
Clock = Callable[[], int]
NS = 1_000_000_000
MOST_RUNS = 1_000_000  # what one result can sensibly carry


class Timed(NamedTuple):
    """What the loop measured.

    Attributes:
        latency_ns: Wall time of each inference.
        cpu_ns: CPU time of the process over the same spans.
        span_ns: Wall time from the start of the first to the end of the last.
    """

    latency_ns: List[int]
    cpu_ns: List[int]
    span_ns: int


def once(
    run: Run,
    feed: Mapping[str, Any],
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
) -> Tuple[int, int]:
    """Wall time of one inference, and the process's CPU time over the same span, in ns."""
    cpu_before = cpu_clock()
    before = clock()
    outputs = run(feed)
    after = clock()
    cpu_after = cpu_clock()
    del outputs  # outside the timed span
    return after - before, cpu_after - cpu_before


def timed(
    run: Run,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
    most_runs: int = MOST_RUNS,
) -> Timed:
    """Run one inference after another, until both minima hold or a limit is reached.

    Args:
        run: One inference.
        feeds: Inputs, taken in turn.
        profile: How long.
        clock: Monotonic time, in ns.
        cpu_clock: CPU time of the process, in ns.
        most_runs: Inferences after which it ends in any case.
    """
    # All the room there will be: nothing grows in the loop. The system gives a page of it when it
    # is written to, so what isn't needed takes no memory.
    wall, cpu = (np.zeros(most_runs, np.int64).data for _ in range(2))
    least, most = int(profile.min_time_s * NS), int(profile.max_time_s * NS)
    min_runs = profile.min_runs
    count = elapsed = 0
    with at_rest():
        start = clock()
        for feed in itertools.cycle(feeds):
            wall[count], cpu[count] = once(run, feed, clock, cpu_clock)
            count += 1
            elapsed = clock() - start
            if elapsed >= most or count == most_runs or (count >= min_runs and elapsed >= least):
                break
    return Timed(wall[:count].tolist(), cpu[:count].tolist(), elapsed)
