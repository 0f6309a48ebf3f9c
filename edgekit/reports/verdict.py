"""Which precision to ship, for people and for scripts."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.records import ShipSide, ShipVerdict
from edgekit.reports import coverage, table
from edgekit.reports.numbers import agreed
from edgekit.results import shape

_MIB = 2**20
_NS_PER_MS = 1e6
_COLUMNS = ("precision", "p50 ms", "times fp32's speed", "size MiB", "agreement", "in int8")


def render(verdict: ShipVerdict) -> str:
    """A small table, the verdict, and its reasons."""
    batch = f", batch {verdict.batch}" * (verdict.batch > 1)
    title = (
        f"{verdict.model} as {verdict.format} by {verdict.runtime}, {verdict.threads} "
        f"thread{'s' * (verdict.threads > 1)}"
        f"{batch}, {verdict.launches} launches"
    )
    return "\n".join(
        [
            table.render(_COLUMNS, [_row(side) for side in verdict.sides], title=title),
            f"verdict: {verdict.choice}",
            *(f"  - {reason}" for reason in verdict.reasons),
        ]
    )


def _row(side: ShipSide) -> tuple[str, ...]:
    speed = f"{side.speed:.2f}"
    if side.interval:
        speed += f" ({side.interval[0]:.2f}-{side.interval[1]:.2f})"
    agreement = table.NO_VALUE
    if side.agreement is not None:
        agreement = agreed(side.agreement, side.images)
    return (
        side.precision,
        f"{side.p50_ns / _NS_PER_MS:#.3g}",
        speed,
        f"{side.size_bytes / _MIB:#.3g}",
        agreement,
        coverage.brief(side.int8) if side.int8 else table.NO_VALUE,
    )


def as_json(verdict: ShipVerdict) -> dict[str, Any]:
    """The documented object of a verdict."""
    found: dict[str, Any] = msgspec.to_builtins(verdict)
    for side, shown in zip(verdict.sides, found["sides"], strict=True):
        shown["int8"] = shape.int8_record(side.int8)
    return found
