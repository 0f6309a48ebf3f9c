"""Latency and throughput, from the wall time of each inference in every process."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgekit.metrics import summed
from edgekit.metrics.quantiles import NS_PER_MS, quantile
from edgekit.metrics.scenario import per_second
from edgekit.records import BenchPlan, Metric
from edgekit.stats import interval, outliers
from edgekit.wire import Samples

NS_PER_S = 1e9
SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """Percentiles over all processes; what lies far off; first inference and load, apart."""
    summaries = [launch.summary for launch in launches if launch.summary]
    found = summed.measure(launches, summaries) if summaries else _timed(plan, launches)
    return (
        *found,
        _once("first_inference_ms", [launch.first_ns for launch in launches]),
        _once("load_ms", [launch.load_ns for launch in launches]),
    )


def _timed(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    times_ns = [launch.latency_ns for launch in launches]
    times_ms = [[ns / NS_PER_MS for ns in times] for times in times_ns]
    every_ms = [time_ms for launch in times_ms for time_ms in launch]
    mean_ms = statistics.fmean(every_ms)
    cpu_ms = [ns / NS_PER_MS for launch in launches for ns in launch.cpu_ns]
    far = outliers(every_ms)
    return (
        *(quantile(f"latency_{name}_ms", times_ns, share) for name, share in SHARES.items()),
        _ms("latency_mean_ms", mean_ms),
        _ms("latency_min_ms", min(every_ms)),
        _ms("latency_max_ms", max(every_ms)),
        Metric("latency_outliers_share", far / len(every_ms), "share", "lower", note=f"{far}"),
        _between(times_ms),
        _throughput(plan, launches, mean_ms),
        _ms("cpu_p50_ms", statistics.median(cpu_ms) if cpu_ms else None),
    )


def _throughput(plan: BenchPlan, launches: Sequence[Samples], mean_ms: float) -> Metric:
    """Back to back it is the mean's inverse; where there are pauses or streams, the span tells."""
    value = launches[0].batch * 1e3 / mean_ms
    if plan.scenario.mode != "latency":
        value = statistics.median(map(per_second, launches))
    return Metric("throughput_per_s", value, "1/s", "higher")


def _between(times_ms: Sequence[Sequence[float]]) -> Metric:
    """How far the processes' medians lie apart, as a share of the median of all."""
    name = "latency_between_processes_share"
    if len(times_ms) == 1:
        return Metric(name, None, "share", "lower", note="one process")
    medians = [statistics.median(launch) for launch in times_ms]
    apart = (max(medians) - min(medians)) / statistics.median(medians)
    return Metric(name, apart, "share", "lower")


def _once(name: str, times_ns: Sequence[int]) -> Metric:
    """What each process does once: the median over them, with its interval if there are enough."""
    times_ms = [ns / NS_PER_MS for ns in times_ns]
    return Metric(name, statistics.median(times_ms), "ms", "lower", interval(times_ms, 0.5))


def _ms(name: str, value: float | None) -> Metric:
    return Metric(name, value, "ms", "lower")
