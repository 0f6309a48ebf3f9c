"""A history as words: for people, for scripts, and for a pull request."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.records.history import Measurement
from edgekit.records.trends import Addition, Alert, Segment, Trend
from edgekit.reports import changes, commonmark, table
from edgekit.reports.numbers import NO_VALUE, counted

_COLUMNS = ("series", "commits", "level", "change", "between", "and", "state")
_WORDS = ("series", "change", "between", "and", "state")


def as_json(trend: Trend) -> dict[str, Any]:
    """The documented object of `edgekit history show --json`: a `Trend`, and what fails."""
    found: dict[str, Any] = msgspec.to_builtins(trend)
    return {**found, "failing": len(trend.failing)}


def added_as_json(addition: Addition) -> dict[str, Any]:
    """The documented object of `edgekit history add --json`: an `Addition`."""
    found: dict[str, Any] = msgspec.to_builtins(addition)
    return {**found, "slower": addition.slower}


def render(trend: Trend) -> str:
    """One row for each change, or for a segment without one; then what to know."""
    if not trend.segments:
        return "this history holds no measurements"
    rows = [row for segment in trend.segments for row in _rows(segment)]
    parts = [
        table.render(_COLUMNS, rows, left=_WORDS),
        *changes.facts(trend),
        changes.headline(trend),
    ]
    return "\n".join(parts)


def markdown(trend: Trend) -> str:
    """For a comment on a pull request or a job's summary."""
    rows = [row for segment in trend.segments for row in _rows(segment)]
    notes = "\n".join(f"- {commonmark.text(fact)}" for fact in changes.facts(trend))
    parts = (
        "### edgekit history",
        f"**{commonmark.text(changes.headline(trend))}**",
        commonmark.table(_COLUMNS, rows),
        notes,
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def added(addition: Addition) -> str:
    """What came of adding a commit."""
    lines = [_alert(alert) for alert in addition.alerts]
    return "\n".join([*lines, *addition.notes])


def _alert(alert: Alert) -> str:
    one = alert.measurement
    at = f"{one.series.name} at {changes.short(one.commit)}"
    value = f"{one.ratio:.4f} of {one.reference_sha256[: changes.DIGEST]}{_interval(one)}"
    if alert.typical is None or alert.bound is None:
        return f"{at}: {value}; {counted(alert.before, 'commit')} before it, too few to judge by"
    bound = f"the {alert.before} before it: {alert.typical:.4f}, at most {alert.bound:.4f}"
    twice = ", measured twice" * alert.again
    verdict = f"SLOWER{twice}" if alert.slower else f"as before{twice}"
    return f"{at}: {verdict}: {value}; {bound}"


def _interval(one: Measurement) -> str:
    return f" ({one.interval[0]:.4f} to {one.interval[1]:.4f})" if one.interval else ""


def _rows(segment: Segment) -> list[tuple[str, ...]]:
    name = f"{segment.series.name}, {changes.machine(segment)}"
    head = (name, str(len(segment.points)), f"{changes.level(segment):.4f}")
    if not segment.changes:
        return [(*head, "none", NO_VALUE, NO_VALUE, NO_VALUE)]
    rows: list[tuple[str, ...]] = []
    for change in segment.changes:
        rows.append(
            (
                *head,
                changes.spread(change),
                changes.short(change.good),
                changes.short(change.bad),
                changes.state(change),
            )
        )
        head = ("", "", "")
    return rows
