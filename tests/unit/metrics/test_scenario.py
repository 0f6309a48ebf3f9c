"""What each mode's numbers are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgekit.metrics import METRICS
from edgekit.records import BenchResult, Metric
from edgekit.reports import scenario as report
from edgekit.wire import EndToEnd, Preprocess, Samples, Scenario, Trial
from tests import plain

MS = 1_000_000
SAMPLES = replace(
    plain.SAMPLES,
    latency_ns=[10 * MS] * 400,
    warmup_ns=[50 * MS] * 24 + [8 * MS] * 16,
    batch=2,
    span_ns=8000 * MS,
)
HELD = Trial(50.0, 49.9, 700, 20 * MS, 0, 3, holds=True)
QUEUE = {"queue": [MS] * 400, "model": [9 * MS] * 400}


def _measured(scenario: Scenario, *launches: Samples) -> tuple[dict[str, Metric], str]:
    contract = Preprocess((8, 8), (8, 8), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    parts = launches[0].parts_ns and scenario.mode == "latency"
    whole = EndToEnd(["a.jpg"], contract, "classify") if parts else None
    plan = replace(plain.PLAN, scenario=scenario, end_to_end=whole)
    metrics = tuple(
        metric for name in METRICS.names() for metric in METRICS.get(name)(plan, launches)
    )
    result = BenchResult(plan, launches, metrics, valid=True, reasons=())
    return {metric.name: metric for metric in metrics}, "\n".join(report.tables([result]))


def test_back_to_back_has_no_table_of_its_own() -> None:
    found, text = _measured(Scenario(), SAMPLES)
    assert found["throughput_per_s"].value == pytest.approx(2 * 100.0)
    assert text == ""


def test_throughput_of_another_mode_is_that_of_the_span() -> None:
    found, text = _measured(Scenario("offline", streams=4), SAMPLES)
    assert found["throughput_per_s"].value == pytest.approx(2 * 400 / 8.0)
    assert found["offline_throughput_per_s"].value == pytest.approx(100.0)
    assert "Offline" in text
    assert "100" in text


def test_paced_tells_what_was_missed_and_what_the_pause_costs() -> None:
    paced = replace(SAMPLES, lateness_ns=[MS] * 400, missed=100)
    found, text = _measured(Scenario("paced", 50.0), paced)
    assert found["paced_missed_share"].value == 0.2
    assert found["paced_lateness_p50_ms"].value == 1.0
    assert found["paced_back_to_back_p50_ms"].value == 8.0
    assert found["latency_p50_ms"].value == 10.0
    assert " 20 " in text


@pytest.mark.parametrize(
    ("trials", "p99_ms", "value", "words"),
    [
        ([HELD, HELD], 30.0, 50.0, ""),
        ([HELD, replace(HELD, holds=False)], 30.0, None, "beyond 30 ms in 1 of 2"),
        ([HELD, replace(HELD, holds=None, count=300)], 30.0, None, "300 inferences are too few"),
        ([replace(HELD, holds=None)] * 2, None, None, "no p99 was asked"),
    ],
)
def test_a_rate_has_to_hold_in_every_process(
    trials: list[Trial], p99_ms: float | None, value: float | None, words: str
) -> None:
    launches = [replace(SAMPLES, trials=[trial], parts_ns=QUEUE) for trial in trials]
    found, text = _measured(Scenario("server", 50.0, p99_ms=p99_ms), *launches)
    assert found["server_rate_per_s"].value == value
    assert words in found["server_rate_per_s"].note
    assert words in text
    assert found["server_offered_per_s"].value == 50.0
    assert found["server_achieved_per_s"].value == 49.9
    assert found["part_queue_p50_ms"].value == 1.0
    assert found["server_most_waiting"].value == 3


def test_a_search_gives_the_last_rate_and_shows_all() -> None:
    tried = [replace(HELD, offered_per_s=88.0, holds=False), HELD]
    found, text = _measured(
        Scenario("server", p99_ms=30.0), replace(SAMPLES, trials=tried, parts_ns=QUEUE)
    )
    assert found["server_rate_per_s"].value == 50.0
    assert "88" in text
    assert "beyond" in text
    assert "p99 <= 30 ms up to 50/s" in text


def test_the_parts_of_an_application_stand_beside_the_model() -> None:
    names = ("decode", "preprocess", "model", "postprocess", "total")
    parts = {name: [(i + 1) * 11 * MS] * 30 for i, name in enumerate(names)}
    found, text = _measured(Scenario(), replace(SAMPLES, parts_ns=parts))
    assert [found[f"part_{name}_p50_ms"].value for name in names] == [11, 22, 33, 44, 55]
    (row,) = [line for line in text.splitlines() if "net.onnx" in line]
    assert row.split()[2:] == ["10", "11", "22", "33", "44", "55"]


def test_loadgen_is_shown_by_its_own_numbers() -> None:
    summary: Any = (
        "Result is : VALID\n * Early stopping 90.0th percentile estimate: 3000000\n"
        "QPS w/o loadgen overhead        : 741.21\n90.00 percentile latency (ns)   : 2000000\n"
    )
    found, text = _measured(
        Scenario(loadgen=True), *[replace(SAMPLES, loadgen_summary=summary)] * 2
    )
    assert found["loadgen_p90_ms"].value == 2.0
    assert found["loadgen_early_stopping_p90_ms"].value == 3.0
    assert found["loadgen_samples_per_s"].value == 741.21
    assert "VALID" in text
