"""The same model under MLCommons LoadGen."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from edgekit.errors import MissingDependency
from edgekit.measure.loadgen import Asked, under_loadgen
from edgekit.metrics import loadgen as numbers
from edgekit.wire import Job, Profile, Scenario

FEEDS = [{"x": index} for index in range(4)]
PROFILE = Profile(8, 0.1, 20.0, 0, 0.0, 0.0)


def _sleep(_: Mapping[str, Any]) -> list[Any]:
    time.sleep(0.0005)
    return []


def _asked(scenario: Scenario, run: Any = _sleep) -> Asked:
    job = Job("bench", "calm", "m", "fp32", 1, profile=PROFILE, scenario=scenario)
    return under_loadgen(run, FEEDS, job, PROFILE)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    with pytest.raises(MissingDependency) as error:
        _asked(Scenario(loadgen=True))
    assert error.value.hint == "pip install 'edgekit-ml[loadgen]'"


@pytest.mark.parametrize(
    ("scenario", "name", "least"),
    [
        (Scenario(loadgen=True), "SingleStream", 64),
        (Scenario("offline", loadgen=True), "Offline", 8),
        (Scenario("server", 1000.0, p99_ms=10_000.0, loadgen=True), "Server", 662),
    ],
)
def test_each_mode_is_asked_as_its_own_scenario(scenario: Scenario, name: str, least: int) -> None:
    pytest.importorskip("mlperf_loadgen")
    found = _asked(scenario)
    assert f"Scenario : {name}" in found.summary
    assert len(found.timed.latency_ns) == len(found.timed.cpu_ns) >= least
    assert found.timed.span_ns >= max(found.timed.latency_ns)
    metrics = {metric.name: metric for metric in numbers.metrics([found.summary])}
    assert metrics["loadgen_valid"].value == 1.0, found.summary
    p90 = metrics["loadgen_p90_ms"].value
    assert p90 is not None
    assert p90 >= 0.5
    assert metrics["loadgen_samples_per_s"].value
    early = metrics["loadgen_early_stopping_p90_ms"].value
    assert early is None if name != "SingleStream" else early is not None and early >= p90


def test_an_error_of_the_runtime_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlperf_loadgen")
    calls = iter(range(10_000))

    def run(_: Mapping[str, Any]) -> list[Any]:
        if next(calls) > 20:
            raise RuntimeError("out of registers")
        return []

    with pytest.raises(RuntimeError, match="registers"):
        _asked(Scenario(loadgen=True), run)


def test_a_summary_that_says_nothing_gives_no_number() -> None:
    metrics = {metric.name: metric for metric in numbers.metrics(["Result is : INVALID\n", ""])}
    assert metrics["loadgen_valid"].value == 0.0
    assert metrics["loadgen_p90_ms"].value is None
