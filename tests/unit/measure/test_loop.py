"""The timed loop, on a clock that tests hold."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from edgekit.measure.loop import Timed, timed
from edgekit.wire import Profile
from tests.fakes import Clock

MS = 1_000_000


def _profile(min_runs: int, min_time_s: float, max_time_s: float) -> Profile:
    return Profile(min_runs, min_time_s, max_time_s, 0, 0.0, 0.0)


def _timed(profile: Profile, *durations: int) -> Timed:
    clock = Clock()
    feeds = [{"x": np.zeros(1)}]
    return timed(clock.after(*durations), feeds, profile, clock, lambda: 2 * clock.now)


def test_wall_and_cpu_time_are_of_the_inference_alone() -> None:
    wall, cpu, span = _timed(_profile(4, 0.0, 60.0), 3 * MS, 5 * MS)
    assert span == 16 * MS
    assert wall == [3 * MS, 5 * MS, 3 * MS, 5 * MS]
    assert cpu == [6 * MS, 10 * MS, 6 * MS, 10 * MS]


@pytest.mark.parametrize(
    ("min_runs", "min_time_s", "runs"), [(7, 0.0, 7), (0, 0.05, 5), (7, 0.05, 7), (3, 0.05, 5)]
)
def test_both_minima_must_hold(min_runs: int, min_time_s: float, runs: int) -> None:
    wall, *_ = _timed(_profile(min_runs, min_time_s, 60.0), 10 * MS)
    assert len(wall) == runs


def test_the_maximum_ends_it_before_the_minima_hold() -> None:
    wall, *_ = _timed(_profile(1000, 10.0, 0.035), 10 * MS)
    assert len(wall) == 4


def test_inputs_are_taken_in_turn() -> None:
    clock = Clock()
    take = clock.after(MS)
    seen = []

    def run(feed: Mapping[str, Any]) -> list[Any]:
        seen.append(feed["x"])
        return take(feed)

    timed(run, [{"x": 0}, {"x": 1}, {"x": 2}], _profile(7, 0.0, 1.0), clock, clock)
    assert seen == [0, 1, 2, 0, 1, 2, 0]


def test_the_collector_rests_inside_and_works_again_after_a_failure() -> None:
    states = []

    def run(_: object) -> list[object]:
        states.append(gc.isenabled())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        timed(run, [{"x": 0}], _profile(1, 0.0, 1.0))
    assert states == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
