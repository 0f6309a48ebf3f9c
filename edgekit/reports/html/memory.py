"""Memory by phase: what stays resident as bars, the peak as a mark, all phases as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from edgekit.reports.html import bars, encoding, markup, plot
from edgekit.reports.html.encoding import GREY, ORANGE, SKY, VERMILLION, Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import MIB, NO_VALUE, shown, spread

_START = "interpreter and NumPy"
# Heading, metric, unit.
_COLUMNS = (
    ("runtime MiB", "memory_runtime_bytes"),
    ("load MiB", "memory_load_bytes"),
    ("first MiB", "memory_first_bytes"),
    ("model MiB", "memory_model_bytes"),
    ("of it anonymous MiB", "memory_model_anonymous_bytes"),
    ("of it file-backed MiB", "memory_model_file_bytes"),
    ("steady MiB", "memory_steady_bytes"),
    ("peak MiB", "memory_peak_bytes"),
)
_TEXT = (
    "Bars: what is resident after the first inference. What a file backs, the system may drop "
    "and read again; anonymous memory it may not. The tick is the peak of the whole process. "
    "In the table, load and first are peaks over what was resident before, model is both "
    "together, steady is what stays after the last inference."
)


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """The figure and the table; the reason in words where nothing was measured."""
    measured = [leg for leg in legs if leg.is_measured]
    known = [leg for leg in measured if leg.value("memory_peak_bytes") is not None]
    if not measured:
        return Html("")
    if not known:
        metric = measured[0].metric("memory_peak_bytes")
        reason = metric.note if metric and metric.note else "no leg has marks of memory"
        return markup.section("memory", "Memory", tag("p", f"Not measured: {reason}."))
    title = "Resident memory after the first inference by what holds it, and the peak, in MiB"
    figure = bars.figure("memory-figure", title, known, _traces(known), "MiB")
    names = [*(heading for heading, _ in _COLUMNS), "peak, 95 %", "leak B/run"]
    return markup.section(
        "memory",
        "Memory",
        tag("p", _TEXT, class_="lead"),
        plot.element(figure),
        encoding.colours(
            {
                _START: GREY,
                "runtime": SKY,
                "model, file-backed": ORANGE,
                "model, anonymous": VERMILLION,
            }
        ),
        markup.fold(
            "Every phase in numbers",
            markup.table(
                title,
                ("leg", "runtime", *names),
                [_row(leg, looks) for leg in measured],
                words=("runtime",),
                sticky=True,
            ),
        ),
    )


def _traces(legs: Sequence[Leg]) -> list[dict[str, Any]]:
    parts = {
        _START: ([_start(leg) for leg in legs], GREY),
        "runtime": (_values(legs, "memory_runtime_bytes"), SKY),
        "model, file-backed": (_values(legs, "memory_model_file_bytes"), ORANGE),
        "model, anonymous": (_values(legs, "memory_model_anonymous_bytes"), VERMILLION),
    }
    return [
        *(bars.stacked(name, values, colour, "MiB") for name, (values, colour) in parts.items()),
        bars.mark("peak of the process", _values(legs, "memory_peak_bytes"), "MiB"),
    ]


def _values(legs: Sequence[Leg], name: str) -> list[float]:
    return [(leg.value(name) or 0.0) / MIB for leg in legs]


def _start(leg: Leg) -> float:
    marks = [
        mark.rss_bytes
        for launch in leg.result.launches
        for mark in launch.memory
        if mark.phase == "start"
    ]
    return statistics.median(marks) / MIB if marks else 0.0


def _row(leg: Leg, looks: dict[int, Look]) -> list[markup.Content]:
    return [
        encoding.named(leg, looks[leg.number]),
        leg.runtime,
        *(shown(leg.metric(name), MIB) for _, name in _COLUMNS),
        spread(leg.metric("memory_peak_bytes"), MIB) or NO_VALUE,
        shown(leg.metric("leak_bytes_per_run")),
    ]
