"""Inferences at ticks, on a clock that tests hold."""

from __future__ import annotations

import time

import pytest

from edgekit.measure.pacing import Paced, paced, wait_until
from edgekit.wire import Profile
from tests.fakes import Clock

MS = 1_000_000


def _paced(rate_per_s: float, *durations: int, runs: int = 10, late_ns: int = 0) -> Paced:
    clock = Clock()

    def wait(instant: int) -> None:
        clock.now = max(clock.now, instant + late_ns)

    profile = Profile(runs, 0.0, 600.0, 0, 0.0, 0.0)
    return paced(
        clock.after(*durations),
        [{"x": 0}],
        profile,
        rate_per_s,
        clock=clock,
        cpu_clock=clock,
        wait=wait,
    )


def test_each_inference_begins_at_its_tick() -> None:
    found = _paced(100, 3 * MS)
    assert found.timed.latency_ns == [3 * MS] * 10
    assert found.timed.cpu_ns == [3 * MS] * 10
    assert found.timed.span_ns == 9 * 10 * MS + 3 * MS
    assert found.lateness_ns == [0] * 10
    assert found.missed == 0


def test_a_period_that_is_no_whole_number_does_not_drift() -> None:
    found = _paced(3, MS, runs=1501)
    assert found.timed.span_ns == 500 * 1_000_000_000 + MS


def test_a_late_start_is_told_and_does_not_move_the_next_tick() -> None:
    found = _paced(100, MS, late_ns=2 * MS)
    assert found.lateness_ns == [2 * MS] * 10
    assert found.timed.latency_ns == [MS] * 10
    assert found.timed.span_ns == 93 * MS


def test_ticks_that_pass_during_an_inference_are_skipped_and_counted() -> None:
    # 25 ms at a tick of 10: the ticks at 10 and 20 ms are missed, the next is at 30.
    found = _paced(100, 25 * MS, runs=4)
    assert found.missed == 2 * 3
    assert found.lateness_ns == [0] * 4
    assert found.timed.span_ns == 3 * 30 * MS + 25 * MS


def test_an_inference_that_ends_on_a_tick_misses_none() -> None:
    found = _paced(100, 10 * MS)
    assert found.missed == 0
    assert found.timed.span_ns == 100 * MS


@pytest.mark.parametrize("ahead_ns", [-MS, 0, MS // 10, 3 * MS])
def test_waiting_never_ends_early(ahead_ns: int) -> None:
    instant = time.perf_counter_ns() + ahead_ns
    wait_until(instant)
    assert time.perf_counter_ns() >= instant
