"""Memory by phase: what stays resident as bars, the peak as a mark, all phases as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from edgekit.reports.html import bars, encoding, markup, plot
from edgekit.reports.html.encoding import GREY, ORANGE, PURPLE, SKY, VERMILLION, Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import MIB, NO_VALUE, shown, spread

_START, _RUNTIME, _REST = "interpreter and NumPy", "runtime", "code and working memory"
_MAPPED, _ANONYMOUS = "model, mapped from its file", "model, anonymous"
_COLOURS = {_START: GREY, _RUNTIME: SKY, _MAPPED: ORANGE, _ANONYMOUS: VERMILLION, _REST: PURPLE}
# Heading, metric, unit.
_COLUMNS = (
    ("runtime MiB", "memory_runtime_bytes"),
    ("load MiB", "memory_load_bytes"),
    ("first MiB", "memory_first_bytes"),
    ("model MiB", "memory_model_bytes"),
    ("anonymous MiB", "memory_model_anonymous_bytes"),
    ("mapped MiB", "memory_model_file_bytes"),
    ("steady MiB", "memory_steady_bytes"),
    ("peak MiB", "memory_peak_bytes"),
    ("GPU MiB", "memory_gpu_bytes"),
)
_TEXT = (
    "Bars: what is resident after the first inference. What is mapped from the model's file, the "
    "system may drop and read again; anonymous memory it may not. The tick is the peak of the "
    "whole process. In the table, load and first are peaks over what was resident before, model "
    "is both together, steady is what stays after the last inference."
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
        encoding.colours(_COLOURS),
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
    parts = [_parts(leg) for leg in legs]
    peaks = [(leg.value("memory_peak_bytes") or 0.0) / MIB for leg in legs]
    return [
        *(
            bars.stacked(name, [part[name] for part in parts], colour, "MiB")
            for name, colour in _COLOURS.items()
        ),
        bars.mark("peak of the process", peaks, "MiB"),
    ]


def _parts(leg: Leg) -> dict[str, float]:
    """What is resident after the first inference, by what holds it, in MiB."""
    parts = {
        _START: _resident(leg, "start"),
        _RUNTIME: (leg.value("memory_runtime_bytes") or 0.0) / MIB,
        _MAPPED: (leg.value("memory_model_file_bytes") or 0.0) / MIB,
        _ANONYMOUS: (leg.value("memory_model_anonymous_bytes") or 0.0) / MIB,
    }
    return {**parts, _REST: max(0.0, _resident(leg, "first") - sum(parts.values()))}


def _resident(leg: Leg, phase: str) -> float:
    """Resident memory at the end of a phase, in MiB: the median over the processes."""
    marks = [mark for launch in leg.result.launches for mark in launch.memory]
    found = [mark.rss_bytes for mark in marks if mark.phase == phase]
    return statistics.median(found) / MIB if found else 0.0


def _row(leg: Leg, looks: dict[int, Look]) -> list[markup.Content]:
    return [
        encoding.named(leg, looks[leg.number]),
        leg.runtime,
        *(shown(leg.metric(name), MIB) for _, name in _COLUMNS),
        spread(leg.metric("memory_peak_bytes"), MIB) or NO_VALUE,
        shown(leg.metric("leak_bytes_per_run")),
    ]
