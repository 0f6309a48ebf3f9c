"""Several models timed in turn, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import random
import statistics
import time
from array import array
from typing import Any, Callable, List, Sequence

from edgekit.measure.collector import at_rest
from edgekit.measure.loop import NS, Clock
from edgekit.wire import Profile

# The first run of a turn isn't counted: it finds the caches as another model left them, and that
# model's threads still spinning.
COUNTED = 3
# From here on one counted run is enough: a turn shall be shorter than the machine's moods.
SLOW_NS = 50_000_000
MOST_ROUNDS = 10_000  # what one result can sensibly carry


def take_turns(
    runs: Sequence[Callable[[], Any]],
    profile: Profile,
    seed: int,
    clock: Clock = time.perf_counter_ns,
) -> List[List[int]]:
    """Give each of `runs` its turn in every round, until both minima hold or the time is up.

    The order is shuffled for every second round and reversed in the next: each is as often before
    another as after it, at distances that repeat with nothing.

    Args:
        runs: One inference each.
        profile: How long; its `min_runs` are rounds.
        seed: Seed of the order.
        clock: Monotonic time, in ns.

    Returns:
        For each of `runs` the median time of one inference, in ns, in every round.
    """
    found = [array("q") for _ in runs]
    least, most = profile.min_time_s * NS, profile.max_time_s * NS
    generator = random.Random(seed)  # noqa: S311 -- no secret
    order = list(range(len(runs)))
    with at_rest():
        start = clock()
        for rounds in range(1, MOST_ROUNDS + 1):
            if rounds % 2:
                generator.shuffle(order)
            else:
                order.reverse()
            for index in order:
                found[index].append(_turn(runs[index], clock))
            elapsed = clock() - start
            if elapsed >= most or (rounds >= profile.min_runs and elapsed >= least):
                break
    return [list(times) for times in found]


def _turn(run: Callable[[], Any], clock: Clock) -> int:
    times = []
    before = clock()
    run()
    after = clock()
    for _ in range(1 if after - before >= SLOW_NS else COUNTED):
        before = clock()
        run()
        times.append(clock() - before)
    return round(statistics.median(times))
