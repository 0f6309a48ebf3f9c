"""The figure of a series: ratios over commits, levels, and numbered changes."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from edgekit.records.history import Series
from edgekit.records.trends import Change, Point, Segment
from edgekit.reports import changes
from edgekit.reports.html.encoding import GREY, PALETTE
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.html.plot import Figure, words

_HEIGHT = 360
_SHAPES = ("circle", "square", "diamond", "hexagon")
_TICKS = 8
_ROOM = 0.15


class Course:
    """The segments of one series, each a figure of its own over the same commits.

    Args:
        series: The series.
        segments: Its segments, at least one.
    """

    def __init__(self, series: Series, segments: Sequence[Segment]) -> None:
        self.series = series
        self.segments = segments
        every = {(point.position, point.commit) for one in segments for point in one.points}
        # One place a commit: positions leave gaps where no commit was measured.
        self._places = {key: place for place, key in enumerate(sorted(every))}

    def label(self, segment: Segment) -> str:
        """The segment in a few words: its machine, and what else tells it from the others."""
        machine = changes.machine(segment)
        alike = [one for one in self.segments if changes.machine(one) == machine]
        if len(alike) == 1:
            return machine
        return f"{machine} ({segment.fingerprint.digest[:6]}), to {segment.reference[:8]}"

    def heading(self, segment: Segment) -> Html | None:
        """What tells a figure from those of the other segments; None where there are none."""
        if len(self.segments) == 1:
            return None
        place = self.segments.index(segment)
        look = f"badge c{_colour(place)} {_shape(place)}"
        badge = tag("span", class_=look, aria_hidden="true")
        return tag("p", tag("span", badge, self.label(segment), class_="entry"), class_="key")

    def figure(self, identifier: str, segment: Segment) -> Figure:
        """The figure of one segment.

        Args:
            identifier: Name of its element.
            segment: The segment.
        """
        commits = [commit for _, commit in self._places]
        step = max(1, -(-len(commits) // _TICKS))
        numbered = list(enumerate(segment.changes, 1))
        layout = {
            "height": _HEIGHT,
            "xaxis": {
                "title": {"text": "commit", "standoff": 8},
                "tickvals": list(range(0, len(commits), step)),
                "ticktext": [words(commit[:7]) for commit in commits[::step]],
                "tickangle": -35,
                "range": [-0.8, len(commits) - 0.2],
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {
                "title": {"text": "ratio to the reference", "standoff": 8},
                "range": _range(segment),
                "automargin": True,
                "zeroline": False,
            },
            "shapes": [self._line(segment, change) for _, change in numbered],
            "annotations": [self._number(number, segment, one) for number, one in numbered],
        }
        title = f"Ratio over commits: {self.series.name}, {self.label(segment)}"
        return Figure(identifier, title, list(self._traces(segment)), layout)

    def _place(self, point: Point) -> int:
        return self._places[point.position, point.commit]

    def _traces(self, segment: Segment) -> Iterator[dict[str, Any]]:
        place = self.segments.index(segment)
        colour = PALETTE[_colour(place)]
        yield from self._levels(segment, colour)
        points = segment.points
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": [self._place(point) for point in points],
            "y": [point.ratio for point in points],
            "error_y": _intervals(points),
            "marker": {"symbol": _shape(place), "size": 9, "color": colour, "line": {"width": 1}},
            "hovertext": [_hover(point, self.label(segment)) for point in points],
            "hovertemplate": "%{hovertext}<br>%{y:.4f}<extra></extra>",
        }

    def _levels(self, segment: Segment, colour: str) -> Iterator[dict[str, Any]]:
        cuts = [0, *(change.index for change in segment.changes), len(segment.points)]
        for start, end in itertools.pairwise(cuts):
            part = segment.points[start:end]
            level = statistics.median(point.ratio for point in part)
            yield {
                "type": "scatter",
                "mode": "lines",
                "x": [self._place(part[0]) - 0.4, self._place(part[-1]) + 0.4],
                "y": [level, level],
                "line": {"color": colour, "width": 3},
                "opacity": 0.55,
                "hoverinfo": "skip",
            }

    def _boundary(self, segment: Segment, change: Change) -> float:
        after = self._place(segment.points[change.index])
        return (self._place(segment.points[change.index - 1]) + after) / 2.0

    def _line(self, segment: Segment, change: Change) -> dict[str, Any]:
        at = self._boundary(segment, change)
        line = {"color": GREY, "width": 2, "dash": "solid" if change.fails else "dot"}
        return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at,
                "y0": 0, "y1": 0.93, "line": line}  # fmt: skip

    def _number(self, number: int, segment: Segment, change: Change) -> dict[str, Any]:
        sign = "▲" if change.slower else "▼"
        return {"text": f"<b>{number}{sign}</b>", "x": self._boundary(segment, change), "y": 1,
                "yref": "paper", "yanchor": "top", "showarrow": False,
                "font": {"size": 13}}  # fmt: skip


def _range(segment: Segment) -> list[float]:
    """From the lowest to the highest end, with room for the numbers above."""
    ends = [end for point in segment.points for end in (point.ratio, *(point.interval or ()))]
    low, high = min(ends), max(ends)
    room = _ROOM * ((high - low) or high)
    return [low - room, high + 2 * room]


def _colour(place: int) -> int:
    return place % len(PALETTE)


def _shape(place: int) -> str:
    return _SHAPES[place % len(_SHAPES)]


def _hover(point: Point, label: str) -> str:
    return f"{words(point.commit, 40)}<br>{words(label)}"


def _intervals(points: Sequence[Point]) -> dict[str, Any]:
    ends = [
        (point.ratio - point.interval[0], point.interval[1] - point.ratio)
        if point.interval
        else (0.0, 0.0)
        for point in points
    ]
    return {
        "type": "data",
        "symmetric": False,
        "arrayminus": [max(0.0, low) for low, _ in ends],
        "array": [max(0.0, high) for _, high in ends],
        "color": GREY,
        "thickness": 1,
        "width": 2,
    }
