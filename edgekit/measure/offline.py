"""Several streams at a time: how much a machine gets done, however long each one takes."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Mapping, Sequence

from edgekit.measure.collector import at_rest
from edgekit.measure.loop import MOST_RUNS, NS, Clock, Run, Timed
from edgekit.wire import Profile


def offline(
    runs: Sequence[Run],
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    clock: Clock = time.perf_counter_ns,
) -> Timed:
    """Run all streams, each in a thread, until both minima hold together or the time is up.

    The streams begin together, each with its own untimed inferences behind it, and stop together:
    each ends the inference that it is in. The span is to the end of the last, so that throughput
    is rather too small than too large.

    Args:
        runs: One inference of each stream; a session of its own, since few may be shared.
        feeds: Inputs, taken in turn.
        profile: How long.
        clock: Monotonic time, in ns.

    Returns:
        Latency of every inference, stream by stream; no CPU time, which streams that run at the
        same time can't be told apart in.
    """
    streams = _Streams(runs, feeds, profile, clock)
    with at_rest(), ThreadPoolExecutor(len(runs)) as pool:
        futures = [pool.submit(streams.work, index) for index in range(len(runs))]
    errors = [future.exception() for future in futures]
    for error in errors:
        # The other streams only waited in vain for the one that failed.
        if error is not None and not isinstance(error, threading.BrokenBarrierError):
            raise error
    return Timed(
        [time_ns for times in streams.latency_ns for time_ns in times],
        [],
        max(streams.ends) - streams.start,
    )


class _Streams:
    """What the threads share.

    Attributes:
        start: When they began.
        ends: When each ended its last inference.
        latency_ns: For each, the wall time of its inferences.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        feeds: Sequence[Mapping[str, Any]],
        profile: Profile,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._feeds = feeds
        self._profile = profile
        self._clock = clock
        self._together = threading.Barrier(len(runs), action=self._begin)
        self._enough = False
        self.start = 0
        self.ends = [0] * len(runs)
        self.latency_ns: List[List[int]] = [[] for _ in runs]

    def _begin(self) -> None:
        self.start = self._clock()

    def work(self, index: int) -> None:
        """Be stream `index`."""
        # Each begins elsewhere in the rotation: never all with the same input.
        feeds = itertools.islice(itertools.cycle(self._feeds), index, None)
        run, clock, times = self._runs[index], self._clock, self.latency_ns[index]
        try:
            for feed in itertools.islice(feeds, self._profile.warmup_min_runs):
                run(feed)
            self._together.wait()
            for feed in feeds:
                before = clock()
                run(feed)
                after = clock()
                times.append(after - before)
                self.ends[index] = after
                self._enough = self._enough or self._is_enough(after)
                if self._enough:
                    break
        except BaseException:
            self._enough = True
            self._together.abort()
            raise

    def _is_enough(self, now_ns: int) -> bool:
        elapsed = now_ns - self.start
        count = sum(map(len, self.latency_ns))
        done = count >= self._profile.min_runs and elapsed >= self._profile.min_time_s * NS
        return done or elapsed >= self._profile.max_time_s * NS or count >= MOST_RUNS
