"""Accuracy and size against latency, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports.accuracy import Measure, best_measure
from edgekit.reports.html import encoding, markup, plot, scatter
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg, by_model
from edgekit.reports.numbers import MIB, counted, short, shown

_SIZE = "file_size_bytes"


def accuracy_section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """Accuracy against latency; nothing where no leg has an accuracy."""
    timed = [leg for leg in legs if leg.value(scatter.P50) is not None]
    measure = best_measure(timed)
    if measure is None:
        return Html("")
    known = [leg for leg in timed if leg.number in measure.values]
    # Agreement is with a model's own float file: between models it says nothing.
    groups = by_model(known) if measure.relative else {"": known}
    title = f"{measure.title[0].upper()}{measure.title[1:]} in %, against median latency in ms"
    found = [
        scatter.Scatter(group, measure.values, measure.axis, title, model)
        for model, group in groups.items()
    ]
    return markup.section(
        "accuracy",
        "Accuracy against latency",
        tag("p", _accuracy_text(measure, len(timed) - len(known)), class_="lead"),
        _parts("accuracy-figure", found, looks),
    )


def size_section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """Size of the files against latency."""
    sizes = {leg.number: size / MIB for leg in legs if (size := leg.value(_SIZE))}
    known = [leg for leg in legs if leg.number in sizes and leg.value(scatter.P50) is not None]
    title = "Size of the files in MiB, against median latency in ms"
    found = [
        scatter.Scatter(group, sizes, "size, MiB", title, model, better=-1)
        for model, group in by_model(known).items()
    ]
    text = (
        "Left and low is good. The line joins the valid legs that no other of the same model "
        "beats in both."
    )
    return markup.section(
        "size",
        "Size against latency",
        tag("p", text, class_="lead") if found else None,
        _parts("size-figure", found, looks),
    )


def _accuracy_text(measure: Measure, without: int) -> str:
    of = " of the same model" if measure.relative else ""
    text = (
        f"Left and high is good. Accuracy is {measure.title}, on "
        f"{measure.basis}. The line is the Pareto front: the valid legs that no other{of} beats "
        "in both."
    )
    return text + (f" Left out: {counted(without, 'leg')} without it." if without else "")


def _parts(
    identifier: str, found: Sequence[scatter.Scatter], looks: dict[int, Look]
) -> list[list[Html | None]]:
    """Figure and table of each, beside each other where there is room."""
    return [
        [
            tag("h3", one.model) if len(found) > 1 else None,
            tag(
                "div",
                tag(
                    "div",
                    plot.element(one.figure(f"{identifier}-{place}", looks)),
                    encoding.key(one.legs, looks),
                ),
                _table(one, looks),
                class_="pair",
            ),
        ]
        for place, one in enumerate(found)
    ]


def _table(found: scatter.Scatter, looks: dict[int, Look]) -> Html:
    columns = ("leg", "p50 ms", found.axis, "on the front", "runtime")
    rows = [_row(leg, found, looks[leg.number]) for leg in found.legs]
    return markup.table(found.title, columns, rows, words=("runtime", "on the front"))


def _row(leg: Leg, found: scatter.Scatter, look: Look) -> list[markup.Content]:
    return [
        encoding.named(leg, look),
        shown(leg.metric(scatter.P50)),
        short(found.values[leg.number]),
        found.standing(leg),
        leg.runtime,
    ]
