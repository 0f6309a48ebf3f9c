"""What a result looks like as JSON: the same in the store and from `edgekit bench --json`.

Schema 2. One leg of a bench, measured or failed:

    run, measured_at                  which run, and when the leg began (UTC)
    artifact                          name, path, sha256, format, precision (null for a file that
                                      edgekit didn't make), size_bytes; file: the model's file;
                                      record: all of artifact.json, or null
    runtime, device, threads, batch, profile, shapes, seed, require_int8, timeout_s, boundary,
    scenario, ...                     what was asked for: the other fields of `BenchPlan`
    valid, reasons, disturbed         whether the numbers may be used, and what to know of them
    metrics                           value by name; null where the samples support none
    intervals                         95 % interval by the metric's name
    about_metrics                     unit, better and note by the metric's name
    int8                              how much ran in int8, or null
    failure                           stage, kind, message, hint, tail; null if it didn't fail
    launches                          `Samples` of each process: latency_ns, cpu_ns, ...

In the store each is a file of its own, with `schema_version`, `record` (`bench`) and
`record_sha256` beside these, and with long rows of integers packed (`series`).
`edgekit bench --json` prints `schema_version`, `results` (legs that were measured), `failures`
(legs that failed, of the same shape), `verdicts` and `accuracies`, rows in full.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from edgekit import storage
from edgekit.records import BenchPlan, BenchResult, Int8Share, Metric, Subject

_PLAN = {field.name for field in fields(BenchPlan)}
_RESULT = {field.name for field in fields(BenchResult)} - {"schema_version"}


def to_record(result: BenchResult) -> dict[str, Any]:
    """`result` in JSON's types, rows of integers in full."""
    whole: dict[str, Any] = msgspec.to_builtins(result, enc_hook=str)
    plan = whole.pop("plan")
    last = {name: whole.pop(name) for name in ("failure", "launches")}
    del plan["subject"], whole["schema_version"]
    metrics = result.metrics
    return {
        "run": whole.pop("run"),
        "measured_at": whole.pop("measured_at"),
        "artifact": _artifact(result.plan.subject),
        **plan,
        **whole,
        "metrics": {metric.name: metric.value for metric in metrics},
        "intervals": {metric.name: list(metric.interval) for metric in metrics if metric.interval},
        "about_metrics": {metric.name: _about(metric) for metric in metrics},
        "int8": int8_record(result.int8),
        **last,
    }


def from_record(record: dict[str, Any]) -> BenchResult:
    """The result that `record` tells of, rows of integers in full.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: It isn't what `to_record` makes.
    """
    artifact = record["artifact"]
    subject = {
        "path": artifact["file"],
        "sha256": artifact["sha256"],
        "size_bytes": artifact["size_bytes"],
        "artifact": artifact["record"],
    }
    intervals, about = record["intervals"], record["about_metrics"]
    metrics = [
        {**about[name], "name": name, "value": value, "interval": intervals.get(name)}
        for name, value in record["metrics"].items()
    ]
    plan = {name: record[name] for name in _PLAN & record.keys()}
    whole = {name: record[name] for name in _RESULT & record.keys()}
    whole |= {"plan": {**plan, "subject": subject}, "metrics": metrics}
    result = msgspec.convert(whole, BenchResult, dec_hook=_to_path)
    measured = bool(result.launches) and all(launch.count for launch in result.launches)
    if not result.failure and not measured:
        raise ValueError("it holds neither a measurement nor a failure")
    return result


def int8_record(int8: Int8Share | None) -> dict[str, Any] | None:
    """The object `int8` of a leg: the share of operators stands in it as well."""
    return {"ops": int8.ops, **msgspec.to_builtins(int8)} if int8 else None


def path_of(subject: Subject) -> Path:
    """What a user names to measure it: the artifact's folder, or the file."""
    return subject.artifact.path if subject.artifact else subject.path


def format_of(subject: Subject) -> str | None:
    """Name of the file's format; None where not even its suffix tells."""
    if subject.artifact:
        return subject.artifact.format.value
    format = storage.FOREIGN.get(subject.path.suffix)
    return format.value if format else None


def _artifact(subject: Subject) -> dict[str, Any]:
    artifact = subject.artifact
    return {
        "name": subject.name,
        "path": str(path_of(subject)),
        "sha256": subject.sha256,
        "format": format_of(subject),
        "precision": artifact.precision.value if artifact else None,
        "size_bytes": subject.size_bytes,
        "file": str(subject.path),
        "record": msgspec.to_builtins(artifact, enc_hook=str),
    }


def _about(metric: Metric) -> dict[str, str]:
    return {"unit": metric.unit, "better": metric.better, "note": metric.note}


def _to_path(kind: type, value: Any) -> Path:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")
