"""Energy, where a real sensor measured it; why there is none elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Metric
from edgekit.reports.html import bars, encoding, markup, plot
from edgekit.reports.html.encoding import GREEN, Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import NO_VALUE, short, spread
from edgekit.text import one_line

_NOT_MEASURED = (
    "Not measured: there is no sensor that edgekit reads, or the profile asks for none. "
    "No estimate stands in its place."
)


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """The figure and the table; the reason in words where nothing was measured."""
    measured = [leg for leg in legs if leg.is_measured]
    if not measured:
        return Html("")
    found = [(leg, metric) for leg in measured for metric in _metrics(leg)]
    known = [(leg, metric) for leg, metric in found if metric.value is not None]
    if not known:
        notes = dict.fromkeys(metric.note for _, metric in found if metric.note)
        reason = f"Not measured: {'; '.join(notes)}." if notes else _NOT_MEASURED
        return markup.section("energy", "Energy", tag("p", reason))
    columns = ("leg", "what", "value", "95 % interval", "unit", "sensor and scope", "note")
    title = "Energy of one inference"
    return markup.section(
        "energy",
        "Energy",
        plot.element(_figure(known)),
        markup.table(
            title,
            columns,
            [_row(leg, metric, looks[leg.number]) for leg, metric in found],
            words=("what", "unit", "sensor and scope", "note"),
            sticky=True,
        ),
    )


def _metrics(leg: Leg) -> list[Metric]:
    return [metric for metric in leg.result.metrics if metric.name.startswith("energy")]


def _figure(known: Sequence[tuple[Leg, Metric]]) -> plot.Figure:
    """The first metric that has values, of the legs that have it: one unit on the axis."""
    first = known[0][1]
    shown = [(leg, metric.value or 0.0) for leg, metric in known if metric.name == first.name]
    name = _words(first)
    trace = bars.stacked(name, [value for _, value in shown], GREEN, first.unit)
    axis = f"{name}, {first.unit}"
    return bars.figure("energy-figure", axis, [leg for leg, _ in shown], [trace], axis)


def _row(leg: Leg, metric: Metric, look: Look) -> list[markup.Content]:
    windows = [window for launch in leg.result.launches for window in launch.energy]
    sensors = dict.fromkeys(f"{one_line(w.sensor)} ({one_line(w.scope)})" for w in windows)
    return [
        encoding.named(leg, look),
        _words(metric),
        NO_VALUE if metric.value is None else short(metric.value),
        spread(metric) or NO_VALUE,
        metric.unit,
        ", ".join(sensors) or NO_VALUE,
        metric.note,
    ]


def _words(metric: Metric) -> str:
    return one_line(metric.name).replace("_", " ")
