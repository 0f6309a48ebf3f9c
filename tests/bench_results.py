"""Results of benches made by hand: any number of legs, none of them measured."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgekit.metrics import METRICS
from edgekit.records import (
    Artifact,
    ArtifactFile,
    BenchPlan,
    BenchResult,
    Device,
    Format,
    ModelSpec,
    Precision,
    Preprocess,
    Ship,
    ShipSide,
    ShipVerdict,
    Subject,
    Target,
    Weights,
)
from edgekit.wire import (
    Closeness,
    EnergyWindow,
    Failure,
    MemoryMark,
    Op,
    Profile,
    Samples,
    TensorSpec,
)

MIB = 2**20
PROFILE = Profile(64, 1.0, 30.0, 5, 0.5, 10.0)
INPUT = TensorSpec("x", (1, 3, 32, 32), "float32", "NCHW")
PHASES = ("start", "runtime", "load", "first", "feeds", "warm", "steady")


def artifact(name: str = "toy", format: str = "onnx", precision: str = "fp32") -> Artifact:
    """An artifact of which no file exists."""
    folder = Path("exported", name, f"{format}-{precision}")
    weights = Weights("random")
    spec = ModelSpec(name, "toy", name, "classify", 10, (INPUT,), (), weights, 0, 100)
    photos = Preprocess((32, 32), (32, 32), "squash", "bilinear", (0.5,) * 3, (0.5,) * 3)
    return Artifact(
        path=folder,
        format=Format(format),
        precision=Precision(precision),
        spec=spec,
        inputs=(INPUT,),
        preprocess=photos,
        recipe=None,
        calibration=None,
        files=(ArtifactFile("model.bin", "model", "ab" * 32, 3 * MIB),),
        sha256=f"{name}-{format}-{precision}".encode().hex().ljust(64, "0")[:64],
        size_bytes=3 * MIB,
        parent_sha256=None,
        tools={},
        target=Target("host", "x86_64"),
        key="",
    )


def plan(
    name: str = "toy", format: str = "onnx", precision: str = "fp32", runtime: str = "onnxruntime"
) -> BenchPlan:
    """The plan of a leg for an artifact."""
    made = artifact(name, format, precision)
    subject = Subject(made.model, made.sha256, made.size_bytes, made)
    return BenchPlan(subject, runtime, Device(), 2, 1, PROFILE, profile_name="quick")


def foreign(name: str) -> BenchPlan:
    """The plan of a leg for a file that edgekit did not make."""
    subject = Subject(Path("models", name), "cd" * 32, MIB)
    return BenchPlan(subject, "onnxruntime", Device(), 1, None, PROFILE, profile_name="default")


def samples(
    p50_ms: float = 2.0, count: int = 400, agreement: float = 1.0, seed: int = 0
) -> Samples:
    """What a launch may have measured: a tail to the right, as latencies have."""
    draw = random.Random(f"{p50_ms} {seed}")
    mood = 1 + 0.02 * draw.random()
    latency = [
        int(p50_ms * mood * 1e6 * math.exp(0.08 * abs(draw.gauss(0, 1)))) for _ in range(count)
    ]
    return Samples(
        latency_ns=latency,
        cpu_ns=latency,
        span_ns=sum(latency),
        warmup_ns=latency[:10],
        load_ns=int(30e6),
        first_ns=int(p50_ms * 3e6),
        steady=True,
        memory=[
            MemoryMark(
                phase, rss, rss + 5 * MIB, rss * 2 // 3, rss // 3, reset=True, mapped_bytes=9 * MIB
            )
            for phase, rss in zip(
                PHASES, (30 * MIB * (2 + k) for k in range(len(PHASES))), strict=True
            )
        ],
        settings={"threads": "2"},
        versions={"edgekit": "0.1.0", "numpy": "2.0"},
        inputs=[INPUT],
        outputs=[],
        defaulted={},
        golden=Closeness(6, agreement, 40.0, 0.1, 5.0, finite=True),
        output_sha256="ef" * 32,
        execution=[
            Op("conv", "Conv", "fp32", "CPU", time_ns=int(p50_ms * 6e5)),
            Op("gemm", "Gemm", "int8", "CPU", time_ns=int(p50_ms * 2e5)),
            Op("q", "QuantizeLinear", "int8", "CPU", time_ns=int(p50_ms * 1e5), conversion=True),
        ],
        environment={
            "cpu.model": "A processor",
            "system": "Linux 6.1",
            "before.load_1min": "0.10",
            "after.load_1min": "1.00",
        },
    )


def windows(joules: float = 2.0) -> list[EnergyWindow]:
    """What a sensor may have measured: one idle window, three busy ones of 100 inferences."""
    busy = [EnergyWindow("rapl:package-0", "package", False, int(joules * 1e6), 10**9, 100)] * 3
    return [EnergyWindow("rapl:package-0", "package", True, 1_000_000, 10**9, 0), *busy]


def measured(leg: BenchPlan, launches: Sequence[Samples] = ()) -> BenchResult:
    """A valid result, with every metric that edgekit makes."""
    launches = tuple(launches) or tuple(samples(seed=seed) for seed in range(3))
    metrics = [one for name in METRICS.names() for one in METRICS.get(name)(leg, launches)]
    when = "2026-11-25T10:00:00+00:00"
    return BenchResult(
        leg, launches, tuple(metrics), valid=True, reasons=(), run="r1", measured_at=when
    )


def failed(
    leg: BenchPlan, message: str = "the kernel has no such operator", tail: str = ""
) -> BenchResult:
    """A leg that gave nothing."""
    failure = Failure("load", "ToolError", message, "try another runtime", tail)
    return BenchResult(leg, (), (), valid=False, reasons=(), failure=failure)


def invalid(leg: BenchPlan, *reasons: str) -> BenchResult:
    """A leg whose numbers may not be used."""
    return replace(measured(leg), valid=False, reasons=reasons)


def many(models: Sequence[str] = ("toy",)) -> tuple[BenchResult, ...]:
    """Nine legs for each model: three formats in three precisions."""
    runtimes = {"onnx": "onnxruntime", "openvino": "openvino", "litert": "litert"}
    precisions = {"fp32": (4.0, 1.0), "fp16": (3.6, 1.0), "int8": (1.7, 5 / 6)}
    return tuple(
        measured(
            plan(model, format, precision, runtime),
            [samples(p50 * (1 + number) * (1 + place / 5), 700, near, seed) for seed in range(3)],
        )
        for number, model in enumerate(models)
        for place, (format, runtime) in enumerate(runtimes.items())
        for precision, (p50, near) in precisions.items()
    )


def verdict() -> ShipVerdict:
    """The int8 file is the one to ship."""
    sides = (
        ShipSide(Precision.FP32, 4e6, 1.0, None, 4 * MIB, 1.0, 6),
        ShipSide(Precision.INT8, 1.7e6, 2.35, (2.2, 2.5), MIB, 5 / 6, 6),
    )
    reasons = ("int8 is 2.35 times as fast as fp32",)
    return ShipVerdict(Ship.INT8, reasons, sides, "toy", Format.ONNX, "onnxruntime", 2, 1, 11)
