"""The machine and its state, and what each leg ran with."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Metric
from edgekit.reports.html import encoding, markup
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import NO_VALUE, short, spread
from edgekit.text import one_line

_BEFORE, _AFTER = "before.", "after."


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """The machines' facts; then for each leg its state, settings, versions and numbers."""
    devices: dict[str, list[Leg]] = {}
    for leg in legs:
        if leg.is_measured:
            devices.setdefault(one_line(leg.result.plan.device.name), []).append(leg)
    return markup.section(
        "machine",
        "Machine and settings",
        [
            markup.fold(f"The machine: {name}", _facts(name, group), opened=True)
            for name, group in devices.items()
        ],
        markup.fold(
            "Each leg: state before and after, settings, versions, every number",
            [_leg(leg, looks[leg.number]) for group in devices.values() for leg in group],
        )
        if devices
        else None,
    )


def facts(legs: Sequence[Leg]) -> dict[str, str]:
    """What doesn't change while a machine runs; all that was said where legs differ."""
    found: dict[str, dict[str, None]] = {}
    for launch in (launch for leg in legs for launch in leg.result.launches):
        for name, value in launch.environment.items():
            if not name.startswith((_BEFORE, _AFTER)):
                found.setdefault(name, {})[value] = None
    return {name: "; ".join(values) for name, values in found.items()}


def _facts(name: str, legs: Sequence[Leg]) -> Html:
    rows = list(facts(legs).items())
    return markup.table(f"Facts of {name}", ("fact", "value"), rows, words=("value",))


def _leg(leg: Leg, look: Look) -> Html:
    samples = leg.result.samples
    summary = [encoding.named(leg, look), tag("span", leg.runtime, class_="quiet")]
    if samples is None:
        return Html("")
    inputs = [
        (spec.name, f"{spec.dtype} {'x'.join(map(str, spec.shape))}") for spec in samples.inputs
    ]
    tables = [
        markup.table(
            "State of the machine",
            ("fact", "before the first process", "after the last"),
            _states(leg),
            words=("before the first process", "after the last"),
        ),
        markup.table(
            "The runtime's settings, read back",
            ("setting", "value"),
            list(samples.settings.items()),
            words=("value",),
        ),
        markup.table(
            "Versions", ("package", "version"), list(samples.versions.items()), words=("version",)
        ),
        markup.table("Inputs", ("input", "type and shape"), inputs, words=("type and shape",)),
        markup.table(
            "Every number",
            ("metric", "value", "95 % interval", "unit", "note"),
            [_metric(metric) for metric in leg.result.metrics],
            words=("unit", "note"),
        ),
    ]
    return markup.fold(summary, tag("div", tables, class_="tables"))


def _states(leg: Leg) -> list[tuple[str, str, str]]:
    before = leg.result.launches[0].environment
    after = leg.result.launches[-1].environment
    names = [name.removeprefix(_BEFORE) for name in before if name.startswith(_BEFORE)]
    names += [name.removeprefix(_AFTER) for name in after if name.startswith(_AFTER)]
    return [
        (name, before.get(_BEFORE + name, NO_VALUE), after.get(_AFTER + name, NO_VALUE))
        for name in dict.fromkeys(names)
    ]


def _metric(metric: Metric) -> list[markup.Content]:
    value = NO_VALUE if metric.value is None else short(metric.value)
    return [metric.name, value, spread(metric) or NO_VALUE, metric.unit, metric.note]
