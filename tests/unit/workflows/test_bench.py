"""What makes a result invalid, what a failed leg becomes, and how both are shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import typer

from edgekit.cli import bench as command
from edgekit.errors import DeviceError, MissingDependency, UsageError
from edgekit.metrics.memory import PHASES
from edgekit.quantization.coverage import int8_share
from edgekit.records import BenchPlan, BenchResult, Device, OpCount, Precision, Subject
from edgekit.reports import bench as report
from edgekit.wire import Closeness, Job, MemoryMark, Op, Profile, Samples, TensorSpec
from edgekit.workflows import bench as workflow
from edgekit.workflows import fleet, judging, plans

MIB = 2**20
PLAN = BenchPlan(
    Subject(Path("net.onnx"), "0" * 64, 3 * MIB),
    "onnxruntime",
    Device(),
    threads=2,
    batch=1,
    profile=Profile(3, 1.0, 1.0, 1, 1.0, 1.0),
)
SAMPLES = Samples(
    latency_ns=[2_000_000] * 400,
    cpu_ns=[2_000_000] * 400,
    warmup_ns=[1],
    load_ns=123_456_789,
    first_ns=9_000_000,
    steady=True,
    memory=[MemoryMark(phase, 1, 50 * MIB, 1, 1, True) for phase in PHASES],
    settings={},
    versions={},
    inputs=[TensorSpec("x", (1, 3, 224, 224), "float32", "NCHW")],
    outputs=[],
    defaulted={},
    golden=None,
    output_sha256="",
    execution=[],
    environment={},
)
GOLDEN = Closeness(6, 1.0, 40.0, 0.1, 5.0, finite=True)

Measure = Callable[..., BenchResult]


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Benches one plan with samples, or an error, instead of a worker."""

    def run(outcome: Samples | Exception) -> BenchResult:
        def worker(*_: Any, on_phase: Callable[[str], None], **__: Any) -> Samples:
            on_phase("warmup")
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(workflow, "run_job", worker)
        (result,) = workflow.bench([PLAN])
        return result

    return run


def test_a_good_leg_is_valid_and_has_all_metrics(measure: Measure) -> None:
    result = measure(SAMPLES)
    assert result.valid
    assert result.reasons == ()
    assert {metric.name for metric in result.metrics} >= {
        "latency_p50_ms",
        "latency_p90_ms",
        "latency_p99_ms",
        "latency_mean_ms",
        "latency_min_ms",
        "throughput_per_s",
        "first_inference_ms",
        "load_ms",
        "memory_peak_bytes",
        "memory_model_bytes",
        "file_size_bytes",
        "agreement",
        "sqnr_db",
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"latency_ns": [1, 2]}, "only 2 runs of 3"),
        ({"finite": False}, "NaN or infinity"),
    ],
)
def test_what_makes_a_result_invalid(measure: Measure, change: dict[str, Any], word: str) -> None:
    result = measure(replace(SAMPLES, **change))
    assert not result.valid
    assert any(word in reason for reason in result.reasons)
    assert word in report.render([result])
    assert "INVALID" in report.render([result])


def test_free_axes_that_were_set_are_told_and_do_no_harm(measure: Measure) -> None:
    result = measure(replace(SAMPLES, defaulted={"x": [2, 3]}))
    assert result.valid
    assert "1x3x224x224" in result.reasons[0]


def test_an_unsteady_warm_up_is_told_and_not_held_against_the_numbers(measure: Measure) -> None:
    result = measure(replace(SAMPLES, steady=False))
    assert result.valid
    assert "unsteady" in report.render([result])


def test_a_step_after_the_warm_up_is_told(measure: Measure) -> None:
    result = measure(replace(SAMPLES, latency_ns=[2_000_000] * 50 + [3_000_000] * 350))
    assert result.valid
    assert "became 1.50 times what it was at run 50" in report.render([result])


def test_company_is_told_and_only_where_there_was_some(measure: Measure) -> None:
    quiet = {"counter.clock_ns": 10**9, "counter.pressure.cpu_us": 0, "counter.cpu.total_ms": 9}
    noisy = {"counter.clock_ns": 2 * 10**9, "counter.pressure.cpu_us": 200_000}
    looks = {"before": quiet, "after": noisy}
    facts = {f"{when}.{name}": str(n) for when, look in looks.items() for name, n in look.items()}
    assert "the machine was noisy" in measure(replace(SAMPLES, environment=facts)).reasons
    assert measure(SAMPLES).reasons == ()


def test_each_process_is_measured_and_one_that_was_disturbed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hot = {"after.counter.cooled_ms.cpu": "9", "before.counter.cooled_ms.cpu": "1"}
    answers = iter([SAMPLES, replace(SAMPLES, environment=hot), SAMPLES, SAMPLES])
    jobs = []

    def worker(_: object, job: Job, **__: object) -> Samples:
        jobs.append(job)
        return next(answers)

    monkeypatch.setattr(workflow, "run_job", worker)
    plan = replace(PLAN, profile=replace(PLAN.profile, launches=3))
    steps: list[workflow.Step] = []
    kept: list[BenchResult] = []
    (result,) = workflow.bench([plan], steps.append, kept.append)
    assert len(result.launches) == 3
    assert result.valid
    assert "slowed down" in result.disturbed[0]
    assert kept == [result]
    # What runs is the same in every process, and energy takes long.
    assert [job.profiled for job in jobs] == [True, False, False, False]
    assert [job.energetic for job in jobs] == [False, False, False, True]


def test_what_stays_disturbed_is_invalid_after_three_tries(measure: Measure) -> None:
    hot = {"after.counter.cooled_ms.cpu": "9", "before.counter.cooled_ms.cpu": "1"}
    result = measure(replace(SAMPLES, environment=hot))
    assert not result.valid
    assert len(result.disturbed) == 2


def test_a_failed_leg_keeps_where_it_failed(measure: Measure) -> None:
    error = DeviceError("it crashed", hint="try less", stderr_tail="last words")
    result = measure(error)
    assert result.samples is None
    assert not result.valid
    assert result.failure is not None
    assert (result.failure.stage, result.failure.kind) == ("warmup", "DeviceError")
    text = report.render([result])
    assert "failed in warmup: DeviceError" in text
    assert "it crashed" in text
    assert "try less" in text
    assert "last words" in text


def test_the_table_has_three_digits_that_count(measure: Measure) -> None:
    row = report.render([measure(SAMPLES)]).splitlines()[2].split()
    assert row == [
        "net.onnx", "onnxruntime", "2.00", "2.00-2.00", "2.00", "2.00", "9.00", "123", "50.0", "3.00", "2", "-",
    ]  # fmt: skip


def test_a_percentile_without_enough_values_says_what_it_needs(measure: Measure) -> None:
    result = measure(replace(SAMPLES, latency_ns=[2_000_000] * 100))
    assert "n<368" in report.render([result])
    (found,) = report.as_json([result])["results"]
    assert found["metrics"]["latency_p99_ms"] is None
    assert "latency_p99_ms" not in found["intervals"]
    assert found["intervals"]["latency_p50_ms"] == [2.0, 2.0]


def test_the_json_holds_results_and_failures_apart(measure: Measure) -> None:
    results = [measure(SAMPLES), measure(DeviceError("x", hint="y"))]
    found = json.loads(msgspec.json.encode(report.as_json(results)))
    assert [result["artifact"]["path"] for result in found["results"]] == ["net.onnx"]
    assert found["results"][0]["artifact"]["format"] == "onnx"
    assert found["results"][0]["launches"][0]["latency_ns"] == SAMPLES.latency_ns
    (failed,) = found["failures"]
    assert (failed["artifact"]["path"], failed["runtime"]) == ("net.onnx", "onnxruntime")
    assert failed["failure"] == {
        "stage": "warmup",
        "kind": "DeviceError",
        "message": "x",
        "hint": "y",
        "tail": "",
    }


def _request(*paths: Path, **fields: Any) -> plans.BenchRequest:
    return plans.BenchRequest(paths, Path("exported"), **fields)


def test_each_format_has_its_first_runtime_unless_others_are_named(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.onnx", "b.tflite", "c.xml", "e.engine")]
    for file in files:
        file.write_bytes(b"x")
    legs, failed = plans.plan(_request(*files))
    assert failed == ()
    assert [leg.runtime for leg in legs] == [
        "onnxruntime",
        "litert",
        "openvino",
        "tensorrt",
    ]
    legs, failed = plans.plan(_request(files[0], files[2], runtimes=("openvino", "onnxruntime")))
    assert [(leg.subject.name, leg.runtime) for leg in legs] == [
        ("a.onnx", "openvino"),
        ("a.onnx", "onnxruntime"),
        ("c.xml", "openvino"),
    ]


def test_a_path_that_can_not_be_measured_is_a_failed_leg_among_others(tmp_path: Path) -> None:
    good = tmp_path / "a.onnx"
    good.write_bytes(b"x")
    legs, failed = plans.plan(_request(good, tmp_path / "none.onnx"))
    assert len(legs) == 1
    assert [result.failure.kind for result in failed if result.failure] == ["UsageError"]
    with pytest.raises(UsageError):
        plans.plan(_request(tmp_path / "none.onnx"))


def test_a_given_shape_gives_the_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x")
    (leg,), _ = plans.plan(_request(path, shapes={"x": [4, 3, 8, 8]}))
    assert leg.batch == 4
    (leg,), _ = plans.plan(_request(path))
    assert leg.batch is None
    assert leg.threads >= 1


def test_more_threads_than_cpus_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x")
    with pytest.raises(UsageError, match="999999"):
        plans.plan(_request(path, threads=999999))


def test_more_threads_than_usable_cores_are_told(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "usable_cores", lambda: 1)
    result = measure(SAMPLES)
    assert result.valid
    assert "2 threads on 1 usable cores" in result.reasons


@pytest.mark.parametrize(
    ("precision", "samples", "word"),
    [
        (Precision.FP32, replace(SAMPLES, golden=GOLDEN), "below 60 dB"),
        (Precision.FP16, replace(SAMPLES, golden=GOLDEN), ""),
        (Precision.FP32, SAMPLES, "unverified"),
        (Precision.FP32, replace(SAMPLES, golden=replace(GOLDEN, finite=False)), "NaN"),
        (Precision.INT8, replace(SAMPLES, golden=GOLDEN), ""),
        (
            Precision.INT8,
            replace(SAMPLES, golden=GOLDEN, execution=[Op("a", "Conv", "fp32", "CPU")]),
            "no operator runs in int8",
        ),
        (
            Precision.INT8,
            replace(SAMPLES, golden=GOLDEN, execution=[Op("a", "QLinearConv", "int8", "CPU")]),
            "",
        ),
    ],
)
def test_an_artifact_is_held_against_its_precision_and_not_its_own_record(
    precision: Precision, samples: Samples, word: str
) -> None:
    artifact: Any = SimpleNamespace(precision=precision, parity=None, recipe=None)
    subject = SimpleNamespace(artifact=artifact)
    plan: Any = SimpleNamespace(subject=subject, profile=PLAN.profile, device=PLAN.device)
    faults = judging._faults(plan, [samples])
    assert bool(faults) == bool(word)
    assert word in "".join(faults)


def test_weights_alone_promise_no_8_bit_arithmetic() -> None:
    in_float = replace(SAMPLES, golden=GOLDEN, execution=[Op("a", "Conv", "fp32", "CPU")])
    for scheme, faults in (("w8-weightonly", 0), ("w8-dynamic", 0), ("w8a8-static", 1)):
        recipe = SimpleNamespace(scheme=scheme)
        artifact: Any = SimpleNamespace(precision=Precision.INT8, recipe=recipe)
        subject = SimpleNamespace(artifact=artifact)
        plan: Any = SimpleNamespace(subject=subject, profile=PLAN.profile, device=PLAN.device)
        assert len(judging._faults(plan, [in_float])) == faults


def test_agreement_says_of_how_many(measure: Measure) -> None:
    text = report.render([measure(replace(SAMPLES, golden=replace(GOLDEN, agreement=5 / 6)))])
    assert text.splitlines()[2].endswith(" 5/6")


def test_what_can_not_run_here_is_no_failure_of_the_file(measure: Measure) -> None:
    text = report.render([measure(MissingDependency("no GPU", hint="h"))])
    assert "can't run here" in text
    assert "failed in" not in text


def test_the_batch_is_what_was_run(measure: Measure) -> None:
    result = measure(replace(SAMPLES, batch=4))
    assert "batch 4" in report.render([result])
    (found,) = report.as_json([result])["results"]
    assert found["launches"][0]["batch"] == 4
    assert found["boundary"] == "host arrays to host arrays"


def test_a_result_that_is_not_valid_fails_the_command(
    measure: Measure,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    good, bad = measure(SAMPLES), measure(replace(SAMPLES, latency_ns=[1, 2]))
    monkeypatch.setattr(plans, "plan", lambda _: ((), ()))

    def measure_all(
        _legs: Any, _crew: Any, _on_step: Any, on_result: Callable[[BenchResult], None]
    ) -> Any:
        for result in (good, bad):
            on_result(result)
        return (good, bad)

    monkeypatch.setattr(fleet, "measure", measure_all)
    with pytest.raises(typer.Exit) as caught:
        command.bench([Path("net.onnx")], results=tmp_path)
    assert caught.value.exit_code == 1
    assert "INVALID" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("precision", "require", "execution", "word"),
    [
        (
            Precision.INT8,
            0.9,
            [OpCount("Conv", "int8", 8, 90), OpCount("Exp", "fp32", 1, 10)],
            "88.9",
        ),
        (Precision.INT8, 0.8, [OpCount("Conv", "int8", 8, 90), OpCount("Exp", "fp32", 1, 10)], ""),
        (
            Precision.INT8,
            0.8,
            [OpCount("Conv", "int8", 8, 10), OpCount("Exp", "fp32", 1, 90)],
            "10.0",
        ),
        (Precision.INT8, 0.0, [], "tells of nothing"),
        (Precision.INT8, None, [], ""),
        (Precision.FP32, 0.9, [OpCount("Conv", "fp32", 8, 90)], ""),
        (None, 0.9, [OpCount("Conv", "fp32", 8, 90)], ""),
        (None, 0.9, [OpCount("Conv", "int8", 1, 5), OpCount("Exp", "fp32", 1, 5)], "50.0"),
    ],
)
def test_too_little_int8_makes_a_leg_invalid(
    precision: Precision | None,
    require: float | None,
    execution: list[OpCount],
    word: str,
) -> None:
    plan: Any = SimpleNamespace(
        subject=SimpleNamespace(artifact=precision and SimpleNamespace(precision=precision)),
        require_int8=require,
        runtime="litert",
    )
    faults = judging._too_little_int8(plan, int8_share(execution))
    assert bool(faults) == bool(word)
    assert word in "".join(faults)


def test_a_leg_says_what_ran_in_int8(measure: Measure) -> None:
    execution = [Op(name, "QLinearConv", "int8", "CPU", "", 3) for name in "abc"]
    execution.append(Op("d", "Softmax", "fp32", "CPU", "", 1))
    result = measure(replace(SAMPLES, execution=execution))
    text = report.render([result])
    assert text.splitlines()[-1] == (
        "net.onnx (onnxruntime): int8: 75 % of ops, 90 % of time; "
        "in float: Softmax x1 (10 % of time)"
    )
    (found,) = report.as_json([result])["results"]
    assert found["int8"]["ops"] == 0.75
    assert found["int8"]["fallbacks"][0]["op"] == "Softmax"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x")
    with pytest.raises(UsageError, match="--require-int8"):
        plans.plan(_request(path, require_int8=share))
    (leg,), _ = plans.plan(_request(path, require_int8=0.9))
    assert leg.require_int8 == 0.9
