"""From what a history holds to segments: points that may be compared with each other.

Two things part a series. Ratios of two kinds of machine are never compared: each kind is a segment
of its own, which goes on where the machine comes back. Ratios to two references are compared only
where enough commits were measured against both.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgekit import stats
from edgekit.records.history import Fingerprint, Measurement, Past, Series
from edgekit.records.trends import Join, Point, Segment

# Commits that are measured against an old and a new reference before the old one may go.
OVERLAP = 20

_Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Track:
    """One segment while it grows: points to one reference."""

    reference: str
    points: dict[_Key, Point]


def segments(past: Past) -> tuple[tuple[Segment, ...], tuple[Join, ...]]:
    """The segments of every series, and how their references were joined.

    Commits stand in the order of their positions, and where those are equal in the order of their
    files; nothing is ordered by a clock.
    """
    groups: dict[tuple[Series, str], list[Measurement]] = {}
    for one in past.measurements:
        groups.setdefault((one.series, one.fingerprint.digest), []).append(one)
    order = {pin.sha256: place for place, pin in enumerate(past.pins)}
    found: list[Segment] = []
    joins: list[Join] = []
    for (series, _), group in groups.items():
        tracks, joined = _tracks(group, order)
        joins += joined
        found += [_segment(series, group[0].fingerprint, track) for track in tracks]
    found.sort(key=lambda one: (one.series.name, one.points[0].position))
    return tuple(found), tuple(joins)


def before(past: Past, one: Measurement) -> tuple[float, ...]:
    """Ratios that `one` may be compared with: of its segment, and of earlier commits."""
    for segment in segments(past)[0]:
        alike = segment.series == one.series and segment.fingerprint.digest == (
            one.fingerprint.digest
        )
        if alike and segment.reference == one.reference_sha256:
            return tuple(
                point.ratio
                for point in segment.points
                if point.position <= one.position and point.commit != one.commit
            )
    return ()


def overlap(measurements: Iterable[Measurement], older: str, newer: str) -> int:
    """How many commits were measured against both references."""
    commits: dict[str, set[str]] = {older: set(), newer: set()}
    for one in measurements:
        if one.reference_sha256 in commits:
            commits[one.reference_sha256].add(one.commit)
    return len(commits[older] & commits[newer])


def _tracks(
    group: Sequence[Measurement], order: dict[str, int]
) -> tuple[list[_Track], list[Join]]:
    """The segments of one series on one kind of machine, through its references in turn."""
    names = list(dict.fromkeys(one.reference_sha256 for one in group))
    names.sort(key=lambda name: order.get(name, -1))
    tracks: list[_Track] = []
    joins: list[Join] = []
    for name in names:
        points = _points(one for one in group if one.reference_sha256 == name)
        if not tracks:
            tracks.append(_Track(name, points))
            continue
        older = tracks[-1]
        join = _join(older, name, points)
        joins.append(join)
        if join.ratio is None:
            # A commit that the older one has as well is no second commit.
            points = {key: point for key, point in points.items() if key not in older.points}
            tracks += [_Track(name, points)] if points else []
        else:
            moved = {key: _times(point, join.ratio) for key, point in older.points.items()}
            tracks[-1] = _Track(name, {**moved, **points})
    return tracks, joins


def _points(measurements: Iterable[Measurement]) -> dict[_Key, Point]:
    """One point a commit, however often it was measured."""
    commits: dict[str, list[Measurement]] = {}
    for one in measurements:
        commits.setdefault(one.commit, []).append(one)
    found = {commit: _point(several) for commit, several in commits.items()}
    return {(point.position, commit): point for commit, point in found.items()}


def _point(several: Sequence[Measurement]) -> Point:
    intervals = [one.interval for one in several if one.interval]
    cpu = [one.cpu_ratio for one in several if one.cpu_ratio is not None]
    return Point(
        commit=several[-1].commit,
        position=several[-1].position,
        ratio=_middle([one.ratio for one in several]),
        interval=(
            _middle([low for low, _ in intervals]),
            _middle([high for _, high in intervals]),
        )
        if intervals
        else None,
        cpu_ratio=_middle(cpu) if cpu else None,
        floor_ratio=_middle([one.floor_ratio for one in several]),
        measured=len(several),
        recorded_at=several[-1].recorded_at,
    )


def _middle(ratios: Sequence[float]) -> float:
    """The median, in logarithms, where twice and half are equally far from one."""
    return math.exp(statistics.median(map(math.log, ratios)))


def _join(older: _Track, name: str, points: dict[_Key, Point]) -> Join:
    both = [key for key in points if key in older.points]
    if len(both) < OVERLAP:
        return Join(older.reference, name, len(both), ratio=None, spread=None)
    ratios = [points[key].ratio / older.points[key].ratio for key in both]
    return Join(older.reference, name, len(both), _middle(ratios), stats.interval(ratios, 0.5))


def _times(point: Point, factor: float) -> Point:
    interval = point.interval
    return replace(
        point,
        ratio=point.ratio * factor,
        interval=(interval[0] * factor, interval[1] * factor) if interval else None,
        # The overlap gives no factor of CPU time and of floors.
        cpu_ratio=None,
        floor_ratio=None,
    )


def _segment(series: Series, fingerprint: Fingerprint, track: _Track) -> Segment:
    places = {key: place for place, key in enumerate(track.points)}
    keys = sorted(track.points, key=lambda key: (key[0], places[key]))
    return Segment(series, fingerprint, track.reference, tuple(track.points[key] for key in keys))
