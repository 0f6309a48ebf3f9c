"""How older results are read: each function brings a leg from one schema to the next."""

from collections.abc import Callable, Mapping
from typing import Any

from edgekit.errors import DataError
from edgekit.records import RESULT_SCHEMA
from edgekit.registry import DISTRIBUTION

Record = dict[str, Any]

# What schema 1 had of a process among what it had of the leg.
_LAUNCH = (
    "load_ns", "first_ns", "steady", "memory", "settings", "versions", "inputs", "outputs",
    "defaulted", "golden", "output_sha256", "execution", "environment",
)  # fmt: skip
# Ends of the names that schema 1's metrics had, and what they are in; the first that fits.
_UNITS = (
    ("_per_s", "1/s"), ("_ms", "ms"), ("_bytes", "bytes"), ("_db", "dB"), ("", "share"),
)  # fmt: skip
_MOST_OPS = 10_000
_HIGHER = {"throughput_per_s", "agreement", "sqnr_db"}
_PROFILE = (
    "min_runs", "min_time_s", "max_time_s", "warmup_min_runs", "warmup_min_time_s",
    "warmup_max_time_s",
)  # fmt: skip


def upgraded(record: Record, version: int) -> Record:
    """The leg `record` of schema `version` as this edgekit writes it.

    Raises:
        DataError: It is of a newer edgekit, or of none.
        KeyError, TypeError, AttributeError: It isn't what that schema says.
    """
    check(version)
    for number in range(version, RESULT_SCHEMA):
        record = _UPGRADES[number](record)
    return record


def check(version: Any) -> None:
    """Refuse a schema that this edgekit doesn't know.

    Raises:
        DataError: It doesn't.
    """
    if type(version) is not int or version < 1:
        raise DataError(
            f"its schema_version is {version!r}", hint="name a file that edgekit wrote"
        )
    if version > RESULT_SCHEMA:
        raise DataError(
            f"it has schema {version}; this edgekit reads up to {RESULT_SCHEMA}",
            hint=f"a newer edgekit wrote it: `pip install -U {DISTRIBUTION}`",
        )


def _whole(leg: Record) -> Record:
    """From schema 1, which printed a failure by itself and one launch among the leg's fields."""
    if "stage" in leg:
        return _failed(leg)
    launch = {**leg["samples"], "batch": leg["batch"], **{name: leg[name] for name in _LAUNCH}}
    launch["execution"] = [op for kind in leg["execution"] for op in _ops(kind)]
    kept = {
        name: leg[name] for name in ("runtime", "valid", "reasons", "int8", "metrics", "intervals")
    } | {name: leg[name] for name in ("threads", "batch", "boundary", "seed", "profile")}
    return {
        **kept,
        "artifact": _artifact(leg["artifact"]),
        "device": {"name": leg["device"]},
        "scenario": {"mode": leg["mode"]},
        "about_metrics": {name: _about(name) for name in leg["metrics"]},
        "launches": [launch],
    }


def _ops(kind: Mapping[str, Any]) -> list[Record]:
    """Operators of one kind, which schema 1 only counted, each with its share of their time."""
    count = kind["count"]
    if type(count) is not int or not 1 <= count <= _MOST_OPS:
        raise TypeError(f"it counts {count!r} operators")
    time_ns = kind.get("time_ns")
    one = {
        "name": "",
        "op": kind["op"],
        "precision": kind["precision"],
        "unit": "",
        "time_ns": time_ns // count if type(time_ns) is int else None,
        "conversion": kind.get("conversion", False),
    }
    return [one] * count


def _failed(leg: Mapping[str, Any]) -> Record:
    """A leg that failed; nothing was told of what was asked for."""
    return {
        "artifact": _artifact({"path": leg["artifact"], "sha256": "", "size_bytes": 0}),
        "runtime": leg["runtime"],
        "device": {"name": leg["device"]},
        "threads": 0,
        "batch": None,
        "profile": dict.fromkeys(_PROFILE, 0),
        "valid": False,
        "reasons": [],
        "metrics": {},
        "intervals": {},
        "about_metrics": {},
        "failure": {name: leg[name] for name in ("stage", "kind", "message", "hint", "tail")},
        "launches": [],
    }


def _artifact(artifact: Mapping[str, Any]) -> Record:
    # An artifact's record wasn't printed: what is left of it is a file of the artifact's name.
    return {**artifact, "file": artifact["path"], "record": None, "name": ""}


def _about(name: str) -> Record:
    unit = next(unit for end, unit in _UNITS if name.endswith(end))
    return {"unit": unit, "better": "higher" if name in _HIGHER else "lower", "note": ""}


def _without_devices(leg: Record) -> Record:
    """From schema 2, whose fields are schema 3's; it knew no emulated device and no summary."""
    return leg


def _unchanged(leg: Record) -> Record:
    """From schema 3, whose legs are schema 4's: evaluations alone have changed."""
    return leg


_UPGRADES: dict[int, Callable[[Record], Record]] = {1: _whole, 2: _without_devices, 3: _unchanged}


def evaluation(record: Record) -> Record:
    """An evaluation as this edgekit writes it; before schema 4 it was one of classes alone."""
    if "top1" not in record:
        return record
    score = record.get("score")
    if score is None and record["top1"] is not None:
        score = {
            "metric": "top1",
            "value": record["top1"],
            "others": {"top5": record["top5"]},
            "images": record["images"],
        }
    return {**record, "score": score}
