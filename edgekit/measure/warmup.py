"""Untimed inferences, until two windows of them agree."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any, List, Mapping, Sequence, Tuple

from edgekit.measure.loop import NS, Clock, Run
from edgekit.wire import Profile

WINDOW_RUNS = 20
WINDOW_NS = NS // 4
MEDIAN_TOLERANCE = 0.02
QUARTILE_TOLERANCE = 0.05
MOST_KEPT = 100_000  # what a result can sensibly carry of inferences that don't count


def warm_up(
    run: Run,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    clock: Clock = time.perf_counter_ns,
) -> Tuple[List[int], bool]:
    """Run until the minima hold and two windows in a row agree, or the time is up.

    Returns:
        Wall time of each inference, in ns, of the first `MOST_KEPT`; whether two windows agreed.
    """
    times: List[int] = []
    window: List[int] = []
    last: List[int] = []
    least, most = profile.warmup_min_time_s * NS, profile.warmup_max_time_s * NS
    agree = False
    # Kept up as it goes: summing a window for each inference of 5 us takes longer than they do.
    window_ns = 0
    start = clock()
    for runs, feed in enumerate(itertools.cycle(feeds), 1):
        before = clock()
        run(feed)
        after = clock()
        if runs <= MOST_KEPT:
            times.append(after - before)
        window.append(after - before)
        window_ns += after - before
        if len(window) >= WINDOW_RUNS and window_ns >= WINDOW_NS:
            agree = bool(last) and windows_agree(last, window)
            last, window, window_ns = window, [], 0
        elapsed = after - start
        if agree and runs >= profile.warmup_min_runs and elapsed >= least:
            return times, True
        if elapsed >= most:
            break
    return times, False


def windows_agree(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether medians differ by at most 2 % and quartiles by at most 5 %."""
    first, second = sorted(first), sorted(second)
    limits = ((0.25, QUARTILE_TOLERANCE), (0.5, MEDIAN_TOLERANCE), (0.75, QUARTILE_TOLERANCE))
    return all(
        abs(_rank(second, share) - _rank(first, share)) <= limit * _rank(first, share)
        for share, limit in limits
    )


def _rank(ordered: Sequence[int], share: float) -> int:
    return ordered[math.ceil(len(ordered) * share) - 1]
