"""How much ran in int8, for people and for scripts."""

from __future__ import annotations

from edgekit.quantization.coverage import listed
from edgekit.records import Int8Share
from edgekit.text import percent


def sentence(int8: Int8Share) -> str:
    """`int8: 98 % of ops, 96 % of time; in float: Softmax x12 (3 % of time)`."""
    parts = [f"int8: {brief(int8)}"]
    if int8.fallbacks:
        parts.append(f"in float: {listed(int8.fallbacks)}")
    if int8.conversion_time:
        parts.append(f"conversions: {percent(int8.conversion_time)} of time")
    return "; ".join(parts)


def brief(int8: Int8Share) -> str:
    """The two shares; in place of one that nobody tells, that nobody does."""
    time = "time untold by the runtime" if int8.time is None else f"{percent(int8.time)} of time"
    return f"{percent(int8.ops)} of ops, {time}"
