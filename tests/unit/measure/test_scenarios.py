"""Each mode as a job, with a runtime that does next to nothing."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.errors import UsageError
from edgekit.measure import loading, tasks
from edgekit.measure.worker import read_job
from edgekit.wire import EndToEnd, Job, Preprocess, Profile, Scenario
from tests import fakes

PROFILE = Profile(5, 0.0, 120.0, 2, 0.0, 0.1)


class Sent:
    """Keeps what a task sends."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.samples: dict[str, Any] = {}

    def enter(self, phase: str) -> None:
        self.phases.append(phase)

    def send(self, event: str, fields: dict[str, Any]) -> None:
        assert event == "samples"
        self.samples = fields


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "RUNTIMES", SimpleNamespace(get=lambda _: fakes.CALM))
    # This process runs other tests too.
    monkeypatch.setattr(tasks, "pin", lambda *_: None)
    monkeypatch.setattr(tasks, "limit_memory", lambda _: None)


def _done(scenario: Scenario, **fields: Any) -> dict[str, Any]:
    sent = Sent()
    job = Job("bench", "calm", "m", "fp32", 1, profile=PROFILE, scenario=scenario, **fields)
    # As it crosses to the worker.
    tasks.perform(read_job(json.dumps(dataclasses.asdict(job))), sent)
    return sent.samples


def test_paced() -> None:
    found = _done(Scenario("paced", 2000.0))
    assert len(found["latency_ns"]) == len(found["cpu_ns"]) == len(found["lateness_ns"]) >= 5
    assert min(found["lateness_ns"]) >= 0
    # Whatever disturbs: ticks are half a millisecond apart.
    assert found["span_ns"] >= 4 * 500_000
    assert found["missed"] >= 0


def test_offline_loads_a_session_for_each_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load = fakes.Runtime.load

    def counted(*args: Any, **options: Any) -> fakes.Session:
        loaded.append(options["threads"])
        return load(*args, **options)

    monkeypatch.setattr(fakes.Runtime, "load", counted)
    found = _done(Scenario("offline", streams=3))
    assert loaded == [1, 1, 1]
    assert len(found["latency_ns"]) >= 5
    assert found["cpu_ns"] == []


def test_server_at_a_rate() -> None:
    found = _done(Scenario("server", 5000.0, p99_ms=60_000.0))
    (trial,) = found["trials"]
    assert trial["count"] == len(found["latency_ns"]) == 662
    assert trial["holds"] is True
    assert trial["offered_per_s"] == 5000.0
    parts = found["parts_ns"]
    sums = [sum(row) for row in zip(parts["queue"], parts["model"], strict=True)]
    assert sums == found["latency_ns"]


def test_server_searches_where_no_rate_is_given() -> None:
    found = _done(Scenario("server", p99_ms=60_000.0))
    assert len(found["trials"]) >= 2
    assert found["trials"][-1]["count"] == len(found["latency_ns"])


@pytest.mark.parametrize("scenario", [Scenario("sing"), Scenario("paced"), Scenario("paced", 0.0)])
def test_a_scenario_that_is_none_is_refused(scenario: Scenario) -> None:
    with pytest.raises(UsageError):
        _done(scenario)


def test_a_job_with_an_application_crosses_whole() -> None:
    contract = Preprocess((8, 8), (9, 9), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    job = Job("bench", "calm", "m", "fp32", 1, end_to_end=EndToEnd(["a.jpg"], contract, "embed"))
    crossed = read_job(json.dumps(dataclasses.asdict(job)))
    assert crossed.end_to_end is not None
    assert crossed.end_to_end.photos == ["a.jpg"]
    assert crossed.end_to_end.preprocess.mode == "center"
    assert crossed.scenario == Scenario()
