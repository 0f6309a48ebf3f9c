"""Models that take turns, in time that passes only when it is told to."""

from __future__ import annotations

from functools import partial

import pytest

from edgekit.measure import turns
from edgekit.measure.turns import COUNTED, SLOW_NS, take_turns
from edgekit.wire import Profile
from tests.fakes import Clock

PROFILE = Profile(8, 0.0, 4.0, 1, 0.0, 0.0)


def test_the_first_run_of_a_turn_is_not_counted() -> None:
    clock = Clock()
    # Nine times as long where another model has just had its turn.
    run = clock.after(*[900, *[100] * COUNTED])
    other = clock.after(50)
    first, second = take_turns([lambda: run({}), lambda: other({})], PROFILE, 0, clock)
    assert first == [100] * 8
    assert second == [50] * 8


def test_every_order_is_followed_by_its_reverse() -> None:
    clock = Clock()
    calls: list[str] = []

    def model(name: str) -> None:
        calls.append(name)
        clock.now += 1

    take_turns([partial(model, name) for name in "abc"], PROFILE, 3, clock)
    ordered = calls[:: COUNTED + 1]
    rounds = ["".join(ordered[at : at + 3]) for at in range(0, len(ordered), 3)]
    assert len(rounds) == 8
    assert rounds[1::2] == [order[::-1] for order in rounds[::2]]
    assert len(set(rounds)) > 2


def test_a_slow_model_runs_twice_a_turn_and_the_time_is_kept() -> None:
    clock, calls = Clock(), []
    slow = clock.after(10 * SLOW_NS)

    def run() -> None:
        calls.append(1)
        slow({})

    (times,) = take_turns([run], PROFILE, 0, clock)
    assert len(calls) == 2 * len(times)
    assert len(times) == 4  # seconds, of one each


def test_a_very_fast_model_ends_at_what_a_result_can_carry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MOST_ROUNDS", 50)
    endless = Profile(1, 3600.0, 3600.0, 1, 0.0, 0.0)
    clock = Clock()
    run = clock.after(1)
    (times,) = take_turns([lambda: run({})], endless, 0, clock)
    assert len(times) == 50
