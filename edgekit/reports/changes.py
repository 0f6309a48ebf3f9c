"""A history in words: what changed, since when, and what may be compared."""

from __future__ import annotations

from edgekit.records.trends import Change, Join, Segment, Trend
from edgekit.reports.numbers import counted

_SHORT = 10
# Digits of a digest that people are shown.
DIGEST = 12


def headline(trend: Trend) -> str:
    """What matters most, in a sentence."""
    failing = trend.failing
    if not failing:
        return f"No slowdown of {trend.max_slowdown / 2:.1%} or more holds now"
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
    names = {pin.sha256: f"{pin.name} ({pin.sha256[:DIGEST]})" for pin in trend.pins}
    pair = " and ".join(names.get(one, one[:DIGEST]) for one in (join.older, join.newer))
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
    return told.get("cpu") or told.get("arch") or segment.fingerprint.digest[:DIGEST]


def level(segment: Segment) -> float:
    """The median ratio since the last change."""
    start = segment.changes[-1].index if segment.changes else 0
    ratios = sorted(point.ratio for point in segment.points[start:])
    return ratios[len(ratios) // 2]


def state(change: Change) -> str:
    """Direction and state, with the reason of an accepted one."""
    reason = f" ({change.reason})" if change.reason else ""
    return f"{'slower' if change.slower else 'faster'}, {change.state}{reason}"
