"""Metrics from samples that were written down by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.metrics import METRICS
from edgekit.records import Metric
from edgekit.wire import Closeness, MemoryMark, Samples
from tests import plain
from tests.plain import PLAN

MS = 1_000_000
SAMPLES = replace(
    plain.SAMPLES,
    latency_ns=[MS * i for i in range(1, 401)],
    load_ns=7_000_000,
    first_ns=9_000_000,
    batch=4,
)


def _measure(*launches: Samples) -> dict[str, Metric]:
    return {
        metric.name: metric
        for name in METRICS.names()
        for metric in METRICS.get(name)(PLAN, launches)
    }


def test_latency_and_throughput() -> None:
    found = _measure(SAMPLES)
    assert found["latency_p50_ms"].value == 200.0
    # Twenty stretches with medians of 10.5, 30.5, ... ms.
    assert found["latency_p50_ms"].interval == pytest.approx((0.0, 200.0 + 253.75), abs=0.1)
    assert found["latency_p90_ms"].value == 360.0
    assert found["latency_p99_ms"].value == 396.0
    assert found["latency_mean_ms"].value == 200.5
    assert found["latency_min_ms"].value == 1.0
    assert found["throughput_per_s"].value == pytest.approx(4 / 0.2005)
    assert found["first_inference_ms"].value == 9.0
    assert found["load_ms"].value == 7.0
    assert found["file_size_bytes"].value == 12345


@pytest.mark.parametrize(("count", "p99"), [(367, None), (368, 365.0)])
def test_a_percentile_needs_enough_values(count: int, p99: float | None) -> None:
    found = _measure(replace(SAMPLES, latency_ns=SAMPLES.latency_ns[:count]))["latency_p99_ms"]
    assert found.value == p99
    assert found.note == ("" if p99 else "n<368")


MARKS = [
    MemoryMark("start", 30, 30, 20, 10, reset=False),
    MemoryMark("runtime", 50, 60, 30, 20, reset=True),
    MemoryMark("load", 80, 120, 50, 30, reset=True),
    MemoryMark("first", 90, 95, 50, 40, reset=True, mapped_bytes=17),
    MemoryMark("feeds", 97, 97, 57, 40, reset=True),
    MemoryMark("warm", 130, 140, 90, 40, reset=True),
    MemoryMark("steady", 930, 930, 890, 40, reset=True),
]


def test_memory_of_each_phase() -> None:
    found = {
        name: metric.value for name, metric in _measure(replace(SAMPLES, memory=MARKS)).items()
    }
    assert found["memory_peak_bytes"] == 930
    assert found["memory_runtime_bytes"] == 20
    assert found["memory_load_bytes"] == 120 - 50
    assert found["memory_first_bytes"] == 95 - 80
    assert found["memory_model_bytes"] == 120 - 50
    # What the benchmark itself holds, its inputs, isn't the model's.
    assert found["memory_steady_bytes"] == 930 - 50 - (97 - 90)
    assert found["memory_model_anonymous_bytes"] == 20
    assert found["memory_model_file_bytes"] == 17
    assert found["leak_bytes_per_run"] == (930 - 130) / 400


def test_where_peaks_can_not_be_reset_there_are_none_of_phases() -> None:
    marks = [replace(mark, reset=False) for mark in MARKS]
    found = _measure(replace(SAMPLES, memory=marks))
    assert found["memory_load_bytes"].value is None
    assert "reset" in found["memory_load_bytes"].note
    assert found["memory_steady_bytes"].value == 873


def test_of_six_processes_the_median_has_the_interval_of_theirs() -> None:
    launches = [replace(SAMPLES, latency_ns=[MS * (10 + k)] * 100, memory=[]) for k in range(6)]
    found = _measure(*launches)
    assert found["latency_p50_ms"].value == 12.0
    # 2.571 (t of 5 degrees of freedom) times 1.871 (standard deviation) times sqrt(7/6).
    assert found["latency_p50_ms"].interval == pytest.approx(
        (12.0 - 5.195, 12.0 + 5.195), abs=0.01
    )
    assert found["latency_between_processes_share"].value == pytest.approx(5 / 12.5)
    assert found["latency_p99_ms"].value == 15.0
    assert found["latency_p999_ms"].note == "n<3688"


def test_what_lies_far_off_is_counted_and_kept() -> None:
    found = _measure(replace(SAMPLES, latency_ns=[9 * MS, 10 * MS, 11 * MS] * 100 + [900 * MS]))
    assert found["latency_outliers_share"].value == pytest.approx(1 / 301)
    assert found["latency_max_ms"].value == 900.0


def test_no_marks_give_no_number() -> None:
    found = _measure(SAMPLES)
    assert found["memory_peak_bytes"].value is None
    assert found["memory_peak_bytes"].note


def test_closeness_to_the_float_model() -> None:
    golden = Closeness(8, 0.875, 21.5, 0.1, 5.0, finite=True)
    found = _measure(replace(SAMPLES, golden=golden))
    assert (found["agreement"].value, found["sqnr_db"].value) == (0.875, 21.5)
    equal = _measure(replace(SAMPLES, golden=replace(golden, sqnr_db=None)))
    assert equal["sqnr_db"].value is None
    assert "last bit" in equal["sqnr_db"].note
    assert "no golden" in _measure(SAMPLES)["agreement"].note


def test_parts_have_medians_over_all_processes() -> None:
    launches = [
        replace(SAMPLES, parts_ns={"h2d": [1_000_000, 3_000_000], "decode": [5_000_000]}),
        replace(SAMPLES, parts_ns={"h2d": [2_000_000]}),
    ]
    found = {metric.name: metric.value for metric in METRICS.get("parts")(PLAN, launches)}
    assert found == {"part_h2d_p50_ms": 2.0, "part_decode_p50_ms": 5.0}
    assert METRICS.get("parts")(PLAN, [SAMPLES]) == ()
