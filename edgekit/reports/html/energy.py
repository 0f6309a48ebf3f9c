"""Energy, where a real sensor measured it; why there is none elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Metric
from edgekit.reports.html import bars, encoding, markup, plot
from edgekit.reports.html.encoding import GREEN, Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import NO_VALUE, short, spread

_NET = "energy_per_inference_mj"
_UNASKED = "not measured"
_NO_SENSOR = "there is no sensor that edgekit reads, or the profile asks for none"
_TEXT = (
    "What one inference takes over what the machine takes anyway, by a real sensor. Only numbers "
    "of one sensor can be compared."
)
_COLUMNS = ("leg", "what", "value", "95 % interval", "unit", "scope and sensor")


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """A figure for each sensor and a table; the reason in words where nothing was measured."""
    measured = [leg for leg in legs if leg.is_measured]
    found = [(leg, metric) for leg in measured for metric in _metrics(leg)]
    sensors = {metric.note: None for _, metric in found if _is_net(metric)}
    if not measured:
        return Html("")
    if not sensors:
        notes = {metric.note: None for _, metric in found if metric.note not in {"", _UNASKED}}
        reason = (
            f"Not measured: {'; '.join(notes) or _NO_SENSOR}. No estimate stands in its place."
        )
        return markup.section("energy", "Energy", tag("p", reason))
    rows = [_row(leg, metric, looks[leg.number]) for leg, metric in found]
    title = "Energy of one inference and power of idling"
    return markup.section(
        "energy",
        "Energy",
        tag("p", _TEXT, class_="lead"),
        [
            [
                tag("h3", sensor) if len(sensors) > 1 else None,
                plot.element(_figure(f"energy-figure-{place}", found, sensor)),
            ]
            for place, sensor in enumerate(sensors)
        ],
        markup.table(
            title, _COLUMNS, rows, words=("what", "unit", "scope and sensor"), sticky=True
        ),
    )


def _metrics(leg: Leg) -> list[Metric]:
    return [
        metric for metric in leg.result.metrics if metric.name.split("_")[0] in {"energy", "power"}
    ]


def _is_net(metric: Metric) -> bool:
    return metric.name == _NET and metric.value is not None


def _figure(identifier: str, found: Sequence[tuple[Leg, Metric]], sensor: str) -> plot.Figure:
    known = [(leg, one) for leg, one in found if _is_net(one) and one.note == sensor]
    values = [metric.value or 0.0 for _, metric in known]
    axis = f"net energy of one inference, {known[0][1].unit}"
    trace = bars.stacked("net energy", values, GREEN, known[0][1].unit)
    legs = [leg for leg, _ in known]
    return bars.figure(identifier, f"{axis}: {sensor}", legs, [trace], axis)


def _row(leg: Leg, metric: Metric, look: Look) -> list[markup.Content]:
    return [
        encoding.named(leg, look),
        metric.name.replace("_", " "),
        NO_VALUE if metric.value is None else short(metric.value),
        spread(metric) or NO_VALUE,
        metric.unit,
        metric.note,
    ]
