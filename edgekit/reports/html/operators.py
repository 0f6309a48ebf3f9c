"""Operators by time, where the runtime's own profiler tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.reports.html import bars, encoding, markup, plot
from edgekit.reports.html.encoding import BLUE, GREEN, GREY, ORANGE, PURPLE, Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.html.plot import words
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import counted, short
from edgekit.text import one_line, percent

_NS_PER_MS = 1e6
_MOST = 12
_COLOURS = {"int8": GREEN, "fp16": ORANGE, "bf16": ORANGE, "fp32": BLUE}


@dataclass(frozen=True, slots=True)
class OpTime:
    """Operators of one kind in one precision, together.

    Attributes:
        op: The kind, in the runtime's own words.
        precision: What they ran in.
        conversion: Whether they only change a type or a layout.
        time_ms: Their time in one inference.
    """

    op: str
    precision: str
    conversion: bool
    time_ms: float

    @property
    def colour(self) -> str:
        """The colour of the precision."""
        return GREY if self.conversion else _COLOURS.get(self.precision, PURPLE)


def op_times(leg: Leg) -> list[OpTime]:
    """What took time, the most first; empty where the runtime tells no times."""
    execution = leg.result.samples.execution if leg.result.samples else []
    sums: dict[tuple[str, str, bool], int] = {}
    for op in execution:
        if op.time_ns is not None:
            kind = one_line(op.op), one_line(op.precision), op.conversion
            sums[kind] = sums.get(kind, 0) + op.time_ns
    found = [OpTime(*kind, time_ns / _NS_PER_MS) for kind, time_ns in sums.items() if time_ns]
    return sorted(found, key=lambda op: -op.time_ms)


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """A bar a leg, and a table of each leg's longest; in words where nobody tells times."""
    measured = [leg for leg in legs if leg.is_measured]
    told = {leg.number: ops for leg in measured if (ops := op_times(leg))}
    known = [leg for leg in measured if leg.number in told]
    if not measured:
        return Html("")
    if not known:
        text = "Not told: the runtimes gave no times of single operators."
        return markup.section("operators", "Operators by time", tag("p", text))
    title = "Time of each kind of operator in one inference, in ms"
    figure = bars.figure(
        "operators-figure",
        title,
        known,
        _traces([told[leg.number] for leg in known]),
        "ms",
        thick=24,
    )
    text = (
        "By the runtime's own profiler, which slows the model down: read the shares, and the "
        f"latency above. The longest come first{_silent(len(measured) - len(known))}."
    )
    return markup.section(
        "operators",
        "Operators by time",
        tag("p", text, class_="lead"),
        plot.element(figure),
        _key(list(told.values())),
        markup.fold(
            "Each leg's operators in numbers",
            [_table(leg, told[leg.number], looks[leg.number]) for leg in known],
        ),
    )


def _silent(count: int) -> str:
    return f"; {counted(count, 'leg')} without times left out" if count else ""


def _traces(told: Sequence[Sequence[OpTime]]) -> list[dict[str, Any]]:
    """A trace for each rank: stacked, they are each leg's operators in the order of their time."""
    ranked = [[*ops[:_MOST], *_rest(ops)] for ops in told]
    return [_rank(ranked, rank) for rank in range(max(map(len, ranked)))]


def _rest(ops: Sequence[OpTime]) -> list[OpTime]:
    rest = ops[_MOST:]
    return [OpTime("all others", "", True, sum(op.time_ms for op in rest))] if rest else []  # noqa: FBT003


def _rank(ranked: Sequence[Sequence[OpTime]], rank: int) -> dict[str, Any]:
    rows = [(place, ops[rank]) for place, ops in enumerate(ranked) if rank < len(ops)]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [op.time_ms for _, op in rows],
        "y": [place for place, _ in rows],
        "marker": {"color": [op.colour for _, op in rows]},
        "text": [words(op.op, 24) for _, op in rows],
        "textposition": "inside",
        "insidetextfont": {"color": [encoding.ink(op.colour) for _, op in rows]},
        "insidetextanchor": "middle",
        "textangle": 0,
        "hovertext": [words(f"{op.op} {op.precision}".strip()) for _, op in rows],
        "hovertemplate": "%{hovertext}: %{x:.4g} ms<extra></extra>",
    }


def _key(told: Sequence[Sequence[OpTime]]) -> Html:
    found: dict[str, str] = {}
    for op in (op for ops in told for op in ops):
        name = "conversions and others" if op.conversion else op.precision
        found.setdefault(name if op.colour != PURPLE else "other types", op.colour)
    return encoding.colours(found)


def _table(leg: Leg, ops: Sequence[OpTime], look: Look) -> Html:
    total = sum(op.time_ms for op in ops)
    rows = [
        [
            op.op,
            op.precision,
            "yes" if op.conversion else "",
            short(op.time_ms),
            percent(op.time_ms / total),
        ]
        for op in ops[:_MOST]
    ]
    columns = ("operator", "precision", "conversion", "time ms", "share")
    title = f"Operators of {leg.label}: the {len(rows)} longest of {len(ops)}"
    summary = [encoding.named(leg, look), tag("span", leg.runtime, class_="quiet")]
    return markup.fold(summary, markup.table(title, columns, rows, words=columns[1:3]))
