"""Records of what a history says: points, changes of level, alerts."""

import enum
from dataclasses import dataclass

from edgekit.records.history import HISTORY_SCHEMA, Fingerprint, Measurement, Pin, Series


@dataclass(frozen=True, slots=True)
class Point:
    """One commit in a segment.

    Attributes:
        commit: Its name.
        position: Its place in the order of commits.
        ratio: Wall time to that of the segment's reference; the median where it was measured more
            than once, and through the overlap where against an older reference.
        interval: Interval of `ratio`; None for too few launches.
        cpu_ratio: Ratio of CPU time; None where it wasn't measured.
        floor_ratio: Ratio of the shortest times; both None where through the overlap.
        measured: How often it was measured.
        recorded_at: When it was last, in UTC; only shown.
    """

    commit: str
    position: int
    ratio: float
    interval: tuple[float, float] | None
    cpu_ratio: float | None
    floor_ratio: float | None
    measured: int = 1
    recorded_at: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """Two references, and how their ratios are set against each other.

    Attributes:
        older: Digest of the reference that was pinned first.
        newer: Digest of the other.
        commits: How many commits were measured against both.
        ratio: What a ratio to the older is multiplied by to be one to the newer: the median over
            those commits. None where they are too few, so that nothing is joined.
        spread: The 95 % interval of that median; None where there is none.
    """

    older: str
    newer: str
    commits: int
    ratio: float | None
    spread: tuple[float, float] | None


class State(enum.StrEnum):
    """How sure a change is, and whether it still holds."""

    NEW = "new"
    CONFIRMED = "confirmed"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Change:
    """A commit after which a series has another level.

    Attributes:
        good: The last commit that surely has the old level.
        bad: The first that surely has the new one.
        suspects: How many measured commits it may have come with, `bad` among them.
        index: Place in the segment of the first point of the new level.
        ratio: The new level to the old one: above 1 is slower.
        interval: Its 95 % interval.
        p: How probable so clear a difference is without a change, by ranks.
        state: New, confirmed by further commits, undone by a later change, or accepted.
        reason: Why it was accepted; empty if it wasn't.
    """

    good: str
    bad: str
    suspects: int
    index: int
    ratio: float
    interval: tuple[float, float]
    p: float
    state: State
    reason: str = ""

    @property
    def slower(self) -> bool:
        """Whether it got slower."""
        return self.ratio > 1.0

    @property
    def fails(self) -> bool:
        """Whether it is a slowdown that still holds, and that nobody has accepted."""
        return self.slower and self.state not in (State.RESOLVED, State.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Segment:
    """Points of one series that may be compared: one kind of machine, references that are joined.

    Attributes:
        series: What was measured.
        fingerprint: The kind of machine.
        reference: Digest of the reference that the ratios are to.
        points: In the order of commits.
        changes: Where the level changed, in that order.
    """

    series: Series
    fingerprint: Fingerprint
    reference: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """All that a history says.

    Attributes:
        segments: By series, in the order of their first commits.
        joins: References that followed each other.
        pins: The references.
        faults: What can't be read, and why.
        max_slowdown: The limit that was asked for, as a share.
        schema_version: Version of this record's schema.
    """

    segments: tuple[Segment, ...]
    joins: tuple[Join, ...] = ()
    pins: tuple[Pin, ...] = ()
    faults: tuple[str, ...] = ()
    max_slowdown: float = 0.03
    schema_version: int = HISTORY_SCHEMA

    @property
    def failing(self) -> tuple[tuple[Segment, Change], ...]:
        """Slowdowns that still hold."""
        return tuple(
            (segment, change)
            for segment in self.segments
            for change in segment.changes
            if change.fails
        )


@dataclass(frozen=True, slots=True)
class Alert:
    """What the rule at commit time says of a commit.

    Attributes:
        measurement: The measurement; the second where one was beyond the bound.
        typical: Median of the last ones before it, of its segment; None where there are none.
        bound: What its ratio may be; None where the segment has too few points.
        before: How many points there are before it.
        slower: Whether it is beyond the bound, twice.
        again: Whether it was measured a second time.
    """

    measurement: Measurement
    typical: float | None
    bound: float | None
    before: int
    slower: bool
    again: bool = False


@dataclass(frozen=True, slots=True)
class Addition:
    """What came of adding a commit to a history.

    Attributes:
        alerts: One a reference.
        notes: What to know: an older reference that is still needed, a new kind of machine.
        faults: What of the history can't be read.
        path: Where it was written.
    """

    alerts: tuple[Alert, ...]
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    path: str = ""

    @property
    def slower(self) -> bool:
        """Whether any measurement is beyond its bound."""
        return any(alert.slower for alert in self.alerts)
