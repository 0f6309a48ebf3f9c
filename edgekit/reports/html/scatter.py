"""Legs as numbered points, something against latency, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.reports.accuracy import front
from edgekit.reports.html import axes
from edgekit.reports.html.encoding import GREY, Look
from edgekit.reports.html.plot import Figure, words
from edgekit.reports.legs import Leg

P50 = "latency_p50_ms"
_HEIGHT = 420


class Scatter:
    """Points and fronts of one figure.

    Args:
        legs: The legs; each has a median latency.
        values: What they are set against latency by, by number.
        axis: What that is, with its unit.
        title: What the figure shows.
        model: The model that all of them are of; empty where it doesn't matter.
        better: 1 where more of it is better, -1 where less is.
    """

    def __init__(
        self,
        legs: Sequence[Leg],
        values: dict[int, float],
        axis: str,
        title: str,
        model: str,
        *,
        better: int = 1,
    ) -> None:
        self.legs = legs
        self.values = values
        self.axis = axis
        self.title = f"{title}: {model}" if model else title
        self.model = model
        groups = [group for group in _alike(legs, per_model=bool(model)) if len(group) > 1]
        self._compared = {leg.number for group in groups for leg in group}
        self._fronts = [self._front(group, better) for group in groups]

    def standing(self, leg: Leg) -> str:
        """Whether a leg is on the front, or why that can't be said."""
        if not leg.result.valid:
            return "no: invalid"
        if leg.result.emulated:
            return "no: emulated"
        if leg.number not in self._compared:
            return "alone"
        return "yes" if any(leg in group for group in self._fronts) else "no"

    def _front(self, legs: Sequence[Leg], better: int) -> list[Leg]:
        points = [(_latency(leg), better * self.values[leg.number]) for leg in legs]
        return [legs[place] for place in front(points)]

    def figure(self, identifier: str, looks: dict[int, Look]) -> Figure:
        """The figure.

        Args:
            identifier: Name of its element.
            looks: Look of each leg, by number.
        """
        layout = {
            "height": _HEIGHT,
            "xaxis": axes.scale(_ends(self.legs), "median latency, ms", 0.08),
            "yaxis": axes.scale([self.values[leg.number] for leg in self.legs], self.axis, 0.15),
        }
        lines = [self._line(group) for group in self._fronts]
        return Figure(identifier, self.title, [*lines, self._points(looks)], layout)

    def _line(self, legs: Sequence[Leg]) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "x": [_latency(leg) for leg in legs],
            "y": [self.values[leg.number] for leg in legs],
            "line": {"color": GREY, "width": 2, "shape": "hv"},
            "hoverinfo": "skip",
        }

    def _points(self, looks: dict[int, Look]) -> dict[str, Any]:
        found = [looks[leg.number] for leg in self.legs]
        return {
            "type": "scatter",
            "mode": "markers+text",
            "x": [_latency(leg) for leg in self.legs],
            "y": [self.values[leg.number] for leg in self.legs],
            "error_x": _intervals(self.legs),
            "marker": {
                "symbol": [look.shape for look in found],
                "size": [look.size for look in found],
                "color": [look.hex for look in found],
                "line": {"width": 1.5},
                "opacity": [1.0 if leg.result.valid else 0.45 for leg in self.legs],
            },
            "text": [f"<b>{leg.number}</b>" for leg in self.legs],
            "textfont": {"size": 11, "color": [look.ink for look in found]},
            "hovertext": [f"{leg.number}  {words(leg.label)}" for leg in self.legs],
            "hovertemplate": "%{hovertext}<br>%{x:.4g} ms<br>%{y:.4g}<extra></extra>",
            "cliponaxis": False,
        }


def _latency(leg: Leg) -> float:
    return leg.value(P50) or 0.0


def _ends(legs: Sequence[Leg]) -> list[float]:
    """The medians and the ends of their intervals: all that the axis has to hold."""
    intervals = [
        metric.interval for leg in legs if (metric := leg.metric(P50)) and metric.interval
    ]
    return [*map(_latency, legs), *(end for interval in intervals for end in interval)]


def _intervals(legs: Sequence[Leg]) -> dict[str, Any]:
    metrics = [leg.metric(P50) for leg in legs]
    ends = [
        (metric.value - metric.interval[0], metric.interval[1] - metric.value)
        if metric and metric.value is not None and metric.interval
        else (0.0, 0.0)
        for metric in metrics
    ]
    return {
        "type": "data",
        "symmetric": False,
        "arrayminus": [low for low, _ in ends],
        "array": [high for _, high in ends],
        "color": GREY,
        "thickness": 1.5,
        "width": 4,
    }


def _alike(legs: Sequence[Leg], *, per_model: bool) -> list[list[Leg]]:
    """Valid legs that were measured alike: on one real device, in one mode, at one batch."""
    groups: dict[tuple[Any, ...], list[Leg]] = {}
    for leg in legs:
        plan = leg.result.plan
        if leg.result.valid and not leg.result.emulated:
            alike = (plan.device.name, plan.scenario, leg.batch, leg.family if per_model else "")
            groups.setdefault((alike[0], repr(alike[1]), *alike[2:]), []).append(leg)
    return list(groups.values())
