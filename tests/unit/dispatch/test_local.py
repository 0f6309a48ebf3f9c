"""The engine of this process: lanes at once, one task after another in each, ended by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit import dispatch
from edgekit.dispatch import Crew, Site, Task
from edgekit.errors import MissingDependency, UsageError
from edgekit.registry import Entry

PATIENCE_S = 20.0


class Race:
    """Time that goes on when every lane that has work left works: it counts who does, each tick.

    Were a lane to wait for another one, time would stand still.
    """

    def __init__(self, ticks: dict[str, int]) -> None:
        self._left = {lane: count for lane, count in ticks.items() if count}
        self._here: set[str] = set()
        self._change = threading.Condition()
        self.working: list[set[str]] = []

    def work(self, lane: str, ticks: int) -> None:
        for _ in range(ticks):
            with self._change:
                now = len(self.working)
                assert lane not in self._here, "two tasks of a lane at once"
                self._here.add(lane)
                if self._here == set(self._left):
                    self._pass()
                assert self._change.wait_for(lambda: len(self.working) > now, PATIENCE_S)  # noqa: B023

    def _pass(self) -> None:
        self.working.append(set(self._here))
        self._here.clear()
        self._left = {lane: count - 1 for lane, count in self._left.items() if count > 1}
        self._change.notify_all()


@pytest.fixture
def crew() -> Iterator[Crew]:
    with dispatch.crew("local", ()) as found:
        yield found


def _race(argument: tuple[Race, str, int], _site: Site) -> int:
    race, lane, ticks = argument
    race.work(lane, ticks)
    return ticks


def _nothing(*_: Any) -> None:
    pass


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=8))
def test_it_takes_as_long_as_the_longest_lane(lanes: list[list[int]]) -> None:
    totals = {f"lane {number}": sum(lengths) for number, lengths in enumerate(lanes)}
    race = Race(totals)
    tasks = [
        Task(f"{number}.{place}", _race, (race, f"lane {number}", length), f"lane {number}")
        for number, lengths in enumerate(lanes)
        for place, length in enumerate(lengths)
    ]
    done: list[str] = []
    with dispatch.crew("local", ()) as crew:
        crew.run(tasks, _nothing, lambda task, _: done.append(task.name))
    assert len(race.working) == max(totals.values())
    for tick, working in enumerate(race.working):
        assert working == {lane for lane, total in totals.items() if total > tick}
    # Each once, and those of a lane in their order.
    assert sorted(done) == sorted(task.name for task in tasks)
    for number in range(len(lanes)):
        own = [name for name in done if name.startswith(f"{number}.")]
        assert own == sorted(own)


def _tell(argument: str, site: Site) -> str:
    site.tell({"words": argument})
    return argument.upper()


def test_whoever_waits_is_called_in_the_own_thread(crew: Crew) -> None:
    threads, told, done = set(), [], []

    def on_event(task: Task, event: dispatch.Event) -> None:
        threads.add(threading.current_thread())
        told.append((task.name, event["words"]))

    def on_done(task: Task, outcome: str) -> None:
        threads.add(threading.current_thread())
        done.append((task.name, outcome))

    crew.run([Task(name, _tell, name, name) for name in "abc"], on_event, on_done)
    assert threads == {threading.current_thread()}
    assert sorted(told) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert sorted(done) == [("a", "A"), ("b", "B"), ("c", "C")]


class Held:
    """Work that goes on until it is ended."""

    def __init__(self, count: int) -> None:
        self.running = threading.Barrier(count)
        self.over = threading.Event()
        self.begun: list[str] = []

    def hold(self, name: str, site: Site) -> str:
        self.begun.append(name)
        with site.closing(self.over.set):
            self.running.wait(PATIENCE_S)
            site.tell({"words": "held"})
            assert self.over.wait(PATIENCE_S)
        return "ended by force"


def test_ctrl_c_ends_what_runs_and_keeps_what_is_done(crew: Crew) -> None:
    held = Held(2)
    tasks = [Task("quick", _tell, "quick", "a"), Task("a", held.hold, "a", "a")]
    tasks += [Task("b", held.hold, "b", "b"), Task("never", held.hold, "never", "b")]
    done: list[str] = []

    def on_event(_task: Task, event: dispatch.Event) -> None:
        if event["words"] == "held":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.run(tasks, on_event, lambda task, _: done.append(task.name))
    assert done == ["quick"]
    assert sorted(held.begun) == ["a", "b"]
    assert not [each for each in threading.enumerate() if each.name in {"a", "b"}]


def test_what_is_done_while_ctrl_c_comes_is_kept(crew: Crew) -> None:
    both = threading.Barrier(2)

    def meet(name: str, _site: Site) -> str:
        both.wait(PATIENCE_S)
        return name

    done: list[str] = []

    def on_done(task: Task, _: str) -> None:
        done.append(task.name)
        if len(done) == 1:
            raise KeyboardInterrupt

    tasks = [Task("a", meet, "a", "a"), Task("b", meet, "b", "b")]
    with pytest.raises(KeyboardInterrupt):
        crew.run(tasks, _nothing, on_done)
    # The other's outcome may have been there or not; it never comes twice.
    assert sorted(done) in (["a"], ["b"], ["a", "b"])


def test_a_fault_of_ours_ends_all_and_is_told(crew: Crew) -> None:
    held = Held(1)

    def fail(_argument: object, _site: Site) -> None:
        raise ZeroDivisionError

    tasks = [Task("bad", fail, None, "a"), Task("held", held.hold, "b", "b")]
    done: list[str] = []
    with pytest.raises(ZeroDivisionError):
        crew.run(tasks, _nothing, lambda task, _: done.append(task.name))
    assert done == []


def test_alone_it_needs_no_thread(crew: Crew) -> None:
    threads = []

    def look(_argument: object, _site: Site) -> None:
        threads.append(threading.current_thread())

    crew.run([Task(name, look, None, "one") for name in "ab"], _nothing, _nothing)
    assert threads == [threading.current_thread()] * 2


def test_nothing_to_do_is_done(crew: Crew) -> None:
    crew.run([], _nothing, _nothing)


def test_an_engine_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="no engine named 'ray'"):
        dispatch.crew("ray", ())
    with pytest.raises(UsageError, match="is this process"):
        dispatch.crew("local=there", ()).__enter__()


def test_an_engine_whose_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("no_such_module:ENGINE", "fleet", ("no_such_module",))
    monkeypatch.setitem(dispatch.ENGINES._table, "far", entry)
    with pytest.raises(MissingDependency) as caught:
        dispatch.crew("far", ())
    assert "fleet" in caught.value.hint
