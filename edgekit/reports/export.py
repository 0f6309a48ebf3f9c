"""What an export made, for people and for scripts."""

import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from edgekit.records import Artifact, ExportLeg, ShipVerdict
from edgekit.reports import table, verdict
from edgekit.reports.numbers import agreed

_COLUMNS = ("artifact", "size MiB", "SQNR dB", "agreement", "checked by", "note")


def as_json(legs: Sequence[ExportLeg], verdicts: Sequence[ShipVerdict] = ()) -> dict[str, Any]:
    """The documented object of `edgekit export --json`."""
    artifacts = [
        {
            "path": str(leg.artifact.path),
            "format": leg.format.value,
            "precision": leg.precision.value,
            "sha256": leg.artifact.sha256,
            "size_bytes": leg.artifact.size_bytes,
            "parity": msgspec.to_builtins(leg.artifact.parity),
            "guard": msgspec.to_builtins(leg.artifact.guard),
            "recipe": msgspec.to_builtins(leg.artifact.recipe),
            "calibration": msgspec.to_builtins(leg.artifact.calibration),
            "weights": msgspec.to_builtins(leg.artifact.spec.weights),
            "cached": leg.cached,
        }
        for leg in legs
        if leg.artifact
    ]
    failures = [
        {
            "format": leg.format.value,
            "precision": leg.precision.value,
            **msgspec.to_builtins(leg.failure),
        }
        for leg in legs
        if leg.failure
    ]
    return {
        "artifacts": artifacts,
        "failures": failures,
        "verdicts": [verdict.as_json(found) for found in verdicts],
    }


def render(legs: Sequence[ExportLeg], verdicts: Sequence[ShipVerdict] = ()) -> str:
    """A table of the artifacts, what each failed leg needs, which to ship, what to run next."""
    rows = [_row(leg.artifact, cached=leg.cached) for leg in legs if leg.artifact]
    parts = [table.render(_COLUMNS, rows, left=("checked by", "note"))] if rows else []
    parts += [
        f"{leg.format}-{leg.precision} failed: {leg.failure.message}\n  hint: {leg.failure.hint}"
        for leg in legs
        if leg.failure
    ]
    parts += [f"\n{verdict.render(found)}" for found in verdicts]
    if made := [leg.artifact for leg in legs if leg.artifact]:
        weights = made[0].spec.weights.source
        parts.append(f"weights: {weights}; preprocess {made[0].contract_sha256[:12]}")
        parts.append(f"next: edgekit bench {shlex.quote(str(made[0].path.parent))}")
    return "\n".join(parts)


def _row(artifact: Artifact, *, cached: bool) -> tuple[str, ...]:
    parity = artifact.parity
    notes = ["cached"] if cached else []
    sqnr, agreement, runtime = table.NO_VALUE, table.NO_VALUE, table.NO_VALUE
    if parity:
        notes += [parity.reason] if parity.reason else []
        runtime = parity.runtime or table.NO_VALUE
        if found := next(iter(parity.batches.values()), None):
            sqnr = "equal" if found.sqnr_db is None else f"{found.sqnr_db:.1f}"
            agreement = agreed(found.agreement, found.images)
    if (guard := artifact.guard) and guard.float_layers:
        cost = f", {guard.latency_ratio:.2f} times the latency" if guard.latency_ratio else ""
        notes.append(f"{guard.float_layers} layers in float for --max-drop{cost}")
    size = f"{artifact.size_bytes / 2**20:.2f}"
    return (str(artifact.path), size, sqnr, agreement, runtime, "; ".join(notes))
