"""A sweep, for people and for scripts: before it runs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edgekit.records.suite import Suite
from edgekit.records.sweep import SWEEP_SCHEMA, Cell, CellResult
from edgekit.reports import table
from edgekit.reports.cells import COLUMNS, WORDS, headline, rows, troubles
from edgekit.reports.numbers import counted
from edgekit.results import shape
from edgekit.wire import Failure


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


def render(cells: Sequence[CellResult]) -> str:
    """A table with one row a file and leg, what failed, and the sum of it."""
    found = [row for cell in cells for row in rows(cell)]
    lines = [line for cell in cells for line in troubles(cell)]
    return "\n".join([table.render(COLUMNS, found, left=WORDS), *lines, headline(cells)])


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
