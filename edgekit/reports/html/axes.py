"""Axes that fit what they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit.reports.numbers import short

# Where the largest is that many times the smallest, a linear axis would squeeze most points.
_WIDE = 5.0
_FEW_DECADES = 1.5


def scale(values: Sequence[float], title: str, room: float = 0.06) -> dict[str, Any]:
    """A linear axis, or a logarithmic one where the values are wide apart.

    Args:
        values: What is shown; at least one.
        title: Title of the axis, with the unit.
        room: Empty share at each end.
    """
    low, high = min(values), max(values)
    title_of = {"text": title, "standoff": 8}
    if low <= 0 or high < _WIDE * low:
        pad = room * ((high - low) or high or 1.0)
        return {"title": title_of, "range": [max(0.0, low - pad), high + pad], "automargin": True}
    ends = [math.log10(low), math.log10(high)]
    pad = room * (ends[1] - ends[0])
    ticks = _ticks(ends[0] - pad, ends[1] + pad)
    return {
        "type": "log",
        "title": {"text": f"{title} (logarithmic)", "standoff": 8},
        "range": [ends[0] - pad, ends[1] + pad],
        "tickvals": ticks,
        "ticktext": [_tick(tick) for tick in ticks],
        "automargin": True,
    }


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ...: fewer steps in a decade where there are many decades."""
    steps = (1, 2, 5) if high - low < _FEW_DECADES else (1, 3) if high - low < 3 else (1,)  # noqa: PLR2004
    decades = range(math.floor(low), math.ceil(high) + 1)
    every = [step * 10.0**decade for decade in decades for step in steps]
    return [tick for tick in every if low <= math.log10(tick) <= high]


def _tick(value: float) -> str:
    return f"{value:g}" if value < 1e4 else short(value)  # noqa: PLR2004
