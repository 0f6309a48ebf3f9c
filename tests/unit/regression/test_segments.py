"""What may be compared with what."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edgekit.regression import segments
from tests.histories import SERIES, machine, measured, noisy, of, past, pin, sha


def test_commits_stand_in_the_order_of_positions_whatever_the_clock_says():
    lines = [
        measured(position, 1.0 + position / 100, recorded_at=f"20{90 - position}-01-01T00:00:00")
        for position in (3, 1, 2)
    ]
    (segment,), _ = segments.segments(past(*lines))
    assert [point.position for point in segment.points] == [1, 2, 3]
    assert [point.ratio for point in segment.points] == pytest.approx([1.01, 1.02, 1.03])


def test_commits_at_one_position_stand_in_the_order_of_their_files():
    lines = [measured(1, 1.0, commit=name) for name in ("b", "a", "c")]
    (segment,), _ = segments.segments(past(*lines))
    assert [point.commit for point in segment.points] == ["b", "a", "c"]


def test_a_commit_counts_once_however_often_it_was_measured():
    lines = [measured(1, ratio, interval=(ratio / 2, ratio * 2)) for ratio in (1.0, 4.0, 1.1)]
    (segment,), _ = segments.segments(past(*lines))
    (point,) = segment.points
    assert point.measured == 3
    assert point.ratio == pytest.approx(1.1)
    assert point.interval == pytest.approx((0.55, 2.2))


def test_each_kind_of_machine_is_a_segment_that_goes_on_when_it_comes_back():
    other = machine("EPYC")
    lines = [measured(i, 1.0, fingerprint=other) if i % 2 else measured(i, 2.0) for i in range(6)]
    found, _ = segments.segments(past(*lines))
    assert [[point.ratio for point in one.points] for one in found] == [
        pytest.approx([2.0] * 3),
        pytest.approx([1.0] * 3),
    ]


def test_series_are_apart():
    more = replace(SERIES, threads=2)
    found, _ = segments.segments(past(measured(1, 1.0), measured(1, 1.0, series=more)))
    assert [one.series for one in found] == [SERIES, more]


def overlapping(count: int, factor: float = 0.8):
    """40 commits against the old reference, of which the last `count` against the new too."""
    old = noisy(40, 1, sd=0.005)
    start = 41 - count
    new = [ratio * factor for ratio in old[40 - count :]]
    later = [factor] * 10
    return past(
        pin("old"), pin("new", 2, start), *of(old), *of(new + later, start, reference="new")
    )


def test_references_are_joined_by_twenty_commits_measured_against_both():
    (segment,), (join,) = segments.segments(overlapping(20))
    assert segment.reference == sha("new")
    assert [point.position for point in segment.points] == list(range(1, 51))
    assert max(abs(math.log(point.ratio / 0.8)) for point in segment.points) < 0.03
    assert (join.older, join.newer, join.commits) == (sha("old"), sha("new"), 20)
    assert join.ratio == pytest.approx(0.8)
    assert join.spread is not None
    # Nothing is told of what the overlap gives no factor for.
    assert segment.points[0].cpu_ratio is None
    assert segment.points[-1].cpu_ratio is not None


def test_references_are_not_joined_by_fewer():
    found, (join,) = segments.segments(overlapping(19))
    assert (join.commits, join.ratio) == (19, None)
    assert [(one.reference, len(one.points)) for one in found] == [
        (sha("old"), 40),
        # Those of the overlap are in the other already.
        (sha("new"), 10),
    ]


def test_three_references_are_chained():
    first = of([1.0] * 40)
    second = of([0.5] * 40, 21, reference="new")
    third = of([0.25] * 20, 41, reference="newest")
    pins = [pin("old"), pin("new", 2), pin("newest", 3)]
    (segment,), joins = segments.segments(past(*pins, *third, *second, *first))
    assert [join.ratio for join in joins] == pytest.approx([0.5, 0.5])
    assert [point.ratio for point in segment.points] == pytest.approx([0.25] * 60)
    assert [point.position for point in segment.points] == list(range(1, 61))


def test_a_measurement_is_compared_with_earlier_commits_of_its_segment():
    other = measured(3, 9.0, fingerprint=machine("EPYC"))
    one = measured(5, 1.5)
    lines = past(*of([1.0, 1.1]), other, measured(7, 8.0), one, measured(5, 7.0))
    assert segments.before(lines, one) == pytest.approx((1.0, 1.1))
    assert segments.before(past(one), one) == ()


def test_after_the_join_the_new_reference_has_the_whole_past():
    lines = overlapping(20)
    newest = measured(51, 0.9, reference="new")
    whole = replace(lines, measurements=(*lines.measurements, newest))
    assert len(segments.before(whole, newest)) == 50


def test_the_overlap_is_counted_in_commits():
    lines = overlapping(12).measurements
    assert segments.overlap(lines, sha("old"), sha("new")) == 12
    assert segments.overlap([*lines, *lines], sha("old"), sha("new")) == 12
    assert segments.overlap(lines, sha("old"), sha("other")) == 0
