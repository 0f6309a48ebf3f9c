"""A sweep, for people and for scripts: before it runs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edgekit.records import Artifact, BenchResult
from edgekit.records.suite import Suite
from edgekit.records.sweep import SWEEP_SCHEMA, Cell, CellResult
from edgekit.reports import table
from edgekit.reports.numbers import MIB, NO_VALUE, counted, short, shown
from edgekit.results import shape
from edgekit.wire import Failure

COLUMNS = (
    "model", "target", "file", "size MiB", "SQNR dB", "top-1 %", "agreement %", "device",
    "runtime", "p50 ms", "peak MiB", "note",
)  # fmt: skip
_WORDS = ("target", "file", "device", "runtime", "note")


def plan(suite: Suite, cells: Sequence[Cell], impossible: Mapping[Cell, Failure]) -> str:
    """What a sweep is about to do."""
    sizes = [
        counted(len(suite.models), "model"),
        counted(len(suite.formats), "format"),
        counted(len(suite.precisions), "precision"),
        counted(len(suite.targets), "target"),
    ]
    lines = [f"{' x '.join(sizes)}: {counted(len(cells), 'file')}"]
    lines += [f"  not {cell.name}: {why.message}" for cell, why in impossible.items()]
    if suite.evaluate:
        lines.append(f"accuracy of each on {suite.evaluate.data}")
    for target in suite.targets:
        where = ", ".join(target.devices) or "no device"
        lines.append(f"files for {target.name} measured on {where}")
    return "\n".join(lines)


def headline(cells: Sequence[CellResult]) -> str:
    """What came of it, in one line."""
    made = sum(cell.artifact is not None for cell in cells)
    legs = [result for cell in cells for result in cell.benches]
    usable = sum(result.valid for result in legs)
    kept = sum(cell.kept for cell in cells)
    words = [f"{made} of {counted(len(cells), 'file')} made"]
    if legs:
        earlier = f", {kept} by an earlier run" if kept else ""
        words.append(f"{usable} of {counted(len(legs), 'leg')} valid{earlier}")
    failed = sum(bool(cell.every_failure) for cell in cells)
    words += [f"something failed for {failed}"] * bool(failed)
    return "; ".join(words)


def render(cells: Sequence[CellResult]) -> str:
    """A table with one row a file and leg, what failed, and the sum of it."""
    found = [row for cell in cells for row in rows(cell)]
    lines = [line for cell in cells for line in troubles(cell)]
    return "\n".join([table.render(COLUMNS, found, left=_WORDS), *lines, headline(cells)])


def rows(cell: CellResult) -> list[tuple[str, ...]]:
    """One row for each leg of a file; one for a file without legs."""
    what = cell.cell
    accuracy = cell.accuracy
    head = (
        what.model,
        what.target,
        f"{what.format}-{what.precision}",
        short(cell.artifact.size_bytes / MIB) if cell.artifact else NO_VALUE,
        _sqnr(cell.artifact),
        _percent(accuracy.top1 if accuracy else None),
        _percent(accuracy.agreement if accuracy else None),
    )
    if not cell.benches:
        return [(*head, *(NO_VALUE,) * 4, _note(cell))]
    return [(*head, *_leg(result), _note(cell, result)) for result in cell.benches]


def troubles(cell: CellResult) -> list[str]:
    """What failed, and what to do about it, a line each."""
    return [
        f"{cell.cell.name}: {failure.stage}: {failure.message} (hint: {failure.hint})"
        for failure in cell.every_failure
    ]


def _leg(result: BenchResult) -> tuple[str, ...]:
    metrics = {metric.name: metric for metric in result.metrics}
    return (
        result.plan.device.name,
        result.plan.runtime,
        shown(metrics.get("latency_p50_ms")),
        shown(metrics.get("memory_peak_bytes"), MIB),
    )


def _note(cell: CellResult, result: BenchResult | None = None) -> str:
    words = ["cached"] * cell.cached
    failures = cell.failures
    if result is not None:
        words += [f"failed in {result.failure.stage}"] if result.failure else []
        words += ["INVALID"] * (not result.valid and not result.failure)
        words += result.reasons
    words += [f"failed in {failure.stage}" for failure in failures]
    return "; ".join(words)


def _sqnr(artifact: Artifact | None) -> str:
    parity = artifact.parity if artifact else None
    found = next(iter(parity.batches.values()), None) if parity else None
    if found is None:
        return NO_VALUE
    return "equal" if found.sqnr_db is None else f"{found.sqnr_db:.1f}"


def _percent(share: float | None) -> str:
    return NO_VALUE if share is None else f"{100 * share:.1f}"


def as_json(cells: Sequence[CellResult]) -> dict[str, Any]:
    """The documented object of `edgekit sweep --json`."""
    return {"schema_version": SWEEP_SCHEMA, "cells": [_record(cell) for cell in cells]}


def _record(cell: CellResult) -> dict[str, Any]:
    artifact = cell.artifact
    return {
        **msgspec.to_builtins(cell.cell),
        "artifact": artifact
        and {
            "path": str(artifact.path),
            "sha256": artifact.sha256,
            "size_bytes": artifact.size_bytes,
            "parity": msgspec.to_builtins(artifact.parity),
            "cached": cell.cached,
        },
        "accuracy": msgspec.to_builtins(cell.accuracy),
        "results": [shape.to_record(result) for result in cell.benches],
        "kept": cell.kept,
        "failures": msgspec.to_builtins(cell.failures),
    }
