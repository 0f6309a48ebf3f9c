"""Change points: found where a level changed, and not where it didn't."""

from __future__ import annotations

import math
import operator
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import MissingDependency
from edgekit.records.trends import State
from edgekit.regression import changes
from tests.histories import SD, noisy, stepped

LIMIT = 0.03
SEEDS = range(40)


def heavy(seed: int) -> list[float]:
    """Of Student's t with three degrees of freedom: one in a hundred is beyond four deviations."""
    drawn = random.Random(seed)
    found = []
    for _ in range(60):
        chi = sum(drawn.gauss(0, 1) ** 2 for _ in range(3))
        found.append(math.exp(drawn.gauss(0, 1) / math.sqrt(chi / 3) / math.sqrt(3) * SD))
    return found


def correlated(seed: int) -> list[float]:
    """Each a little like the one before: lag-1 correlation of 0.3."""
    drawn, last, found = random.Random(seed), 0.0, []
    for _ in range(60):
        last = 0.3 * last + drawn.gauss(0, SD * math.sqrt(1 - 0.09))
        found.append(math.exp(last))
    return found


@pytest.mark.parametrize("make", [lambda seed: noisy(60, seed), heavy, correlated])
def test_a_series_without_a_step_shows_none(make):
    found = [seed for seed in SEEDS if changes.changes(make(seed), LIMIT)]
    assert len(found) <= 2


def test_a_step_of_5_percent_is_found_within_5_commits():
    found = 0
    for seed in SEEDS:
        one = changes.changes(stepped(50, 45, 0.05, seed), LIMIT)
        found += len(one) == 1 and one[0].first <= 45 <= one[0].last and one[0].ratio > 1.02
    assert found >= 38


def test_its_size_and_place_are_told_with_what_they_are_worth():
    held = places = 0
    for seed in SEEDS:
        (one,) = changes.changes(stepped(60, 45, 0.05, seed), LIMIT)
        held += one.interval[0] <= 1.05 <= one.interval[1]
        places += one.first <= 45 <= one.last
        assert one.first <= one.index <= one.last
        assert one.interval[0] <= one.ratio <= one.interval[1]
        assert one.state is State.CONFIRMED
        assert one.p < 0.005
    assert held >= 34
    assert places >= 36


def test_a_step_is_new_then_confirmed_then_resolved():
    exact = [1.0, 1.001, 0.999] * 10
    up = [1.05, 1.051, 1.049] * 2
    states = {
        more: [one.state for one in changes.changes(exact + up[:more], LIMIT)]
        for more in (2, 3, 5, 6)
    }
    assert states == {2: [], 3: [State.NEW], 5: [State.NEW], 6: [State.CONFIRMED]}
    undone = changes.changes(exact + up + exact, LIMIT)
    assert [(one.index, one.ratio > 1, one.state) for one in undone] == [
        (30, True, State.RESOLVED),
        (36, False, State.CONFIRMED),
    ]


def test_a_slowdown_of_four_commits_is_seen_and_so_is_its_end():
    bump = [1.0] * 12 + [1.12] * 4 + [1.0] * 3
    series = [map(operator.mul, noisy(19, seed), bump) for seed in SEEDS]
    found = [changes.changes(list(ratios), LIMIT) for ratios in series]
    whole = [
        one
        for one in found
        if [each.state for each in one] == [State.RESOLVED, State.NEW] and one[0].ratio > 1.05
    ]
    assert len(whole) >= 24


def test_a_gain_that_is_lost_again_is_a_slowdown_that_holds():
    exact = [1.0, 1.001, 0.999] * 8
    down = [0.9, 0.901, 0.899] * 8
    first, second = changes.changes(exact + down + exact, LIMIT)
    assert (first.state, second.state) == (State.RESOLVED, State.CONFIRMED)
    assert second.ratio > 1.1


def test_half_of_one_of_two_slowdowns_undone_leaves_the_other():
    steps = [1.0] * 24 + [1.06] * 12 + [1.12] * 12 + [1.06] * 12
    ratios = [one * (1 + 0.001 * (place % 3 - 1)) for place, one in enumerate(steps)]
    found = changes.changes(ratios, LIMIT)
    assert [one.state for one in found] == [State.CONFIRMED, State.RESOLVED, State.CONFIRMED]


@pytest.mark.parametrize("wild", [[3.0], [3.0, 0.2]])
def test_one_wild_value_is_no_change(wild):
    ratios = noisy(60, 1)
    for place, value in enumerate(wild):
        ratios[30 + 7 * place] = value
    assert changes.changes(ratios, LIMIT) == ()


@pytest.mark.parametrize("off", [-3, -2, -1, 0, 1, 2])
def test_one_wild_value_near_a_step_does_not_hide_its_place(off):
    for seed in range(20):
        ratios = stepped(60, 45, 0.05, seed)
        ratios[45 + off] *= 2.0
        (one,) = changes.changes(ratios, LIMIT)
        assert one.first <= 45 <= one.last
        assert one.last - one.first <= 8


def test_of_a_step_as_small_as_the_noise_a_range_is_told():
    held = [
        one.first <= 30 <= one.last
        for seed in range(60)
        for one in changes.changes(stepped(60, 30, 0.03, seed, sd=0.02), LIMIT)
    ]
    assert len(held) >= 45
    assert sum(held) >= 0.85 * len(held)


def test_less_than_half_of_what_is_allowed_is_no_change():
    ratios = [1.0, 1.0005, 0.9995] * 10 + [1.012, 1.0125, 1.0115] * 10
    assert changes.changes(ratios, LIMIT) == ()
    assert len(changes.changes(ratios, 0.02)) == 1


@pytest.mark.parametrize("count", range(7))
def test_few_and_equal_values_show_none(count):
    assert changes.changes([1.0] * count, LIMIT) == ()


def test_equal_values_show_a_step():
    (one,) = changes.changes([1.0] * 20 + [1.1] * 20, LIMIT)
    assert (one.first, one.index, one.last) == (20, 20, 20)
    assert one.ratio == pytest.approx(1.1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-4, 1e4), max_size=40))
def test_any_ratios_have_an_answer(ratios):
    found = changes.changes(ratios, LIMIT)
    for one in found:
        assert changes.LEAST <= one.index <= len(ratios) - changes.LEAST
        assert 0 < one.first <= one.index <= one.last < len(ratios)
        assert abs(math.log(one.ratio)) > 0


@pytest.mark.parametrize("gone", ["ruptures", "scipy.stats"])
def test_a_missing_library_is_named_with_what_installs_it(monkeypatch, gone):
    monkeypatch.setitem(sys.modules, gone, None)
    with pytest.raises(MissingDependency) as refused:
        changes.check()
    assert "edgekit-ml[history]" in refused.value.hint


def test_the_rule_at_commit_time_needs_ten_commits_and_both_bounds():
    assert changes.bound([1.0] * 9, LIMIT) == (1.0, None)
    # Of a quiet history what is allowed decides, of a noisy one its noise.
    assert changes.bound([1.0] * 10, LIMIT)[1] == pytest.approx(1.03)
    noise = [0.97, 1.0, 1.03] * 10
    bound = changes.bound(noise, LIMIT)[1]
    assert bound == pytest.approx(math.exp(4 * 1.4826 * math.log(1 / 0.97)), rel=0.02)


def test_what_is_measured_again_needs_half_as_much_noise():
    noise = [0.97, 1.0, 1.03] * 10
    first, again = (changes.bound(noise, LIMIT, again=again)[1] for again in (False, True))
    assert first
    assert again
    assert math.log(again) == pytest.approx(math.log(first) / 2)
    assert changes.bound([1.0] * 10, LIMIT, again=True)[1] == pytest.approx(1.03)


def test_only_the_last_thirty_count():
    typical, _ = changes.bound([2.0] * 100 + [1.0] * 30, LIMIT)
    assert typical == 1.0
