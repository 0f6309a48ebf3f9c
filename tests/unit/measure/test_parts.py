"""The parts of an inference, of sessions that are made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from edgekit.measure.parts import timed_parts
from edgekit.runtimes.cudadriver import timed_parts as of_one
from edgekit.wire import Profile
from tests.fakes import Clock, Session

SECOND = 1_000_000_000
PROFILE = Profile(5, 0.0, 10.0, 1, 0.0, 0.0)


class _Parted(Session):
    inputs: Any
    outputs: Any

    def __init__(self, clock: Clock, duration_ns: int) -> None:
        super().__init__(lambda: None)
        self._clock = clock
        self._duration_ns = duration_ns

    def parts(self, feeds: Mapping[str, Any]) -> dict[str, int]:
        self._clock.now += self._duration_ns
        return {"h2d": feeds["x"], "compute": 7}


def test_each_part_of_each_inference() -> None:
    clock = Clock()
    feeds = [{"x": 1}, {"x": 2}]
    assert timed_parts(_Parted(clock, 1), feeds, PROFILE, clock) == {
        "h2d": [1, 2, 1, 2, 1],
        "compute": [7] * 5,
    }


def test_the_time_is_limited() -> None:
    clock = Clock()
    found = timed_parts(_Parted(clock, 4 * SECOND), [{"x": 1}], PROFILE, clock)
    assert found["compute"] == [7] * 3


def test_a_runtime_without_parts_gives_none() -> None:
    assert timed_parts(cast("Any", Session(lambda: None)), [{}], PROFILE) == {}


class _Marks:
    """A stream on which each piece of work takes as long as it says."""

    def __init__(self) -> None:
        self.now = 0
        self.said: list[str] = []
        self._marks: list[int] = []

    def work(self, name: str, duration_ns: int) -> None:
        self.said.append(name)
        self.now += duration_ns

    def mark(self) -> None:
        self._marks.append(self.now)

    def wait(self) -> None:
        # The host wakes up late, which belongs to no part.
        self.work("wait", 1000)

    def spans_ns(self) -> list[int]:
        return [end - begin for begin, end in zip(self._marks, self._marks[1:], strict=False)]


def test_waiting_belongs_to_no_part() -> None:
    stream = _Marks()
    found = of_one(
        stream,
        lambda: stream.work("in", 10),
        lambda: stream.work("compute", 20),
        lambda: stream.work("out", 30),
    )
    assert stream.said == ["in", "wait", "compute", "wait", "out"]
    assert found.pop("compute_host") > 0
    assert found == {"h2d": 10, "compute": 20, "d2h": 30}
