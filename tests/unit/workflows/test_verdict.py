"""Which files are compared, how the rounds come about, and what becomes of what fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.errors import DeviceError, MissingDependency, UsageError
from edgekit.quantization.target import NAMED
from edgekit.records import (
    BenchPlan,
    BenchResult,
    Device,
    ExportLeg,
    Format,
    Guarded,
    Precision,
    Ship,
    Subject,
)
from edgekit.wire import Closeness, Job, Op, Profile, Samples, TensorSpec, Turns
from edgekit.workflows import bench, turns
from edgekit.workflows import verdict as workflow
from tests import plain

FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
AVX2 = NAMED["x86-avx2"]
GOLDEN = Closeness(6, 1.0, 70.0, 0.1, 5.0, finite=True)
SAMPLES = replace(
    plain.SAMPLES,
    latency_ns=[2_000_000] * 20,
    golden=GOLDEN,
    execution=[
        *(Op(f"q{index}", "QLinearConv", "int8", "CPU", "", 1) for index in range(9)),
        Op("c", "Conv", "fp32", "CPU", "", 9),
    ],
)
PACE = {FP32: 100, FP16: 99, INT8: 60}


def _artifact(precision: Precision, folder: str = "net") -> Any:
    path = Path("out", folder, f"onnx-{precision}")
    return SimpleNamespace(
        path=path,
        model=path / "model.onnx",
        name=f"{folder}/{path.name}",
        precision=precision,
        format=Format.ONNX,
        spec=SimpleNamespace(task="classify"),
        sha256="",
        size_bytes={FP32: 400, FP16: 200, INT8: 100}[precision],
        inputs=(TensorSpec("x", (None, 3, 8, 8), "float32"),),
        target=AVX2,
        guard=None,
        tokens=None,
        file=lambda _: path / "golden.npz",
    )


def _result(artifact: Any, **changes: Any) -> BenchResult:
    subject = Subject(artifact.model, "", 0, artifact)
    profile = Profile(1, 1.0, 1.0, 1, 1.0, 1.0)
    plan = BenchPlan(subject, "onnxruntime", Device(), 1, None, profile)
    return replace(BenchResult(plan, (SAMPLES,), (), valid=True, reasons=()), **changes)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Every `compare` job of a machine whose pace changes from launch to launch."""
    seen: list[Job] = []

    def worker(link: Any, job: Job, **_: Any) -> Turns:
        seen.append(job)
        mood = 1 + len(seen) % 3
        files = [job.model, *(rival.model for rival in job.rivals)]
        pace = [PACE[Precision(Path(file).parent.name.partition("-")[2])] for file in files]
        times = [[each * mood, each * mood * 2] for each in pace]
        order = [*range(len(pace))] * 2
        return Turns(order, 1, [replace(SAMPLES, latency_ns=each, cpu_ns=each) for each in times])

    monkeypatch.setattr(turns, "run_job", worker)
    monkeypatch.setattr(bench, "run", lambda *_: SAMPLES)
    return seen


@pytest.fixture
def group() -> dict[Precision, Any]:
    return {each: _artifact(each) for each in (INT8, FP16, FP32)}


def test_the_files_take_turns_in_a_fresh_worker_each_time(
    jobs: list[Job], group: dict[Precision, Any]
) -> None:
    found = workflow.compare(group, "onnxruntime", 1, target=AVX2)
    assert found is not None
    assert found.choice is Ship.INT8
    assert len(jobs) == found.launches == turns.LAUNCHES
    assert len({job.seed for job in jobs}) == turns.LAUNCHES
    assert {job.kind for job in jobs} == {"compare"}
    words = {Path(each.model).parent.name: each.precision for each in jobs[0].rivals}
    assert words == {"onnx-fp16": "fp16", "onnx-fp32": "fp32"}
    assert jobs[0].profile == turns.TURNS
    assert (found.model, found.format, found.runtime) == ("net", "onnx", "onnxruntime")
    assert [side.precision for side in found.sides] == [FP32, FP16, INT8]
    int8 = found.sides[2]
    assert int8.speed == pytest.approx(100 / 60)
    assert int8.interval == pytest.approx((100 / 60, 100 / 60))
    assert int8.int8 is not None
    assert int8.int8.ops == 0.9


def test_what_is_known_better_counts(jobs: list[Job], group: dict[Precision, Any]) -> None:
    known = {INT8: replace(GOLDEN, images=100, agreement=0.8)}
    found = workflow.compare(group, "onnxruntime", 1, agreement=known, target=AVX2)
    assert found is not None
    assert found.choice is Ship.FP16
    assert any("agreement 0.80" in reason for reason in found.reasons)
    found = workflow.compare(group, "onnxruntime", 1, agreement=known, required=0.8, target=AVX2)
    assert found is not None
    assert found.choice is Ship.INT8


def test_there_must_be_something_to_compare(group: dict[Precision, Any]) -> None:
    for alone in ({FP32: group[FP32]}, {INT8: group[INT8], FP16: group[FP16]}):
        with pytest.raises(UsageError, match="nothing to compare"):
            workflow.compare(alone, "onnxruntime", 1)


def test_what_can_not_run_here_has_no_verdict(
    monkeypatch: pytest.MonkeyPatch, group: dict[Precision, Any]
) -> None:
    def run(*_: Any) -> Samples:
        raise MissingDependency("there is no GPU", hint="h")

    monkeypatch.setattr(bench, "run", run)
    said: list[str] = []
    assert workflow.compare(group, "tensorrt", 1, said.append) is None
    assert "no GPU" in said[-1]


def test_files_that_take_minutes_to_load_have_no_verdict(
    monkeypatch: pytest.MonkeyPatch, group: dict[Precision, Any]
) -> None:
    monkeypatch.setattr(bench, "run", lambda *_: replace(SAMPLES, load_ns=60 * 10**9))
    said: list[str] = []
    assert workflow.compare(group, "tensorrt", 1, said.append) is None
    assert "loading takes 180 s" in said[-1]


def test_only_what_belongs_together_and_is_valid_is_compared(jobs: list[Job]) -> None:
    foreign = replace(_result(_artifact(INT8)).plan, subject=Subject(Path("x.onnx"), "", 0))
    results = [
        *(_result(_artifact(each)) for each in (FP32, INT8)),
        *(_result(_artifact(each, "other")) for each in (FP32, FP16)),
        _result(_artifact(FP32, "broken")),
        _result(_artifact(INT8, "broken"), valid=False),
        BenchResult(foreign, (SAMPLES,), (), valid=True, reasons=()),
    ]
    assert [found.model for found in workflow.of_results(results)] == ["net"]


def test_a_comparison_that_fails_is_told_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def worker(*_: Any, **__: Any) -> Turns:
        raise DeviceError("it crashed", hint="h")

    monkeypatch.setattr(turns, "run_job", worker)
    said: list[str] = []
    results = [_result(_artifact(each)) for each in (FP32, INT8)]
    assert workflow.of_results(results, said.append) == ()
    assert said[-1] == "net/onnx-fp32: no verdict: it crashed"


def test_a_worker_that_measured_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, jobs: list[Job], group: dict[Precision, Any]
) -> None:
    monkeypatch.setattr(turns, "run_job", lambda *_, **__: None)
    with pytest.raises(DeviceError, match="measured nothing"):
        workflow.compare(group, "onnxruntime", 1)


def test_the_guards_photos_count_where_this_runtime_ran_them(
    jobs: list[Job], group: dict[Precision, Any]
) -> None:
    guard = Guarded("agreement", 137, "photos", "onnxruntime", 1.0, 0.9, 0.6, 50.0, met=True)
    group[INT8].guard = guard
    found = workflow.compare(group, "onnxruntime", 1, target=AVX2)
    assert found is not None
    assert (found.sides[2].images, found.sides[2].agreement) == (137, 0.6)
    assert found.choice is not Ship.INT8
    for other in (replace(guard, runtime="openvino"), replace(guard, metric="top1")):
        group[INT8].guard = other
        found = workflow.compare(group, "onnxruntime", 1, target=AVX2)
        assert found is not None
        assert found.sides[2].images == GOLDEN.images


def test_an_export_is_judged_where_it_was_made_now_and_for_this_machine(
    jobs: list[Job], group: dict[Precision, Any]
) -> None:
    host = replace(AVX2, name="host")
    legs = [ExportLeg(Format.ONNX, each, artifact) for each, artifact in group.items()]
    assert workflow.of_legs(legs) == ()  # made for a named target
    group[INT8].target = host
    assert [found.choice for found in workflow.of_legs(legs)] == [Ship.INT8]
    assert workflow.of_legs([replace(leg, cached=True) for leg in legs]) == ()
    assert workflow.of_legs(legs[1:]) == ()  # no int8


def test_the_price_of_layers_in_float(jobs: list[Job], group: dict[Precision, Any]) -> None:
    ratio = turns.latency_ratio(group[FP32], group[INT8], "onnxruntime")
    assert ratio == pytest.approx(100 / 60)
