"""A history as words: for people, for scripts, and for a pull request."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.records.history import Addition, Alert, Change, Join, Measurement, Segment, Trend
from edgekit.reports import commonmark, table
from edgekit.reports.numbers import NO_VALUE, counted

_COLUMNS = ("series", "commits", "level", "change", "between", "and", "state")
_WORDS = ("series", "change", "between", "and", "state")
_SHORT = 10
_DIGEST = 12


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
    parts = [table.render(_COLUMNS, rows, left=_WORDS), *facts(trend), headline(trend)]
    return "\n".join(parts)


def markdown(trend: Trend) -> str:
    """For a comment on a pull request or a job's summary."""
    rows = [row for segment in trend.segments for row in _rows(segment)]
    notes = "\n".join(f"- {commonmark.text(fact)}" for fact in facts(trend))
    parts = (
        "### edgekit history",
        f"**{commonmark.text(headline(trend))}**",
        commonmark.table(_COLUMNS, rows),
        notes,
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(trend: Trend) -> str:
    """What matters most, in a sentence."""
    failing = trend.failing
    if not failing:
        return f"no slowdown of {trend.max_slowdown / 2:.1%} or more holds now"
    said = [
        f"{segment.series.name}: {percent(change.ratio)} since {short(change.bad)}, {change.state}"
        for segment, change in failing
    ]
    return f"{counted(len(failing), 'slowdown')}: {'; '.join(said)}"


def facts(trend: Trend) -> list[str]:
    """What to know: machines, references that were joined or not, broken lines."""
    machines = {segment.fingerprint.digest for segment in trend.segments}
    series = {segment.series for segment in trend.segments}
    found = []
    if len(trend.segments) > len(series):
        found.append(
            f"{counted(len(trend.segments), 'segment')} of {len(series)} series on "
            f"{counted(len(machines), 'kind')} of machine: nothing is compared across them"
        )
    found += [joined(join, trend) for join in trend.joins]
    return found + [f"left out: {fault}" for fault in trend.faults]


def joined(join: Join, trend: Trend) -> str:
    """How two references were set against each other, in a sentence."""
    names = {pin.sha256: f"{pin.name} ({pin.sha256[:_DIGEST]})" for pin in trend.pins}
    pair = " and ".join(names.get(one, one[:_DIGEST]) for one in (join.older, join.newer))
    both = f"{counted(join.commits, 'commit')} measured against both"
    if join.ratio is None:
        return f"{pair} are not joined: only {both}"
    low, high = join.spread or (join.ratio, join.ratio)
    return f"{pair} are joined by {join.ratio:.4f} ({low:.4f} to {high:.4f}), from {both}"


def percent(ratio: float) -> str:
    """A ratio as what it is slower or faster by."""
    return f"{abs(ratio - 1.0):.1%} {'slower' if ratio > 1.0 else 'faster'}"


def spread(change: Change) -> str:
    """A change with its interval: `+5.1 % (+4.2 to +6.0)`."""
    low, high = ((end - 1.0) * 100.0 for end in change.interval)
    return f"{(change.ratio - 1.0) * 100.0:+.1f} % ({low:+.1f} to {high:+.1f})"


def short(commit: str) -> str:
    """A commit's name as people write it."""
    return commit[:_SHORT]


def machine(segment: Segment) -> str:
    """The kind of machine in a few words."""
    told = segment.fingerprint.facts
    return told.get("cpu") or told.get("arch") or segment.fingerprint.digest[:_DIGEST]


def level(segment: Segment) -> float:
    """The median ratio since the last change."""
    start = segment.changes[-1].index if segment.changes else 0
    ratios = sorted(point.ratio for point in segment.points[start:])
    return ratios[len(ratios) // 2]


def added(addition: Addition) -> str:
    """What came of adding a commit."""
    lines = [_alert(alert) for alert in addition.alerts]
    return "\n".join([*lines, *addition.notes])


def _alert(alert: Alert) -> str:
    one = alert.measurement
    at = f"{one.series.name} at {short(one.commit)}"
    value = f"{one.ratio:.4f} of {one.reference_sha256[:_DIGEST]}{_interval(one)}"
    if alert.typical is None or alert.bound is None:
        return f"{at}: {value}; {counted(alert.before, 'commit')} before it, too few to judge by"
    bound = f"the {alert.before} before it: {alert.typical:.4f}, at most {alert.bound:.4f}"
    twice = ", measured twice" * alert.again
    verdict = f"SLOWER{twice}" if alert.slower else f"as before{twice}"
    return f"{at}: {verdict}: {value}; {bound}"


def _interval(one: Measurement) -> str:
    return f" ({one.interval[0]:.4f} to {one.interval[1]:.4f})" if one.interval else ""


def _rows(segment: Segment) -> list[tuple[str, ...]]:
    name = f"{segment.series.name}, {machine(segment)}"
    head = (name, str(len(segment.points)), f"{level(segment):.4f}")
    if not segment.changes:
        return [(*head, "none", NO_VALUE, NO_VALUE, NO_VALUE)]
    rows: list[tuple[str, ...]] = []
    for change in segment.changes:
        rows.append((*head, spread(change), short(change.good), short(change.bad), state(change)))
        head = ("", "", "")
    return rows


def state(change: Change) -> str:
    """Direction and state, with the reason of an accepted one."""
    reason = f" ({change.reason})" if change.reason else ""
    return f"{'slower' if change.slower else 'faster'}, {change.state}{reason}"
