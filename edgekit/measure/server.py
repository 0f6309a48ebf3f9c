"""An open loop: arrivals at random instants, whether or not the last inference has ended.

One worker serves them in order. Arrivals are drawn beforehand, so that waiting is no matter of
threads: who arrived while an inference ran is served after it, and its latency counts from its
arrival. A loop that sends the next request when the last is answered hides every stall.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from edgekit.measure.collector import at_rest
from edgekit.measure.early_stopping import holds, least_count
from edgekit.measure.loop import MOST_RUNS, NS, Clock, Run, Timed
from edgekit.measure.pacing import Wait, wait_until
from edgekit.wire import Profile, Trial

SHARE = 0.99
# So that one slow inference doesn't decide: 662.
LEAST_RUNS = least_count(1, SHARE)
# A search takes more, 1307: of 662 only 0.15 % may be slow, so that it would end far too low.
SEARCH_RUNS = least_count(5, SHARE)
NS_PER_MS = 1_000_000
# A search ends when it knows the rate to this part of what can be served back to back.
RESOLUTION = 0.03
MOST_TRIALS = 8
MOST_CONFIRMATIONS = 10
# From one rate that was not confirmed to the next.
STEP = 0.94


class Served(NamedTuple):
    """What one rate gave.

    Attributes:
        trial: The numbers of it.
        timed: Latency from arrival to the end, CPU time while it ran, and the span.
        queue_ns: From arrival to the start of each inference.
    """

    trial: Trial
    timed: Timed
    queue_ns: List[int]


class Clocks(NamedTuple):
    """Where time comes from.

    Attributes:
        wall: Monotonic time, in ns.
        cpu: CPU time of the process, in ns.
        wait: Returns at an instant of `wall`.
    """

    wall: Clock = time.perf_counter_ns
    cpu: Clock = time.process_time_ns
    wait: Wait = wait_until


REAL = Clocks()


class Server:
    """Serves arrivals of any rate with one worker, until the profile's time is up.

    Args:
        run: One inference.
        feeds: Inputs, taken in turn.
        profile: How long; a rate is tried with `LEAST_RUNS` inferences at least.
        p99_ms: What the 99th percentile may be; None for anything.
        seed: Seed of the arrivals, which are new at each rate.
        clocks: Where time comes from.
    """

    def __init__(
        self,
        run: Run,
        feeds: Sequence[Mapping[str, Any]],
        profile: Profile,
        p99_ms: Optional[float],
        seed: int,
        clocks: Clocks = REAL,
    ) -> None:
        self._run = run
        self._feeds = feeds
        self._profile = profile
        self._bound_ns = None if p99_ms is None else round(p99_ms * NS_PER_MS)
        self._seeds = itertools.count(seed)
        self._clocks = clocks
        self._deadline = clocks.wall() + round(profile.max_time_s * NS)

    def serve(self, rate_per_s: float, *, searching: bool = False) -> Served:
        """Try one rate.

        Args:
            rate_per_s: Arrivals a second.
            searching: Whether to stop as soon as the percentile is beyond the bound.
        """
        runs = max(SEARCH_RUNS if searching else LEAST_RUNS, self._profile.min_runs)
        least = max(runs, rate_per_s * self._profile.min_time_s)
        due = arrivals(rate_per_s, min(math.ceil(least), MOST_RUNS), next(self._seeds))
        patience = _most_over(len(due)) if searching else len(due)
        with at_rest():
            latency, queue, cpu = self._serve(due.tolist(), patience)
        count = len(latency)
        over = sum(self._is_over(time_ns) for time_ns in latency)
        span = int(due[count - 1]) + latency[-1]
        trial = Trial(
            offered_per_s=rate_per_s,
            achieved_per_s=count * NS / span,
            count=count,
            p99_ns=sorted(latency)[math.ceil(count * SHARE) - 1],
            over=over,
            most_waiting=_most_waiting(due, queue),
            holds=self._verdict(count, over),
        )
        return Served(trial, Timed(latency, cpu, span), queue)

    def _serve(self, due: Sequence[int], patience: int) -> Tuple[List[int], List[int], List[int]]:
        wall, cpu_clock, wait = self._clocks
        latency: List[int] = []
        queue: List[int] = []
        cpu: List[int] = []
        over = 0
        start = wall()
        for arrived, feed in zip(due, itertools.cycle(self._feeds)):
            arrival = start + arrived
            wait(arrival)
            cpu_before = cpu_clock()
            before = wall()
            outputs = self._run(feed)
            after = wall()
            cpu.append(cpu_clock() - cpu_before)
            del outputs
            queue.append(before - arrival)
            latency.append(after - arrival)
            over += self._is_over(after - arrival)
            # More arrivals than it can serve would fill any queue: the time ends it.
            if over > patience or after >= self._deadline:
                break
        return latency, queue, cpu

    def _is_over(self, latency_ns: int) -> bool:
        return self._bound_ns is not None and latency_ns > self._bound_ns

    def _verdict(self, count: int, over: int) -> Optional[bool]:
        if self._bound_ns is None:
            return None
        if holds(count, over, SHARE):
            return True
        # Of fewer than 100, one would do.
        return False if over > _most_over(max(count, LEAST_RUNS)) else None


def _most_over(count: int) -> int:
    """The most of `count` that may be over the bound with the 99th percentile still within."""
    return count - math.ceil(count * SHARE)


def arrivals(rate_per_s: float, count: int, seed: int) -> Any:
    """Instants of `count` arrivals of a Poisson process, from 0, in ns; the last at count / rate.

    Given when the last of them is, the others of a Poisson process lie anywhere before it with
    equal chance; fixing it keeps the offered rate from being a matter of luck.
    """
    gaps = np.random.default_rng(seed).exponential(1.0, count)
    instants = np.cumsum(gaps)
    return np.round(instants / instants[-1] * (count * NS / rate_per_s)).astype(np.int64)


def _most_waiting(due: Any, queue: Sequence[int]) -> int:
    """Most arrivals at one time that had not been begun, whenever one was begun."""
    began = due[: len(queue)] + np.asarray(queue, np.int64)
    arrived = np.searchsorted(due, began, side="right")
    return int(np.max(arrived - np.arange(1, len(began) + 1)))


def highest_rate(server: Server, capacity_per_s: float) -> Tuple[List[Trial], Served]:
    """Search the highest rate that holds the 99th percentile, by halves.

    It lies between none and what one worker can serve without a pause. A try of the search counts
    by the percentile that it had. The rate that is found is tried anew with other arrivals, since
    the luckiest of several tries was chosen, and lower ones after it, until the percentile holds
    with confidence.

    Args:
        server: What serves.
        capacity_per_s: Inferences a second, back to back.

    Returns:
        Every trial, the one that confirms last: where that one doesn't hold, no rate was found.
        And all of the last one.
    """
    low, high = 0.0, capacity_per_s
    trials: List[Trial] = []
    while True:
        served = server.serve((low + high) / 2, searching=True)
        trials.append(served.trial)
        if served.trial.holds is False:
            high = served.trial.offered_per_s
        elif _is_whole(served.trial):
            low = served.trial.offered_per_s
        is_close = high - low <= RESOLUTION * capacity_per_s
        if is_close or len(trials) == MOST_TRIALS or not _is_whole(served.trial):
            break
    for _ in range(MOST_CONFIRMATIONS if low else 0):
        served = server.serve(low, searching=True)
        trials.append(served.trial)
        if served.trial.holds or not _is_whole(served.trial):
            break
        low *= STEP
    return trials, served


def _is_whole(trial: Trial) -> bool:
    """Whether it came to a result before the time was up."""
    return trial.holds is False or trial.count >= SEARCH_RUNS
