"""Results of a bench, for people and for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from edgekit.errors import MissingDependency
from edgekit.records import RESULT_SCHEMA, BenchResult, EvalResult, Metric, ShipVerdict
from edgekit.reports import coverage, evaluate, memory, per_op, scenario, table, verdict
from edgekit.reports.numbers import agreed
from edgekit.results import shape
from edgekit.wire import Failure

_MIB = 2**20
_COLUMNS = (
    "artifact",
    "runtime",
    "p50 ms",
    "95 %",
    "p90 ms",
    "p99 ms",
    "first ms",
    "load ms",
    "peak MiB",
    "size MiB",
    "threads",
    "agreement",
    "note",
)


def render(
    results: Sequence[BenchResult],
    verdicts: Sequence[ShipVerdict] = (),
    *,
    operators: bool = False,
) -> str:
    """Tables with one row a leg; below them what ran in int8, what failed, and what to ship.

    Args:
        results: The legs.
        verdicts: What to ship.
        operators: Whether to show which operators took the time.
    """
    parts = [table.render(_COLUMNS, [_row(result) for result in results], left=_COLUMNS[-1:])]
    parts += filter(None, [memory.render(results), *scenario.tables(results)])
    parts += [
        f"{result.name} ({result.plan.runtime}): {coverage.sentence(result.int8)}"
        for result in results
        if result.int8
    ]
    for result in results:
        if failure := result.failure:
            parts.append(f"{result.name}: {failure.message}\n  hint: {failure.hint}")
            parts += [f"  | {line}" for line in failure.tail.splitlines()[-5:]]
    if operators:
        parts += [f"\n{per_op.render(result)}" for result in results if result.samples]
    parts += [f"\n{verdict.render(found)}" for found in verdicts]
    return "\n".join(parts)


def _row(result: BenchResult) -> tuple[str, ...]:
    plan = result.plan
    head = (result.name, plan.runtime)
    if failure := result.failure:
        blank = (table.NO_VALUE,) * (len(_COLUMNS) - 3)
        return (*head, *blank, _failed(failure))
    found = {metric.name: metric for metric in result.metrics}
    return (
        *head,
        _number(found.get("latency_p50_ms")),
        _interval(found.get("latency_p50_ms")),
        _number(found.get("latency_p90_ms")),
        _number(found.get("latency_p99_ms")),
        _number(found.get("first_inference_ms")),
        _number(found.get("load_ms")),
        _number(found.get("memory_peak_bytes"), _MIB),
        _number(found.get("file_size_bytes"), _MIB),
        str(plan.threads),
        _agreement(result),
        _note(result),
    )


def _failed(failure: Failure) -> str:
    if failure.kind == MissingDependency.__name__:
        return "can't run here"
    return f"failed in {failure.stage}: {failure.kind}"


def _agreement(result: BenchResult) -> str:
    golden = result.samples.golden if result.samples else None
    if golden is None:
        return table.NO_VALUE
    return agreed(golden.agreement, golden.images)


def _note(result: BenchResult) -> str:
    size = result.samples.batch if result.samples else 1
    batch = [f"batch {size}"] * (size > 1)
    invalid = ["INVALID"] * (not result.valid)
    return "; ".join([*invalid, *result.reasons, *batch])


def _number(metric: Metric | None, unit: float = 1.0) -> str:
    """Three digits that count; why there is no value where it fits the cell, as in `n<368`."""
    if metric is None or metric.value is None:
        return metric.note if metric and metric.note.startswith("n<") else table.NO_VALUE
    return _digits(metric.value / unit)


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004


def _interval(metric: Metric | None) -> str:
    if metric is None or metric.interval is None:
        return table.NO_VALUE
    low, high = metric.interval
    return f"{_digits(low)}-{_digits(high)}"


def as_json(
    results: Sequence[BenchResult],
    verdicts: Sequence[ShipVerdict] = (),
    accuracies: Mapping[str, EvalResult] = MappingProxyType({}),
) -> dict[str, Any]:
    """The documented object of `edgekit bench --json` and `edgekit report --json`.

    What a leg is in it stands in `edgekit.results.shape`.
    """
    return {
        "schema_version": RESULT_SCHEMA,
        "results": [shape.to_record(result) for result in results if not result.failure],
        "failures": [shape.to_record(result) for result in results if result.failure],
        "verdicts": [verdict.as_json(found) for found in verdicts],
        "accuracies": [evaluate.as_json(found) for found in accuracies.values()],
    }
