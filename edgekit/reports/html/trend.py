"""One HTML file with a history: ratios over commits, their changes, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records.history import Series
from edgekit.records.trends import Change, Point, Segment, Trend
from edgekit.reports import changes
from edgekit.reports.html import course, frame, markup, plot
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.numbers import NO_VALUE, counted
from edgekit.text import one_line

_NAVIGATION = {"series": "Series", "machines": "Machines", "references": "References"}
_CHANGES = ("change", "by", "after", "with", "suspects", "state")
_POINTS = ("commit", "ratio", "interval", "CPU ratio", "floor ratio", "position", "measured")
_LEAD = (
    "Each point is one commit: its latency divided by that of the pinned reference, both measured "
    "in turns in one job, with its interval. A number marks a change of level, solid where a "
    "slowdown holds. Each kind of machine has a figure of its own: nothing is compared "
    "across them."
)


def render(trend: Trend) -> str:
    """The page.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    body = [_series(trend), _machines(trend), _references(trend)]
    return frame.page("edgekit history", _header(trend), _NAVIGATION, body)


def _header(trend: Trend) -> Html:
    points = [point for segment in trend.segments for point in segment.points]
    times = sorted(point.recorded_at for point in points if point.recorded_at)
    facts = {
        "Commits": str(len({point.commit for point in points})),
        "Last recorded": one_line(times[-1]).replace("T", " ").replace("+00:00", " UTC")
        if times
        else "",
        "Allowed slowdown": f"{trend.max_slowdown:.1%}",
        "Kinds of machine": str(len({one.fingerprint.digest for one in trend.segments})),
    }
    return tag(
        "header",
        tag("p", "edgekit history", class_="eyebrow"),
        tag("h1", _title(trend)),
        tag("p", changes.headline(trend), class_="answer"),
        [tag("p", fact, class_="notice") for fact in changes.facts(trend)],
        tag("dl", [frame.fact(name, value) for name, value in facts.items() if value]),
    )


def _title(trend: Trend) -> str:
    if not trend.segments:
        return "Nothing measured yet"
    return "It got slower" if trend.failing else "No slowdown holds"


def _series(trend: Trend) -> Html:
    groups: dict[Series, list[Segment]] = {}
    for segment in trend.segments:
        groups.setdefault(segment.series, []).append(segment)
    parts = [
        _one(place, series, segments) for place, (series, segments) in enumerate(groups.items())
    ]
    lead = tag("p", _LEAD, class_="lead") if parts else None
    return markup.section("series", "Ratio to the reference over commits", lead, parts)


def _one(place: int, series: Series, segments: Sequence[Segment]) -> list[markup.Content]:
    drawn = course.Course(series, segments)
    return [
        tag("h3", series.name),
        [
            _segment(f"history-figure-{place}-{number}", segment, drawn)
            for number, segment in enumerate(segments)
        ],
        markup.fold(
            f"All commits of {series.name}",
            [_points(segment, drawn) for segment in segments],
        ),
    ]


def _segment(identifier: str, segment: Segment, drawn: course.Course) -> list[markup.Content]:
    figure = plot.element(drawn.figure(identifier, segment))
    if not segment.changes:
        quiet = tag("p", "No change of level was found.", class_="quiet")
        return [drawn.heading(segment), figure, quiet]
    caption = f"Changes of {drawn.series.name}, {drawn.label(segment)}"
    rows = [_change(number, change) for number, change in enumerate(segment.changes, 1)]
    table = markup.table(caption, _CHANGES, rows, words=("after", "with", "state"))
    return [drawn.heading(segment), tag("div", figure, table, class_="pair")]


def _change(number: int, change: Change) -> list[markup.Content]:
    low, high = ((end - 1.0) * 100.0 for end in change.interval)
    return [
        str(number),
        [
            f"{(change.ratio - 1.0) * 100.0:+.1f} %",
            tag("span", f"{low:+.1f} to {high:+.1f}", class_="interval"),
        ],
        tag("code", changes.short(change.good), title=change.good),
        tag("code", changes.short(change.bad), title=change.bad),
        str(change.suspects),
        tag("span", changes.state(change), class_="state failed" if change.fails else "state"),
    ]


def _points(segment: Segment, drawn: course.Course) -> Html:
    caption = f"{drawn.label(segment)}: {counted(len(segment.points), 'commit')}"
    return markup.table(caption, _POINTS, [_point(point) for point in segment.points], sticky=True)


def _point(point: Point) -> list[markup.Content]:
    interval = point.interval
    return [
        tag("code", changes.short(point.commit), title=point.commit),
        f"{point.ratio:.4f}",
        f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else NO_VALUE,
        NO_VALUE if point.cpu_ratio is None else f"{point.cpu_ratio:.4f}",
        NO_VALUE if point.floor_ratio is None else f"{point.floor_ratio:.4f}",
        str(point.position),
        str(point.measured),
    ]


def _machines(trend: Trend) -> Html:
    kinds = {one.fingerprint.digest: one.fingerprint for one in trend.segments}
    tables = [
        markup.table(
            f"Kind {digest[:12]}",
            ("fact", "value"),
            [[name, fact] for name, fact in kind.facts.items()],
            words=("value",),
        )
        for digest, kind in kinds.items()
    ]
    return markup.section(
        "machines", "Kinds of machine", tag("div", tables, class_="tables") if tables else None
    )


def _references(trend: Trend) -> Html:
    rows: list[list[markup.Content]] = [
        [
            str(pin.number),
            pin.name,
            tag("code", pin.sha256[:12], title=pin.sha256),
            str(pin.position),
        ]
        for pin in trend.pins
    ]
    columns = ("pin", "name", "SHA-256", "at position")
    caption = "What was pinned, in order"
    return markup.section(
        "references",
        "References",
        markup.table(caption, columns, rows, words=("name", "SHA-256")) if rows else None,
        [tag("p", changes.joined(join, trend)) for join in trend.joins],
    )
