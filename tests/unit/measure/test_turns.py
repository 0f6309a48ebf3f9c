"""Files that take turns, in time that passes only when it is told to."""

from __future__ import annotations

import pytest

from edgekit.measure import turns
from edgekit.measure.turns import RELOAD_NS, SLOW_NS, TURN_NS, take_turns
from edgekit.wire import Profile
from tests.fakes import Clock

PROFILE = Profile(8, 0.0, 4.0, 1, 0.0, 0.0)


class Player:
    """Takes what it is told for a run and for loading, and writes down what it was asked for."""

    def __init__(self, name: str, clock: Clock, asked: list[str], run_ns: int, load_ns: int = 0):
        self._name, self._clock, self._asked = name, clock, asked
        self._run_ns, self._load_ns = run_ns, load_ns

    def turn(self, command: str) -> int:
        self._asked.append(f"{self._name} {command}")
        word, _, count = command.partition(" ")
        elapsed_ns = self._load_ns if word == "load" else self._run_ns * int(count)
        self._clock.now += elapsed_ns
        return elapsed_ns


def _players(*run_ns: int, load_ns: int = 0) -> tuple[list[Player], list[str], Clock]:
    clock, asked = Clock(), list[str]()
    names = "abc"[: len(run_ns)]
    players = [
        Player(name, clock, asked, each, load_ns) for name, each in zip(names, run_ns, strict=True)
    ]
    return players, asked, clock


def test_both_have_as_many_inferences_in_each_turn() -> None:
    players, asked, clock = _players(TURN_NS // 3, TURN_NS // 6)
    taken = take_turns(players, PROFILE, 0, clock)
    assert taken.runs == 1 + 3  # by the slower one, and one that finds cold caches
    assert {line.partition(" ")[2] for line in asked} == {"try 2", "load", "run 4"}


def test_every_order_is_followed_by_its_reverse() -> None:
    players, asked, clock = _players(*[1000] * 3)
    taken = take_turns(players, PROFILE, 3, clock)
    told = "".join(line[0] for line in asked if " run " in line)
    rounds = [told[at : at + 3] for at in range(0, len(told), 3)]
    assert taken.order == ["abc".index(name) for name in told]
    assert len(rounds) == 8
    assert rounds[1::2] == [order[::-1] for order in rounds[::2]]
    assert len(set(rounds)) > 2


def test_all_load_again_before_each_block_where_that_is_quick() -> None:
    players, asked, clock = _players(1000, 1000, load_ns=RELOAD_NS)
    take_turns(players, PROFILE, 0, clock)
    assert sum("load" in line for line in asked) == 2 * 4
    players, asked, clock = _players(1000, 1000, load_ns=RELOAD_NS + 1)
    take_turns(players, PROFILE, 0, clock)
    assert sum("load" in line for line in asked) == 2


def test_one_inference_of_a_slow_file_is_a_turn_and_the_time_is_kept() -> None:
    players, _, clock = _players(10 * SLOW_NS, 10 * SLOW_NS)
    taken = take_turns(players, PROFILE, 0, clock)
    assert taken.runs == 1
    assert len(taken.order) == 8  # 4 s, of half a second each


def test_a_very_fast_file_ends_at_what_a_result_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_TURNS", 50)
    endless = Profile(1, 3600.0, 3600.0, 1, 0.0, 0.0)
    players, _, clock = _players(1, 1)
    taken = take_turns(players, endless, 0, clock)
    assert len(taken.order) == 52  # the block is finished
    assert taken.runs == turns.MOST_RUNS
