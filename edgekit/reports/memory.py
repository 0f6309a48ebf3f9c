"""Memory by phase, for people."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import BenchResult, Metric
from edgekit.reports import table

_MIB = 2**20
_COLUMNS = {
    "runtime": "memory_runtime_bytes",
    "load": "memory_load_bytes",
    "first": "memory_first_bytes",
    "steady": "memory_steady_bytes",
    "model, own": "memory_model_anonymous_bytes",
    "model, from file": "memory_model_file_bytes",
    "peak of all": "memory_peak_bytes",
}
_LEAK = "leak KiB/run"
# Less than a page a run is what allocators make of nothing.
_LEAK_BYTES = 4096


def render(results: Sequence[BenchResult]) -> str:
    """A table with one row a leg, in MiB; empty where no leg has marks."""
    rows = [_row(result) for result in results if _values(result).get("memory_load_bytes")]
    if not rows:
        return ""
    return "\n" + table.render(("memory, MiB", "by", *_COLUMNS, _LEAK), rows)


def _row(result: BenchResult) -> tuple[str, ...]:
    values, plan = _values(result), result.plan
    sizes = [values.get(name) for name in _COLUMNS.values()]
    leak = values.get("leak_bytes_per_run")
    return (
        result.name,
        plan.runtime,
        *(table.NO_VALUE if size is None else f"{size / _MIB:.1f}" for size in sizes),
        table.NO_VALUE if leak is None or leak < _LEAK_BYTES else f"{leak / 1024:.1f}",
    )


def _values(result: BenchResult) -> dict[str, float | None]:
    metrics: Sequence[Metric] = result.metrics
    return {metric.name: metric.value for metric in metrics}
