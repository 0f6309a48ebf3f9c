"""What modes other than plain latency are about, and the parts of one inference."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgekit.reports.html import encoding, markup
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import NO_VALUE, short, spread

_NS_PER_MS = 1e6
# How the names of a mode's metrics begin.
_MODES = {
    "paced_": "Paced: one inference at each tick",
    "offline_": "Offline: several streams at a time",
    "server_": "Server: arrivals at random, latency from the arrival",
    "loadgen_": "MLCommons LoadGen",
}


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """A table for each mode, and one of parts; nothing where all is plain latency."""
    return markup.section(
        "modes",
        "Modes and parts",
        [_mode(prefix, title, legs, looks) for prefix, title in _MODES.items()],
        _parts(legs, looks),
    )


def _mode(prefix: str, title: str, legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    rows: list[list[markup.Content]] = [
        [
            encoding.named(leg, looks[leg.number]),
            metric.name.removeprefix(prefix).replace("_", " "),
            NO_VALUE if metric.value is None else short(metric.value),
            spread(metric) or NO_VALUE,
            metric.unit,
            metric.note,
        ]
        for leg in legs
        for metric in leg.result.metrics
        if metric.name.startswith(prefix)
    ]
    if not rows:
        return Html("")
    columns = ("leg", "what", "value", "95 % interval", "unit", "note")
    words = ("what", "unit", "note")
    return tag(
        "div", tag("h3", title), markup.table(title, columns, rows, words=words, sticky=True)
    )


def _parts(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """What of an inference each part takes, where parts were timed."""
    rows: list[list[markup.Content]] = []
    for leg in legs:
        parts: dict[str, list[int]] = {}
        for launch in leg.result.launches:
            for name, times_ns in launch.parts_ns.items():
                parts.setdefault(name, []).extend(times_ns)
        rows += [
            [encoding.named(leg, looks[leg.number]), name, _median(times), str(len(times))]
            for name, times in parts.items()
            if times
        ]
    if not rows:
        return Html("")
    columns = ("leg", "part", "p50 ms", "times")
    return tag(
        "div",
        tag("h3", "Where the time goes"),
        markup.table("Parts of one inference", columns, rows, words=("part",), sticky=True),
    )


def _median(times_ns: Sequence[int]) -> str:
    return short(statistics.median(times_ns) / _NS_PER_MS)
