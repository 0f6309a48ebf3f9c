"""Streams that begin together, stop together, and fail together."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from edgekit.measure.offline import offline
from edgekit.wire import Profile

PROFILE = Profile(30, 0.0, 30.0, 2, 0.0, 0.0)
FEEDS = [{"x": 0}, {"x": 1}, {"x": 2}]


def test_every_stream_runs_in_a_thread_of_its_own_until_they_have_enough_together() -> None:
    threads: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}

    def stream(index: int) -> Any:
        def run(_: Mapping[str, Any]) -> list[Any]:
            threads[index].add(threading.get_ident())
            time.sleep(0.001)
            return []

        return run

    found = offline([stream(index) for index in range(3)], FEEDS, PROFILE)
    assert [len(of) for of in threads.values()] == [1, 1, 1]
    assert len(set.union(*threads.values())) == 3
    # Each of the others may be in one inference when the last that is needed ends.
    assert 30 <= len(found.latency_ns) <= 32
    assert found.cpu_ns == []
    assert max(found.latency_ns) <= found.span_ns <= sum(found.latency_ns) * 2


def test_each_stream_takes_the_inputs_in_turn_from_another_one_on() -> None:
    seen: dict[int, list[int]] = {0: [], 1: []}

    def stream(index: int) -> Any:
        def run(feed: Mapping[str, Any]) -> list[Any]:
            seen[index].append(feed["x"])
            time.sleep(0.0005)
            return []

        return run

    offline([stream(0), stream(1)], FEEDS, PROFILE)
    assert seen[0][:4] == [0, 1, 2, 0]
    assert seen[1][:4] == [1, 2, 0, 1]


@pytest.mark.parametrize("calls", [0, 1, 5])
def test_a_stream_that_fails_ends_all_with_its_own_error(calls: int) -> None:
    count = iter(range(100))

    def failing(_: Mapping[str, Any]) -> list[Any]:
        if next(count) >= calls:
            raise RuntimeError("out of registers")
        return []

    def fine(_: Mapping[str, Any]) -> list[Any]:
        time.sleep(0.0005)
        return []

    with pytest.raises(RuntimeError, match="registers"):
        offline([fine, failing, fine], FEEDS, Profile(10**9, 60.0, 60.0, 2, 0.0, 0.0))


def test_the_maximum_ends_it() -> None:
    def run(_: Mapping[str, Any]) -> list[Any]:
        time.sleep(0.001)
        return []

    found = offline([run], FEEDS, Profile(10**9, 9.0, 0.02, 0, 0.0, 0.0))
    assert 0 < len(found.latency_ns) < 1000
