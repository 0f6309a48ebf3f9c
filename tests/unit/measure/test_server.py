"""Arrivals that don't wait for answers, and the search for the rate that holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from edgekit.measure.loop import timed
from edgekit.measure.server import (
    LEAST_RUNS,
    MOST_CONFIRMATIONS,
    MOST_TRIALS,
    RESOLUTION,
    SEARCH_RUNS,
    Clocks,
    Server,
    arrivals,
    highest_rate,
)
from edgekit.wire import Profile, Trial
from tests.fakes import Clock

MS = 1_000_000


def _server(
    *durations: int,
    p99_ms: float | None = None,
    seed: int = 0,
    max_time_s: float = 1e6,
    runs: int = 0,
) -> Server:
    clock = Clock()

    def wait(instant: int) -> None:
        clock.now = max(clock.now, instant)

    profile = Profile(runs, 0.0, max_time_s, 0, 0.0, 0.0)
    clocks = Clocks(clock, clock, wait)
    return Server(clock.after(*durations), [{"x": 0}], profile, p99_ms, seed, clocks)


def test_arrivals_are_the_same_for_the_same_seed_and_keep_the_rate() -> None:
    one, same, other = (arrivals(50.0, 1000, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one[-1] == other[-1] == 20_000_000_000
    assert (np.diff(one) >= 0).all()


def test_arrivals_are_poisson() -> None:
    gaps_ms = np.diff(arrivals(100.0, 20_000, 3)) / MS
    # Exponential: mean and deviation are equal, and exp(-1) of the gaps are longer than the mean.
    assert gaps_ms.mean() == pytest.approx(10.0, rel=0.01)
    assert gaps_ms.std() == pytest.approx(10.0, rel=0.05)
    assert (gaps_ms > 10.0).mean() == pytest.approx(math.exp(-1), abs=0.02)


def test_a_stall_shows_in_the_open_loop_and_not_in_the_closed_one() -> None:
    durations = [5 * MS] * 999 + [500 * MS]
    clock = Clock()
    profile = Profile(1000, 0.0, 1e6, 0, 0.0, 0.0)
    closed = timed(clock.after(*durations), [{"x": 0}], profile, clock, clock).latency_ns
    shifted = durations[700:] + durations[:700]
    served = _server(*shifted, runs=1000).serve(50.0)
    assert sorted(closed)[989] == 5 * MS
    assert served.trial.p99_ns > 300 * MS
    assert max(served.timed.latency_ns) >= 500 * MS
    assert served.trial.most_waiting >= 15


def test_latency_counts_from_the_arrival_in_order() -> None:
    served = _server(10 * MS, runs=1000).serve(80.0)
    due = arrivals(80.0, 1000, 0)
    end, expected = 0, []
    for arrival in due.tolist():
        end = max(end, arrival) + 10 * MS
        expected.append(end - arrival)
    assert served.timed.latency_ns == expected
    assert served.queue_ns == [time_ns - 10 * MS for time_ns in expected]
    assert served.timed.cpu_ns == [10 * MS] * 1000
    assert served.trial.offered_per_s == 80.0
    assert served.trial.achieved_per_s == pytest.approx(80.0, rel=0.02)


def test_the_most_waiting_are_those_that_arrived_and_did_not_begin() -> None:
    # Nothing is served before all have arrived.
    served = _server(3600 * 1000 * MS, MS, runs=700).serve(1000.0)
    arrived = 700 - 1
    assert served.trial.most_waiting == arrived - 1


def test_too_high_a_rate_ends_with_the_time_and_says_what_was_achieved() -> None:
    served = _server(10 * MS, max_time_s=5.0, runs=100_000).serve(1000.0)
    assert served.timed.span_ns <= 5.02 * 1000 * MS
    assert served.trial.achieved_per_s == pytest.approx(100.0, rel=0.01)
    assert served.trial.holds is None  # nothing was asked of the percentile


@pytest.mark.parametrize(
    ("slow", "verdict"), [(0, True), (1, True), (2, None), (6, None), (7, False)]
)
def test_the_percentile_holds_if_few_enough_are_slow(slow: int, verdict: object) -> None:
    # At one in a thousand seconds nothing waits long enough to be slow too.
    durations = [MS] * (LEAST_RUNS - slow) + [900 * MS] * slow
    served = _server(*durations, p99_ms=500.0).serve(0.001)
    assert (served.trial.count, served.trial.over) == (LEAST_RUNS, slow)
    assert served.trial.holds is verdict


def test_too_few_say_nothing() -> None:
    served = _server(MS, p99_ms=5.0, max_time_s=100.0).serve(1.0)
    assert served.trial.count < 459
    assert served.trial.holds is None


def _judge(holds: Callable[[float], bool | None]) -> tuple[Server, list[float]]:
    tried: list[float] = []

    def serve(rate: float, *, searching: bool) -> Any:
        tried.append(rate)
        verdict = holds(rate)
        count = 10 if verdict is None else SEARCH_RUNS
        return SimpleNamespace(trial=Trial(rate, rate, count, 1, 0, 0, verdict))

    return cast("Server", SimpleNamespace(serve=serve)), tried


@pytest.mark.parametrize("known", [5.0, 42.0, 77.7, 99.0])
def test_the_search_finds_the_rate_that_is_known(known: float) -> None:
    server, tried = _judge(lambda rate: rate <= known)
    trials, served = highest_rate(server, 100.0)
    found = trials[-1]
    assert served.trial == found
    assert found.holds
    assert known - RESOLUTION * 100.0 <= found.offered_per_s <= known
    # The last one is tried twice.
    assert tried.count(found.offered_per_s) == 2


def test_a_search_that_finds_nothing_ends() -> None:
    server, tried = _judge(lambda _: False)
    trials, _ = highest_rate(server, 100.0)
    assert not trials[-1].holds
    assert len(tried) <= MOST_TRIALS


def test_a_rate_that_was_luck_is_lowered_until_it_holds() -> None:
    results = iter([True, *[False] * 6, True])
    server, tried = _judge(lambda _: next(results))
    trials, _ = highest_rate(server, 100.0)
    assert trials[-1].holds
    assert tried[-1] < 50.0
    server, tried = _judge(lambda rate: len(tried) == 1)
    trials, _ = highest_rate(server, 100.0)
    assert not trials[-1].holds
    assert tried.count(50.0) == 2
    assert len(tried) <= MOST_TRIALS + MOST_CONFIRMATIONS


def test_a_search_ends_when_the_time_is_up() -> None:
    server, tried = _judge(lambda rate: None if len(tried) > 1 else True)
    trials, _ = highest_rate(server, 100.0)
    assert trials[-1].holds is None
    assert len(tried) == 3


def test_a_simulated_server_is_searched() -> None:
    trials, served = highest_rate(_server(10 * MS, p99_ms=30.0, seed=7), 100.0)
    found = served.trial
    assert found.holds
    assert trials[-1] == found
    # Many thousand arrivals leave no doubt where the truth lies: just above 30 a second.
    beyond = [
        _server(10 * MS, p99_ms=30.0, runs=50_000).serve(rate).trial.holds for rate in (30.0, 35.0)
    ]
    assert beyond == [True, False]
    assert 20.0 < found.offered_per_s < 35.0
