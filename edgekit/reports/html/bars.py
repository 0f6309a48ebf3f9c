"""A figure of bars, one row a leg, its name above the bar: long names fit a phone as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.reports.html.encoding import GREY
from edgekit.reports.html.plot import Figure, words
from edgekit.reports.legs import Leg

_NAME = 30
_AXIS = 56


def figure(
    identifier: str,
    title: str,
    legs: Sequence[Leg],
    data: list[dict[str, Any]],
    axis: str,
    *,
    thick: int = 16,
) -> Figure:
    """Bars from left to right.

    Args:
        identifier: Name of its element.
        title: What it shows.
        legs: The legs, from the top.
        data: Traces whose `y` are places of legs, from 0.
        axis: Title of the axis of values.
        thick: Pixels of a bar.
    """
    count, row = len(legs), thick + _NAME
    layout = {
        "height": row * count + _AXIS,
        "barmode": "stack",
        "bargap": 1 - thick / row,
        "xaxis": {
            "title": {"text": axis, "standoff": 8},
            "rangemode": "tozero",
            "automargin": True,
        },
        "yaxis": {"range": [count - 0.5, -0.8], "visible": False, "fixedrange": True},
        "annotations": [_name(place, leg, thick) for place, leg in enumerate(legs)],
        "uniformtext": {"minsize": 10, "mode": "hide"},
    }
    return Figure(identifier, title, data, layout)


def _name(place: int, leg: Leg, thick: int) -> dict[str, Any]:
    return {
        "text": f"<b>{leg.number}</b>  {words(leg.label, 44)}",
        "xref": "paper",
        "x": 0,
        "y": place,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": thick // 2,
        "showarrow": False,
        "font": {"size": 12},
    }


def stacked(name: str, values: Sequence[float], colour: str, unit: str) -> dict[str, Any]:
    """One part of every bar."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [max(0.0, value) for value in values],
        "y": list(range(len(values))),
        "marker": {"color": colour},
        "hovertemplate": f"{name}: %{{x:.4g}} {unit}<extra></extra>",
    }


def mark(name: str, values: Sequence[float], unit: str) -> dict[str, Any]:
    """A tick across every bar."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(values),
        "y": list(range(len(values))),
        "marker": {"symbol": "line-ns-open", "size": 18, "line": {"width": 3}, "color": GREY},
        "hovertemplate": f"{name}: %{{x:.4g}} {unit}<extra></extra>",
        "cliponaxis": False,
    }
