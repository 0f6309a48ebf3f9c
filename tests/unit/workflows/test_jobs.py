"""What the host makes of the lines that a worker sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from edgekit.errors import (
    DataError,
    DeviceError,
    EdgekitError,
    FixedBatchError,
    ToolError,
    UsageError,
)
from edgekit.wire import Job, Rival, Samples, Scenario, Turns
from edgekit.workflows.jobs import run_job

JOB = Job("bench", "onnxruntime", "m.onnx", "fp32", 1)
SAMPLES: dict[str, Any] = {
    "event": "samples",
    "latency_ns": [5, 6],
    "cpu_ns": [5, 6],
    "warmup_ns": [],
    "load_ns": 1,
    "first_ns": 2,
    "steady": True,
    "memory": [],
    "settings": {},
    "versions": {},
    "inputs": [{"name": "x", "shape": [1, None], "dtype": "float32", "layout": ""}],
    "outputs": [],
    "defaulted": {},
    "golden": None,
    "output_sha256": "",
    "execution": [],
    "environment": {},
    "span_ns": 11,
}
SIDE = {name: value for name, value in SAMPLES.items() if name != "event"}
COMPARE = replace(JOB, kind="compare", rivals=[Rival("n.onnx", "fp32")])

GOLDEN = {
    "images": 6,
    "agreement": 1.0,
    "sqnr_db": None,
    "max_abs_error": 0.0,
    "max_abs_reference": 1.0,
    "finite": True,
}
TRIAL = {
    "offered_per_s": 1.0,
    "achieved_per_s": 1.0,
    "count": 5,
    "p99_ns": 5,
    "over": 0,
    "most_waiting": 0,
    "holds": True,
}


class Script:
    """A link that gives the lines it was made with, and an error after them if there is one."""

    def __init__(self, *lines: Any, error: EdgekitError | None = None) -> None:
        self._lines = lines
        self._error = error

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        for line in self._lines:
            yield line if isinstance(line, bytes) else json.dumps(line).encode()
        if self._error:
            raise self._error

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def _phase(name: str) -> dict[str, str]:
    return {"event": "phase", "phase": name}


def _failure(**fields: str) -> dict[str, str]:
    told = {"stage": "load", "kind": "DataError", "message": "m", "hint": "h", "tail": ""}
    return {"event": "failure", **told, **fields}


def test_samples_come_back_as_a_record_and_phases_are_told() -> None:
    phases: list[str] = []
    link = Script(_phase("start"), _phase("load"), SAMPLES)
    samples = run_job(link, JOB, timeout_s=1.0, on_phase=phases.append)
    assert isinstance(samples, Samples)
    assert samples.latency_ns == [5, 6]
    assert samples.inputs[0].shape == (1, None)
    assert phases == ["start", "load"]


def test_turns_come_back_as_a_record() -> None:
    link = Script({"event": "turns", "order": [0, 1], "runs": 2, "sides": [SIDE, SIDE]})
    found = run_job(link, COMPARE, timeout_s=1.0)
    assert isinstance(found, Turns)
    assert found.order == [0, 1]
    assert [each.latency_ns for each in found.sides] == [[5, 6], [5, 6]]


@pytest.mark.parametrize(
    "changes",
    [
        {"order": [0, 0]},
        {"order": [0, 1, 1]},
        {"order": []},
        {"runs": 0},
        {"runs": 1},
        {"sides": []},
        {"sides": [SIDE]},
        {"sides": [SIDE, {**SIDE, "latency_ns": [5, -6]}]},
        {"sides": [SIDE, {**SIDE, "latency_ns": [5, 6, 7], "cpu_ns": [5, 6, 7]}]},
        {"sides": [SIDE, {**SIDE, "cpu_ns": []}]},
    ],
)
def test_turns_that_make_no_ratio_are_refused(changes: dict[str, Any]) -> None:
    turns = {"event": "turns", "order": [0, 1], "runs": 2, "sides": [SIDE, SIDE]}
    with pytest.raises(DeviceError, match="can't make sense"):
        run_job(Script({**turns, **changes}), COMPARE, timeout_s=1.0)


def test_an_infer_job_has_no_samples() -> None:
    assert run_job(Script({"event": "outputs"}), JOB, timeout_s=1.0) is None


@pytest.mark.parametrize("kind", [DataError, ToolError, FixedBatchError, UsageError, DeviceError])
def test_a_failure_is_raised_as_the_error_that_it_was(kind: type[EdgekitError]) -> None:
    with pytest.raises(kind, match="cut short") as caught:
        run_job(
            Script(_failure(kind=kind.__name__, message="cut short", hint="copy it")),
            JOB,
            timeout_s=1.0,
        )
    assert caught.value.hint == "copy it"


def test_the_exit_status_of_a_kind_is_that_of_the_class_it_derives_from() -> None:
    assert EdgekitError.exit_code_of("FixedBatchError") == ToolError.exit_code
    assert EdgekitError.exit_code_of("SystemExit") == 1


def test_an_unknown_kind_of_failure_is_the_devices() -> None:
    with pytest.raises(DeviceError):
        run_job(Script(_failure(kind="SystemExit")), JOB, timeout_s=1.0)


def test_a_crash_is_told_with_the_phase_that_it_came_in() -> None:
    link = Script(_phase("load"), _phase("warmup"), error=DeviceError("gone", hint="h"))
    with pytest.raises(DeviceError, match="gone") as caught:
        run_job(link, JOB, timeout_s=1.0)
    assert caught.value.stage == "warmup"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1]",
        b"{}",
        b'{"event": "phase", "phase": "lunch"}',
        b'{"event": "phase", "phase": ["load"]}',
        b'{"event": "party"}',
        {**SAMPLES, "latency_ns": ["5"]},
        {**SAMPLES, "latency_ns": [5.5]},
        {**SAMPLES, "steady": 1},
        {key: value for key, value in SAMPLES.items() if key != "load_ns"},
        json.dumps(SAMPLES).replace("[5, 6]", "[NaN]").encode(),
        {"event": "failure", "kind": "DataError"},
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"event": "samples", "memory": ' + b"[" * 100_000,
        {**SAMPLES, "latency_ns": [5, -6]},
        {**SAMPLES, "latency_ns": [5, 0]},
        {**SAMPLES, "latency_ns": [5, 10**30]},
        {**SAMPLES, "cpu_ns": [5]},
        {**SAMPLES, "span_ns": 0},
        {**SAMPLES, "parts_ns": {"model": []}},
        {**SAMPLES, "parts_ns": {"model": [-1]}},
        {"event": "turns", "latency_ns": [[0], [1]]},
        {"event": "turns", "latency_ns": [[], [1]]},
    ],
)
def test_what_is_not_an_event_is_refused(line: Any) -> None:
    with pytest.raises(DeviceError, match="make sense"):
        run_job(Script(line), JOB, timeout_s=1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 0},
        {"batch": -1},
        {"cpu_ns": [5, -6]},
        {"load_ns": -1},
        {"first_ns": -1},
        {"missed": -2},
        {"span_ns": 5},
        {"golden": GOLDEN | {"agreement": -2.0}},
        {"golden": GOLDEN | {"agreement": 1.5}},
        {"golden": GOLDEN | {"images": 0}},
        {"trials": [TRIAL | {"count": 0}]},
        {"trials": [TRIAL | {"p99_ns": -1}]},
    ],
)
def test_samples_that_no_machine_measures_are_refused(changes: dict[str, Any]) -> None:
    whole = {**SAMPLES, "golden": GOLDEN, "trials": [TRIAL]}
    assert run_job(Script(whole), JOB, timeout_s=1.0)
    with pytest.raises(DeviceError, match="can't make sense"):
        run_job(Script({**whole, **changes}), JOB, timeout_s=1.0)


@pytest.mark.parametrize("mode", ["paced", "server"])
def test_samples_without_what_the_mode_measures_are_refused(mode: str) -> None:
    job = replace(JOB, scenario=Scenario(mode))
    with pytest.raises(DeviceError, match=f"mode {mode}"):
        run_job(Script(SAMPLES), job, timeout_s=1.0)
    assert run_job(Script({**SAMPLES, "cpu_ns": []}), JOB, timeout_s=1.0)


def test_silence_is_refused() -> None:
    with pytest.raises(DeviceError, match="without a word"):
        run_job(Script(_phase("start")), JOB, timeout_s=1.0)


def test_what_a_device_says_can_not_steer_a_terminal() -> None:
    with pytest.raises(DataError) as caught:
        run_job(Script(_failure(message="a\x1b[2J", hint="b\x07")), JOB, timeout_s=1.0)
    assert str(caught.value) == "a [2J"
    assert caught.value.hint == "b "


SUMMARY = {"program": "p", "count": 3, "mean_ns": 5, "least_ns": 4, "most_ns": 6}


def summed(**fields: Any) -> dict[str, Any]:
    return {**SAMPLES, "latency_ns": [], "cpu_ns": [], "summary": {**SUMMARY, **fields}}


def test_a_summary_stands_for_the_single_times():
    found = run_job(Script(summed(p50_ns=5)), JOB, timeout_s=1)
    assert isinstance(found, Samples)
    assert found.count == 3


@pytest.mark.parametrize(
    "line",
    [
        summed(count=0),
        summed(mean_ns=0),
        summed(least_ns=-4),
        summed(most_ns=10**19),
        summed(p50_ns=7),
        summed(least_ns=7),
        summed(p95_ns="5"),
        summed(mean_ns=500),
        {**summed(), "latency_ns": [5]},
    ],
)
def test_a_summary_that_can_not_be_is_refused(line):
    with pytest.raises(DeviceError, match="can't make sense"):
        run_job(Script(line), JOB, timeout_s=1)
