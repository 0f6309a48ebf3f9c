"""The timed loop: nothing between two readings of the clock but one inference."""

from __future__ import annotations

import gc
import itertools
import time
from array import array
from typing import Any, Callable, List, Mapping, Sequence, Tuple

from edgekit.wire import Profile

Run = Callable[[Mapping[str, Any]], List[Any]]
Clock = Callable[[], int]
NS = 1_000_000_000
MOST_RUNS = 1_000_000  # what one result can sensibly carry


def timed(
    run: Run,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
) -> Tuple[List[int], List[int]]:
    """Run one inference after another, until both minima hold or a limit is reached.

    Args:
        run: One inference.
        feeds: Inputs, taken in turn.
        profile: How long.
        clock: Monotonic time, in ns.
        cpu_clock: CPU time of the process, in ns.

    Returns:
        Wall time and CPU time of each inference, in ns.
    """
    # Arrays of machine integers: appending allocates no objects that the collector would track.
    wall, cpu = array("q"), array("q")
    add_wall, add_cpu = wall.append, cpu.append
    least, most = int(profile.min_time_s * NS), int(profile.max_time_s * NS)
    min_runs = profile.min_runs
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        start = clock()
        for count, feed in enumerate(itertools.cycle(feeds), 1):
            cpu_before = cpu_clock()
            before = clock()
            outputs = run(feed)
            after = clock()
            cpu_after = cpu_clock()
            del outputs  # outside the timed span
            add_wall(after - before)
            add_cpu(cpu_after - cpu_before)
            elapsed = after - start
            if elapsed >= most or count == MOST_RUNS or (count >= min_runs and elapsed >= least):
                break
    finally:
        gc.enable()
        gc.unfreeze()
    return list(wall), list(cpu)
