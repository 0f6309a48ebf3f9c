"""What a gate says as JSON.

Schema 1. `edgekit gate --json`:

    schema_version    of this object
    base, head        what they were called: a path or a revision
    measured_at       when it began: UTC, ISO 8601
    outcome           pass, inconclusive or fail: the worst of the pairs'
    notes             what concerns no pair
    pairs             each:
      name, outcome   the worst of its checks'; fail for one that could not be compared
      base, head      name, path, sha256, format, precision (null for a file that edgekit didn't
                      make), size_bytes
      runtime, device, threads, batch, shapes, limits, budget_s, data
                      what was asked for; `limits` are those of `edgekit.records.Limits`
      checks          metric, unit, better, base, head, ratio, interval, allowed, outcome, reason:
                      `edgekit.records.Check`
      timing          how latency was measured: `edgekit.records.Timing`; null where it wasn't
      notes, facts    what to know; the machine, and versions of what ran
      failure         stage, kind, message, hint, tail; null if it could be compared

`edgekit gate --aa --json`:

    schema_version, base
    resolutions       each: name, file (as `head` above), runtime, ... budget_s (as above),
                      slowdown (the least that the budget resolves, a share), attainable, timing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from edgekit.records import GATE_SCHEMA, GatePair, GatePlan, GateVerdict, Resolution, Subject
from edgekit.results import shape


def as_json(verdict: GateVerdict) -> dict[str, Any]:
    """The documented object of `edgekit gate --json`."""
    return {
        "schema_version": verdict.schema_version,
        "base": verdict.base,
        "head": verdict.head,
        "measured_at": verdict.measured_at,
        "outcome": verdict.outcome.value,
        "notes": list(verdict.notes),
        "pairs": [_pair(pair) for pair in verdict.pairs],
    }


def resolutions_as_json(base: str, found: Sequence[Resolution]) -> dict[str, Any]:
    """The documented object of `edgekit gate --aa --json`."""
    return {
        "schema_version": GATE_SCHEMA,
        "base": base,
        "resolutions": [
            {
                "name": each.plan.name,
                "file": _side(each.plan.head.subject),
                **_asked(each.plan),
                "slowdown": each.slowdown,
                "attainable": each.attainable,
                "timing": msgspec.to_builtins(each.timing),
            }
            for each in found
        ],
    }


def _pair(pair: GatePair) -> dict[str, Any]:
    return {
        "name": pair.plan.name,
        "outcome": pair.outcome.value,
        "base": _side(pair.plan.base.subject),
        "head": _side(pair.plan.head.subject),
        **_asked(pair.plan),
        "checks": msgspec.to_builtins(pair.checks),
        "timing": msgspec.to_builtins(pair.timing),
        "notes": list(pair.notes),
        "facts": pair.facts,
        "failure": msgspec.to_builtins(pair.failure),
    }


def _side(subject: Subject) -> dict[str, Any]:
    return {
        "name": subject.name,
        "path": str(shape.path_of(subject)),
        "sha256": subject.sha256,
        "format": shape.format_of(subject),
        "precision": subject.artifact.precision.value if subject.artifact else None,
        "size_bytes": subject.size_bytes,
    }


def _asked(plan: GatePlan) -> dict[str, Any]:
    head = plan.head
    return {
        "runtime": head.runtime,
        "device": msgspec.to_builtins(head.device),
        "threads": head.threads,
        "batch": head.batch,
        "shapes": head.shapes,
        "limits": msgspec.to_builtins(plan.limits),
        "budget_s": plan.budget_s,
        "data": str(plan.data) if plan.data else None,
    }
