"""When warming up ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgekit.measure import warmup
from edgekit.measure.warmup import warm_up, windows_agree
from edgekit.wire import Profile
from tests.fakes import Clock

MS = 1_000_000


def _profile(runs: int = 5, time_s: float = 0.5, most_s: float = 30.0) -> Profile:
    return Profile(1, 0.0, 1.0, runs, time_s, most_s)


def _warm_up(profile: Profile, durations: list[int]) -> tuple[list[int], bool]:
    clock = Clock()
    return warm_up(clock.after(*durations), [{"x": 0}], profile, clock)


def test_two_equal_windows_end_it() -> None:
    # A window is 25 runs of 10 ms: 20 are 0.2 s, which is short of a quarter of a second.
    times, steady = _warm_up(_profile(), [10 * MS])
    assert steady
    assert len(times) == 50


def test_a_window_has_twenty_runs_however_slow_they_are() -> None:
    times, steady = _warm_up(_profile(most_s=1000.0), [1000 * MS])
    assert steady
    assert len(times) == 40


def test_the_minima_hold_even_if_it_is_steady_at_once() -> None:
    assert len(_warm_up(_profile(runs=500), [10 * MS])[0]) >= 500
    assert sum(_warm_up(_profile(time_s=9.0), [10 * MS])[0]) >= 9000 * MS


def test_times_that_go_on_falling_are_never_steady() -> None:
    falling = [int(10 * MS * 0.997**i) for i in range(2000)]
    times, steady = _warm_up(_profile(most_s=3.0), falling)
    assert not steady
    assert sum(times) >= 3000 * MS


def test_it_settles_after_a_slow_start() -> None:
    def durations() -> Iterator[int]:
        yield from (100 * MS for _ in range(20))
        yield from (10 * MS for _ in range(500))

    times, steady = _warm_up(_profile(), list(durations()))
    assert steady
    assert len(times) == 20 + 2 * 25


def test_each_run_is_looked_at_once_however_short_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A window of 1 us is 250,000 runs: summing it anew for each of them would take minutes.
    def no_sum(_: object) -> int:
        pytest.fail("a window was summed")

    monkeypatch.setattr(warmup, "sum", no_sum, raising=False)
    times, steady = _warm_up(_profile(), [1000])
    assert steady
    assert len(times) == warmup.MOST_KEPT


def test_medians_may_differ_by_two_per_cent_and_quartiles_by_five() -> None:
    base = [1000] * 30
    assert windows_agree(base, [1020] * 30)
    assert not windows_agree(base, [1021] * 30)
    # A quarter of the runs is slower: the median stays, the upper quartile doesn't.
    assert windows_agree(base, [1000] * 20 + [1050] * 10)
    assert not windows_agree(base, [1000] * 20 + [1051] * 10)
