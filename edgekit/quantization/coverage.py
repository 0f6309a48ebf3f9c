"""How much of a quantized file ran in int8, by the runtime's own account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgekit.records import Fallback, Int8Share, OpCount
from edgekit.text import percent
from edgekit.wire import Op

INT8 = "int8"
NAMED = 3
# Other element types are those of shapes, indices and masks: in no file would they be int8.
FLOATS = frozenset({"fp32", "fp16", "bf16", "fp64"})


def by_kind(ops: Iterable[Op]) -> tuple[OpCount, ...]:
    """Operators of one kind and precision as one, the most frequent first.

    Where one of them has no time, they have none together.
    """
    kinds: dict[OpCount, list[Op]] = {}
    for op in ops:
        kinds.setdefault(OpCount(op.op, op.precision, 0, None, op.conversion), []).append(op)
    found = [
        replace(kind, count=len(members), time_ns=_time_ns(members))
        for kind, members in kinds.items()
    ]
    return tuple(sorted(found, key=lambda kind: (-kind.count, kind.op, kind.precision)))


def int8_share(execution: Sequence[OpCount]) -> Int8Share | None:
    """Shares of operators and of time, and what fell back to float.

    Args:
        execution: What the runtime says that it ran, by kind.

    Returns:
        The shares; None where nothing of it is int8, not even a conversion, or nothing was told.
    """
    if not any(op.precision == INT8 for op in execution):
        return None
    computing = [op for op in execution if not op.conversion]
    int8 = [op for op in computing if op.precision == INT8]
    in_float = [op for op in computing if op.precision in FLOATS]
    total_ns = _time_ns(execution)
    fallbacks = [
        Fallback(op.op, op.precision, op.count, _share([op], total_ns)) for op in in_float
    ]
    return Int8Share(
        int8_ops=_count(int8),
        computing_ops=_count(int8) + _count(in_float),
        time=_share(int8, total_ns),
        conversion_time=_share((op for op in execution if op.conversion), total_ns),
        fallbacks=tuple(sorted(fallbacks, key=_harm, reverse=True)),
    )


def listed(fallbacks: Sequence[Fallback]) -> str:
    """The worst kinds in words, and how many more there are."""
    words = [
        f"{kind.op} x{kind.count}"
        + (f" ({percent(kind.time_share)} of time)" if kind.time_share is not None else "")
        for kind in fallbacks[:NAMED]
    ]
    more = len(fallbacks) - NAMED
    return ", ".join([*words, f"{more} more kinds"] if more > 0 else words)


def _harm(fallback: Fallback) -> tuple[float, int]:
    return fallback.time_share or 0.0, fallback.count


def _count(ops: Iterable[OpCount]) -> int:
    return sum(op.count for op in ops)


def _time_ns(ops: Iterable[Op | OpCount]) -> int | None:
    """All their time; None where one of them has none: a part would pass for the whole."""
    times = [op.time_ns for op in ops]
    known = [time_ns for time_ns in times if time_ns is not None]
    return sum(known) if len(known) == len(times) else None


def _share(ops: Iterable[OpCount], total_ns: int | None) -> float | None:
    own_ns = _time_ns(ops)
    # Profiles count in microseconds: all of a tiny network may round to zero.
    return own_ns / total_ns if total_ns and own_ns is not None else None
