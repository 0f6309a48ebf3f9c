"""What a runtime ran, operator by operator, for people and for scripts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from edgekit.quantization.coverage import by_kind
from edgekit.records import BenchResult, OpCount
from edgekit.reports import table
from edgekit.wire import Op, Samples

SHOWN = 15
NS_PER_MS = 1e6
_LONGEST = 40  # characters of a name or a kernel; --json has the whole
_COLUMNS = ("operator", "kind", "precision", "unit", "kernel", "ms", "%", "sum %")
_KINDS = ("kind", "precision", "count", "ms", "%")
_WORDS = ("kind", "precision", "unit", "kernel")


def render(result: BenchResult, shown: int = SHOWN) -> str:
    """The operators that took most time, how much the others took, and sums by kind.

    Args:
        result: A leg that was measured.
        shown: Operators to show at most.
    """
    samples = result.samples
    head = f"{result.name} ({result.plan.runtime})"
    if samples is None or not samples.execution:
        return f"{head}: the runtime doesn't tell what it ran"
    total_ns = _total_ns(samples.execution)
    kinds = table.render(
        _KINDS, [_kind(kind, total_ns) for kind in _by_time(samples)], left=_WORDS
    )
    if total_ns is None:
        return f"{head}: {len(samples.execution)} operators; {untimed(samples)}\n\n{kinds}"
    ordered = sorted(samples.execution, key=lambda op: -(op.time_ns or 0))
    sums_ns = itertools.accumulate(op.time_ns or 0 for op in ordered)
    rows = [
        _row(op, total_ns, sum_ns)
        for op, sum_ns in itertools.islice(zip(ordered, sums_ns, strict=True), shown)
    ]
    title = f"{head}: {len(ordered)} operators, {_ms(total_ns)} ms by the runtime's own profiler"
    parts = [table.render(_COLUMNS, rows, title=title, left=_WORDS), _rest(ordered[shown:]), kinds]
    return "\n\n".join(part for part in parts if part)


def untimed(samples: Samples) -> str:
    """Why the operators have no times, in the runtime's adapter's words where it has some."""
    return samples.settings.get("op_times", "the runtime tells no times")


def _by_time(samples: Samples) -> list[OpCount]:
    return sorted(by_kind(samples.execution), key=lambda kind: -(kind.time_ns or 0))


def _total_ns(ops: Sequence[Op]) -> int | None:
    """The time of all of them; None where one has none, since shares would be of a part."""
    times_ns = [op.time_ns for op in ops if op.time_ns is not None]
    return sum(times_ns) if times_ns and len(times_ns) == len(ops) else None


def _row(op: Op, total_ns: int, sum_ns: int) -> tuple[str, ...]:
    return (
        _short(op.name),
        op.op,
        op.precision or table.NO_VALUE,
        op.unit,
        _short(op.kernel) or table.NO_VALUE,
        _ms(op.time_ns),
        _percent(op.time_ns, total_ns),
        _percent(sum_ns, total_ns),
    )


def _kind(kind: OpCount, total_ns: int | None) -> tuple[str, ...]:
    return (
        kind.op,
        kind.precision or table.NO_VALUE,
        str(kind.count),
        _ms(kind.time_ns),
        _percent(kind.time_ns, total_ns),
    )


def _rest(ops: Sequence[Op]) -> str:
    return f"and {len(ops)} more, {_ms(_total_ns(ops))} ms together" if ops else ""


def _ms(time_ns: int | None) -> str:
    return table.NO_VALUE if time_ns is None else f"{time_ns / NS_PER_MS:.3f}"


def _percent(time_ns: int | None, total_ns: int | None) -> str:
    if time_ns is None or not total_ns:
        return table.NO_VALUE
    return f"{100 * time_ns / total_ns:.1f}"


def _short(name: str) -> str:
    """The end of a long name: what tells it from its neighbours stands there."""
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
