"""Distributions of latency: for each leg the share of inferences that took no longer."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from edgekit import stats
from edgekit.reports.html import axes, encoding, markup, plot
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.html.plot import words
from edgekit.reports.legs import Leg, by_model
from edgekit.reports.numbers import NO_VALUE, shown

_NS_PER_MS = 1e6
_HEIGHT = 440
# Above, a line is drawn through so many quantiles and the slowest and fastest so many.
_MOST_POINTS = 2000
_QUANTILES = 400
_EXTREMES = 50
# Badges at several heights: lines that lie side by side would hide each other's.
_HEIGHTS = (0.12, 0.88, 0.3, 0.7)
_COLUMNS = (
    "leg", "runtime", "inferences", "processes", "least ms", "p50 ms", "p90 ms", "p99 ms",
    "most ms", "far out", "processes apart",
)  # fmt: skip


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """One figure a model; nothing where nothing was measured."""
    groups = by_model([leg for leg in legs if leg.is_measured and _every(leg)])
    text = (
        "Each line climbs from the fastest inference to the slowest: it tells the share that "
        "took no longer than so many milliseconds. All processes of a leg are in it and no "
        "inference is left out. The ticks at one half are the medians of single processes."
    )
    return markup.section(
        "latency",
        "How latency is distributed",
        tag("p", text, class_="lead") if groups else None,
        [
            _part(f"latency-figure-{place}", model, group, looks, alone=len(groups) == 1)
            for place, (model, group) in enumerate(groups.items())
        ],
    )


def _part(
    identifier: str, model: str, legs: Sequence[Leg], looks: dict[int, Look], *, alone: bool
) -> Html:
    title = f"Share of inferences by latency in ms: {model}"
    every_ms = [[ns / _NS_PER_MS for ns in _every(leg)] for leg in legs]
    axis = axes.scale([time for times in every_ms for time in times], "latency, ms", 0.02)
    data = [
        trace
        for leg, times, height in zip(legs, every_ms, cycle(_HEIGHTS), strict=False)
        for trace in _traces(leg, looks[leg.number], times, height)
    ]
    # Badges last: no line of another leg crosses a number.
    data.sort(key=lambda trace: trace["mode"] == "markers+text")
    layout = {
        "height": _HEIGHT,
        "xaxis": axis,
        "yaxis": {
            "title": {"text": "share of inferences", "standoff": 8},
            "range": [-0.02, 1.03],
            "tickformat": ".0%",
            "automargin": True,
        },
    }
    return tag(
        "div",
        None if alone else tag("h3", model),
        plot.element(plot.Figure(identifier, title, data, layout)),
        encoding.key(legs, looks),
        markup.table(
            title, _COLUMNS, [_row(leg, looks) for leg in legs], words=("runtime",), sticky=True
        ),
    )


def _every(leg: Leg) -> list[int]:
    return sorted(ns for launch in leg.result.launches for ns in launch.latency_ns)


def _traces(
    leg: Leg, look: Look, times_ms: Sequence[float], height: float
) -> list[dict[str, Any]]:
    label = f"{leg.number}  {words(leg.label)}"
    places = thinned(len(times_ms))
    medians = [statistics.median(launch.latency_ns) / _NS_PER_MS for launch in leg.result.launches]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [_rounded(times_ms[place]) for place in places],
            "y": [round((place + 1) / len(times_ms), 5) for place in places],
            "line": {"color": look.hex, "dash": look.dash, "width": 2, "shape": "hv"},
            "hovertemplate": f"{label}<br>%{{y:.1%}} within %{{x:.4g}} ms<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [_rounded(median) for median in medians],
            "y": [0.5] * len(medians),
            "marker": {
                "symbol": "line-ns-open",
                "size": 16,
                "color": look.hex,
                "line": {"width": 2},
            },
            "hovertemplate": f"{label}<br>median of a process: %{{x:.4g}} ms<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [_rounded(stats.percentile(times_ms, height))],
            "y": [height],
            "marker": {"symbol": look.shape, "size": look.size - 2, "color": look.hex},
            "text": [f"<b>{leg.number}</b>"],
            "textfont": {"size": 11, "color": look.ink},
            "hoverinfo": "skip",
        },
    ]


def thinned(count: int) -> list[int]:
    """Places of sorted values that draw the same line: quantiles, and all of the extremes."""
    if count <= _MOST_POINTS:
        return list(range(count))
    inner = {round(step * (count - 1) / _QUANTILES) for step in range(_QUANTILES + 1)}
    return sorted(inner | {*range(_EXTREMES), *range(count - _EXTREMES, count)})


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _row(leg: Leg, looks: dict[int, Look]) -> list[markup.Content]:
    apart = leg.value("latency_between_processes_share")
    far = leg.metric("latency_outliers_share")
    return [
        encoding.named(leg, looks[leg.number]),
        leg.runtime,
        str(len(_every(leg))),
        str(len(leg.result.launches)),
        *(shown(leg.metric(f"latency_{name}_ms")) for name in ("min", "p50", "p90", "p99", "max")),
        far.note if far else NO_VALUE,
        NO_VALUE if apart is None else f"{apart:.1%}",
    ]
