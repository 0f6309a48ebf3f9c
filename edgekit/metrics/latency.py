"""Latency and throughput, from the wall time of each inference."""

from __future__ import annotations

from statistics import fmean

from edgekit.records import BenchPlan, Metric
from edgekit.stats import interval, least_count, percentile
from edgekit.wire import Samples

NS_PER_MS = 1e6
NS_PER_S = 1e9
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def measure(plan: BenchPlan, samples: Samples) -> tuple[Metric, ...]:
    """Percentiles, mean, least, throughput; the first inference and the load apart from them."""
    del plan
    times_ms = [latency / NS_PER_MS for latency in samples.latency_ns]
    mean_s = fmean(samples.latency_ns) / NS_PER_S
    return (
        *(_percentile(times_ms, name, share) for name, share in SHARES.items()),
        _ms("latency_mean_ms", fmean(times_ms)),
        _ms("latency_min_ms", min(times_ms)),
        Metric("throughput_per_s", samples.batch / mean_s, "1/s", "higher"),
        _ms("first_inference_ms", samples.first_ns / NS_PER_MS),
        _ms("load_ms", samples.load_ns / NS_PER_MS),
    )


def _percentile(times_ms: list[float], name: str, share: float) -> Metric:
    """A percentile with its interval; none where the count can't support one.

    The largest of too few values is no 99th percentile.
    """
    name = f"latency_{name}_ms"
    least = least_count(share)
    if len(times_ms) < least:
        return Metric(name, None, "ms", "lower", note=f"n<{least}")
    value = percentile(times_ms, share)
    return Metric(name, value, "ms", "lower", interval(times_ms, share))


def _ms(name: str, value: float) -> Metric:
    return Metric(name, value, "ms", "lower")
