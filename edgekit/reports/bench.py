"""Results of a bench, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from edgekit import storage
from edgekit.errors import MissingDependency
from edgekit.records import SCHEMA_VERSION, BenchResult, Metric, ShipVerdict
from edgekit.reports import coverage, per_op, table, verdict
from edgekit.wire import Failure, Samples

_MIB = 2**20
_COLUMNS = (
    "artifact",
    "runtime",
    "p50 ms",
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
    """A table with one row a leg; below it what ran in int8, what failed, and what to ship.

    Args:
        results: The legs.
        verdicts: What to ship.
        operators: Whether to show which operators took the time.
    """
    parts = [table.render(_COLUMNS, [_row(result) for result in results], left=_COLUMNS[-1:])]
    parts += [
        f"{result.plan.subject.name} ({result.plan.runtime}): {coverage.sentence(result.int8)}"
        for result in results
        if result.int8
    ]
    for result in results:
        if failure := result.failure:
            parts.append(f"{result.plan.subject.name}: {failure.message}\n  hint: {failure.hint}")
            parts += [f"  | {line}" for line in failure.tail.splitlines()[-5:]]
    if operators:
        parts += [f"\n{per_op.render(result)}" for result in results if result.samples]
    parts += [f"\n{verdict.render(found)}" for found in verdicts]
    return "\n".join(parts)


def _row(result: BenchResult) -> tuple[str, ...]:
    plan = result.plan
    head = (plan.subject.name, plan.runtime)
    if failure := result.failure:
        blank = (table.NO_VALUE,) * (len(_COLUMNS) - 3)
        return (*head, *blank, _failed(failure))
    found = {metric.name: metric for metric in result.metrics}
    return (
        *head,
        _number(found.get("latency_p50_ms")),
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
    """Of how many as well: six of six are no hundred per cent."""
    golden = result.samples.golden if result.samples else None
    if golden is None:
        return table.NO_VALUE
    return f"{round(golden.agreement * golden.images)}/{golden.images}"


def _note(result: BenchResult) -> str:
    size = result.samples.batch if result.samples else 1
    batch = [f"batch {size}"] * (size > 1)
    invalid = ["INVALID"] * (not result.valid)
    return "; ".join([*invalid, *result.reasons, *batch])


def _number(metric: Metric | None, unit: float = 1.0) -> str:
    """Three digits that count; why there is no value where it fits the cell, as in `n<368`."""
    if metric is None or metric.value is None:
        return metric.note if metric and metric.note.startswith("n<") else table.NO_VALUE
    value = metric.value / unit
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004


def as_json(
    results: Sequence[BenchResult], verdicts: Sequence[ShipVerdict] = ()
) -> dict[str, Any]:
    """The documented object of `edgekit bench --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "results": [
            _result(result, result.samples) for result in results if result.samples is not None
        ],
        "failures": [
            {
                "artifact": _path(result),
                "runtime": result.plan.runtime,
                "device": result.plan.device.name,
                **msgspec.to_builtins(result.failure),
            }
            for result in results
            if result.failure
        ],
        "verdicts": [verdict.as_json(found) for found in verdicts],
    }


def _result(result: BenchResult, samples: Samples) -> dict[str, Any]:
    plan = result.plan
    raw = msgspec.to_builtins(samples)
    series = ("latency_ns", "cpu_ns", "warmup_ns")
    return {
        "artifact": _artifact(result),
        "runtime": plan.runtime,
        "device": plan.device.name,
        "valid": result.valid,
        "reasons": list(result.reasons),
        "int8": coverage.as_json(result.int8),
        "metrics": {metric.name: metric.value for metric in result.metrics},
        "intervals": {
            metric.name: list(metric.interval) for metric in result.metrics if metric.interval
        },
        "threads": plan.threads,
        "mode": plan.scenario.mode,
        "boundary": plan.boundary,
        "seed": plan.seed,
        "profile": msgspec.to_builtins(plan.profile),
        **{name: value for name, value in raw.items() if name not in series},
        "per_op": per_op.as_json(samples),
        "samples": {name: raw[name] for name in series},
    }


def _artifact(result: BenchResult) -> dict[str, Any]:
    subject = result.plan.subject
    artifact = subject.artifact
    format = artifact.format if artifact else storage.FOREIGN[subject.path.suffix]
    return {
        "path": _path(result),
        "sha256": subject.sha256,
        "format": format.value,
        "precision": artifact.precision.value if artifact else None,
        "size_bytes": subject.size_bytes,
    }


def _path(result: BenchResult) -> str:
    subject = result.plan.subject
    return str(subject.artifact.path if subject.artifact else subject.path)
