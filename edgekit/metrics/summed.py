"""Latency as another program sums it up: its own numbers, and none that it doesn't give."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgekit.metrics.quantiles import NS_PER_MS
from edgekit.records import Metric
from edgekit.stats import interval
from edgekit.wire import Samples, Summary


def measure(launches: Sequence[Samples], summaries: Sequence[Summary]) -> tuple[Metric, ...]:
    """Percentiles that it computed: the median over the processes, an interval over them alone.

    Each process counts once, and what lies between its inferences isn't known.
    """
    program = summaries[0].program
    count = sum(one.count for one in summaries)
    mean_ms = sum(one.count * one.mean_ns for one in summaries) / count / NS_PER_MS
    computed, untold = f"{program} computed it", f"{program} gives no single times"
    least_ns, most_ns = (min(one.least_ns for one in summaries), max(s.most_ns for s in summaries))
    return (
        _middle("latency_p50_ms", [one.p50_ns for one in summaries], program),
        Metric("latency_p90_ms", None, "ms", "lower", note=untold),
        _middle("latency_p95_ms", [one.p95_ns for one in summaries], program),
        Metric("latency_p99_ms", None, "ms", "lower", note=untold),
        Metric("latency_p999_ms", None, "ms", "lower", note=untold),
        Metric("latency_mean_ms", mean_ms, "ms", "lower", note=computed),
        Metric("latency_min_ms", least_ns / NS_PER_MS, "ms", "lower", note=computed),
        Metric("latency_max_ms", most_ns / NS_PER_MS, "ms", "lower", note=computed),
        Metric("latency_outliers_share", None, "share", "lower", note=untold),
        _between([one.p50_ns or one.mean_ns for one in summaries]),
        Metric("throughput_per_s", launches[0].batch * 1e3 / mean_ms, "1/s", "higher"),
        Metric("cpu_p50_ms", None, "ms", "lower", note=untold),
    )


def _middle(name: str, told_ns: Sequence[int | None], program: str) -> Metric:
    times_ms = [ns / NS_PER_MS for ns in told_ns if ns is not None]
    if len(times_ms) < len(told_ns):
        note = f"this {program} doesn't tell it"
        return Metric(name, None, "ms", "lower", note=note)
    value = statistics.median(times_ms)
    found = interval(times_ms, 0.5) if len(times_ms) > 1 else None
    return Metric(name, value, "ms", "lower", found, note=f"{program} computed it")


def _between(middles_ns: Sequence[int]) -> Metric:
    name = "latency_between_processes_share"
    if len(middles_ns) == 1:
        return Metric(name, None, "share", "lower", note="one process")
    apart = (max(middles_ns) - min(middles_ns)) / statistics.median(middles_ns)
    return Metric(name, apart, "share", "lower")
