"""Latency of which another program tells but a sum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.metrics import latency, memory
from edgekit.records import Metric
from edgekit.wire import Samples, Summary
from tests import bench_results

US = 1000


def launch(p50_us: int | None, mean_us: int = 100, count: int = 10) -> Samples:
    p50_ns = None if p50_us is None else p50_us * US
    told = Summary(
        "benchmark_model", count, mean_us * US, 50 * US, 900 * US, p50_ns=p50_ns, memory_bytes=7
    )
    return replace(
        bench_results.samples(), latency_ns=[], cpu_ns=[], memory=[], batch=2, summary=told
    )


def measured(*launches: Samples) -> dict[str, Metric]:
    return {metric.name: metric for metric in latency.measure(bench_results.plan(), launches)}


def test_a_percentile_is_the_median_of_what_the_processes_tell() -> None:
    found = measured(*(launch(p50) for p50 in (60, 70, 80, 90, 100, 110)))
    assert found["latency_p50_ms"].value == pytest.approx(0.085)
    assert found["latency_p50_ms"].interval == (0.06, 0.11)
    assert "benchmark_model" in found["latency_p50_ms"].note
    assert found["latency_between_processes_share"].value == pytest.approx(50 / 85)


def test_one_process_has_no_interval() -> None:
    assert measured(launch(60))["latency_p50_ms"].interval is None


def test_the_mean_is_of_all_inferences() -> None:
    found = measured(launch(60, mean_us=100, count=10), launch(60, mean_us=400, count=20))
    assert found["latency_mean_ms"].value == pytest.approx(0.3)
    assert found["throughput_per_s"].value == pytest.approx(2 / 0.0003)
    assert (found["latency_min_ms"].value, found["latency_max_ms"].value) == (0.05, 0.9)


def test_what_is_not_told_has_no_value_and_a_reason() -> None:
    found = measured(launch(60), launch(None))
    assert found["latency_p50_ms"].value is None
    assert "doesn't tell it" in found["latency_p50_ms"].note
    for name in ("latency_p90_ms", "latency_p99_ms", "latency_p999_ms", "cpu_p50_ms"):
        assert found[name].value is None
        assert "no single times" in found[name].note


def test_memory_is_by_its_own_account() -> None:
    found = {one.name: one for one in memory.measure(bench_results.plan(), [launch(60)])}
    assert found["memory_model_bytes"].value == 7
    assert "own" in found["memory_model_bytes"].note
    assert found["memory_peak_bytes"].value is None
