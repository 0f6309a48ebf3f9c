"""A history: what is pinned, and what all measurements together say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgekit import __version__, storage
from edgekit.errors import UsageError
from edgekit.records.history import Acceptance, Past, Pin
from edgekit.records.trends import Change, Segment, State, Trend
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


def accept(named: str, reason: str, place: Place, repository: Path = Path()) -> Acceptance:
    """Accept the slowdown that came with a commit, in every series.

    Args:
        named: What the commit is called.
        reason: Why it is wanted.
        place: Where the history is.
        repository: A folder in the repository that has the commit.

    Raises:
        UsageError: The commit isn't known, or was never measured.
        EdgekitError: The history can't be read or written.
    """
    past = place.past()
    name, position = commit(named, past, repository)
    if all(one.commit != name for one in past.measurements):
        raise UsageError(
            f"{named} was never measured in this history",
            hint="name a commit that `edgekit history show` gives",
        )
    made = Acceptance(name, reason, position, now(), __version__)
    place.keep([made], position, f"accept-{name}")
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
    reasons = {one.commit: one.reason for one in past.acceptances}
    return Trend(
        segments=tuple(
            replace(one, changes=_changes(one, max_slowdown, reasons)) for one in found
        ),
        joins=joins,
        pins=past.pins,
        faults=past.faults,
        max_slowdown=max_slowdown,
    )


def _changes(
    segment: Segment, max_slowdown: float, reasons: Mapping[str, str]
) -> tuple[Change, ...]:
    found = changes.changes([point.ratio for point in segment.points], max_slowdown)
    return tuple(_change(segment, one, reasons) for one in found)


def _change(segment: Segment, found: changes.Found, reasons: Mapping[str, str]) -> Change:
    points = segment.points
    change = Change(
        good=points[found.first - 1].commit,
        bad=points[found.last].commit,
        suspects=found.last - found.first + 1,
        index=found.index,
        ratio=found.ratio,
        interval=found.interval,
        p=found.p,
        state=found.state,
    )
    suspects = [point.commit for point in points[found.first : found.last + 1]]
    accepted = [name for name in suspects if name in reasons]
    if not accepted or not change.fails:
        return change
    return replace(change, state=State.ACCEPTED, reason=reasons[accepted[0]])
