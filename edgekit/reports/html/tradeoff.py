"""Accuracy and size against latency, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports.accuracy import Measure, best_measure
from edgekit.reports.html import encoding, markup, plot, scatter
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import MIB, counted, short, shown

_SIZE = "file_size_bytes"


def accuracy_section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """Accuracy against latency; nothing where no leg has an accuracy."""
    timed = [leg for leg in legs if leg.value(scatter.P50) is not None]
    measure = best_measure(timed)
    if measure is None:
        return Html("")
    known = [leg for leg in timed if leg.number in measure.values]
    found = scatter.Scatter(known, measure.values, measure.axis, per_model=measure.relative)
    title = f"{measure.title} in %, against median latency in ms"
    return markup.section(
        "accuracy",
        "Accuracy against latency",
        tag("p", _accuracy_text(measure, len(timed) - len(known)), class_="lead"),
        _side_by_side(found.figure("accuracy-figure", title, looks), found, looks),
    )


def size_section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """Size of the files against latency."""
    sizes = {leg.number: size / MIB for leg in legs if (size := leg.value(_SIZE))}
    known = [leg for leg in legs if leg.number in sizes and leg.value(scatter.P50) is not None]
    if not known:
        return Html("")
    found = scatter.Scatter(known, sizes, "size, MiB", per_model=True, better=-1)
    title = "Size of the files in MiB, against median latency in ms"
    text = (
        "Left and low is good. The line joins the valid legs that no other of the same model "
        "beats in both."
    )
    return markup.section(
        "size",
        "Size against latency",
        tag("p", text, class_="lead"),
        _side_by_side(found.figure("size-figure", title, looks), found, looks),
    )


def _accuracy_text(measure: Measure, without: int) -> str:
    of = " of the same model" if measure.relative else ""
    text = (
        f"Left and high is good. Accuracy is {measure.title}, on "
        f"{measure.basis}. The line is the Pareto front: the valid legs that no other{of} beats "
        "in both."
    )
    return text + (f" Left out: {counted(without, 'leg')} without it." if without else "")


def _side_by_side(figure: plot.Figure, found: scatter.Scatter, looks: dict[int, Look]) -> Html:
    columns = ("leg", "p50 ms", found.axis, "on the front", "runtime")
    rows = [_row(leg, found, looks[leg.number]) for leg in found.legs]
    return tag(
        "div",
        tag("div", plot.element(figure), encoding.key(found.legs, looks), class_="stays"),
        markup.table(figure.title, columns, rows, words=("runtime", "on the front")),
        class_="pair",
    )


def _row(leg: Leg, found: scatter.Scatter, look: Look) -> list[markup.Content]:
    return [
        encoding.named(leg, look),
        shown(leg.metric(scatter.P50)),
        short(found.values[leg.number]),
        "yes" if leg.number in found.best else "no" if leg.result.valid else "no: invalid",
        leg.runtime,
    ]
