"""A history: what is pinned, and what all measurements together say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgekit import __version__, storage
from edgekit.errors import UsageError
from edgekit.records.history import Change, Past, Pin, Segment, Trend
from edgekit.regression import changes, segments
from edgekit.results.history import Place
from edgekit.workflows.additions import SHORT, now
from edgekit.workflows.commits import commit


def pin(reference: Path, place: Place, repository: Path = Path(), named: str = "") -> Pin:
    """Pin an artifact: others may be measured against it from now on.

    Args:
        reference: The artifact's folder, or a model file.
        place: Where the history is.
        repository: A folder in the repository that has the commit.
        named: What the commit is called; empty for what is checked out.

    Raises:
        UsageError: It is no artifact, or is pinned already.
        EdgekitError: The history can't be read or written.
    """
    subject = storage.subject(reference)
    past = place.past()
    if any(known.sha256 == subject.sha256 for known in past.pins):
        raise UsageError(
            f"{subject.name} is pinned already",
            hint="measure against it: `edgekit history add HEAD --reference ...`",
        )
    _, position = commit(named, past, repository)
    number = max((known.number for known in past.pins), default=0) + 1
    made = Pin(subject.sha256, subject.name, number, position, now(), __version__)
    place.keep([made], position, f"pin-{subject.sha256[:SHORT]}")
    return made


def trend(past: Past, max_slowdown: float) -> Trend:
    """What a history says.

    Args:
        past: What it holds.
        max_slowdown: What is allowed, as a share.

    Raises:
        MissingDependency: ruptures isn't installed.
    """
    changes.check()
    found, joins = segments.segments(past)
    return Trend(
        segments=tuple(replace(one, changes=_changes(one, max_slowdown)) for one in found),
        joins=joins,
        pins=past.pins,
        faults=past.faults,
        max_slowdown=max_slowdown,
    )


def _changes(segment: Segment, max_slowdown: float) -> tuple[Change, ...]:
    points = segment.points
    found = changes.changes([point.ratio for point in points], max_slowdown)
    return tuple(
        Change(
            good=points[one.first - 1].commit,
            bad=points[one.last].commit,
            suspects=one.last - one.first + 1,
            index=one.index,
            ratio=one.ratio,
            interval=one.interval,
            p=one.p,
            state=one.state,
        )
        for one in found
    )
