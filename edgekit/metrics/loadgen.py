"""The numbers in the summary that MLCommons LoadGen writes of a run."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from edgekit.metrics.quantiles import NS_PER_MS
from edgekit.records import Metric

# By our name: LoadGen's words before the number, what to divide it by, unit, what is better.
_LINES = {
    "loadgen_p50_ms": (r"50\.00 percentile latency \(ns\)", NS_PER_MS, "ms", "lower"),
    "loadgen_p90_ms": (r"90\.00 percentile latency \(ns\)", NS_PER_MS, "ms", "lower"),
    "loadgen_p99_ms": (r"99\.00 percentile latency \(ns\)", NS_PER_MS, "ms", "lower"),
    "loadgen_early_stopping_p90_ms": (
        r"\* Early stopping 90(?:\.0)?th percentile estimate",
        NS_PER_MS,
        "ms",
        "lower",
    ),
    "loadgen_samples_per_s": (
        r"Samples per second|Completed samples per second|QPS w/o loadgen overhead",
        1.0,
        "1/s",
        "higher",
    ),
}
# Of a mode that has no such line.
NOT_TOLD = "not in LoadGen's summary"
_RESULT = re.compile(r"^Result is\s*:\s*(\w+)", re.MULTILINE)


def metrics(summaries: Sequence[str]) -> tuple[Metric, ...]:
    """What every process's summary says, the median over them; and whether all are valid.

    Args:
        summaries: Text of `mlperf_log_summary.txt`, one a process.
    """
    valid = all(_RESULT.findall(text) == ["VALID"] for text in summaries)
    note = "" if valid else "LoadGen calls it INVALID: its summary says why"
    return (
        Metric("loadgen_valid", float(valid), "yes or no", "higher", note=note),
        *(_metric(name, summaries) for name in _LINES),
    )


def _metric(name: str, summaries: Sequence[str]) -> Metric:
    words, divisor, unit, better = _LINES[name]
    pattern = re.compile(rf"^\s*(?:{words})\s*:\s*(\d+(?:\.\d+)?)", re.MULTILINE)
    found = [match for text in summaries for match in pattern.findall(text)]
    if len(found) < len(summaries):
        return Metric(name, None, unit, better, note=NOT_TOLD)
    return Metric(name, statistics.median(float(one) / divisor for one in found), unit, better)
