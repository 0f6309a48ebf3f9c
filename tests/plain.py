"""The least that a leg and what one process measured can be; tests `replace` what they are about."""

from __future__ import annotations

from pathlib import Path

from edgekit.records import BenchPlan, Device, Subject
from edgekit.wire import Profile, Samples

PLAN = BenchPlan(
    Subject(Path("net.onnx"), "0" * 64, 12345),
    "onnxruntime",
    Device(),
    threads=1,
    batch=None,
    profile=Profile(1, 1.0, 1.0, 1, 1.0, 1.0),
)
SAMPLES = Samples(
    latency_ns=[1],
    cpu_ns=[1],
    warmup_ns=[],
    load_ns=1,
    first_ns=1,
    steady=True,
    memory=[],
    settings={},
    versions={},
    inputs=[],
    outputs=[],
    defaulted={},
    golden=None,
    output_sha256="",
    execution=[],
    environment={},
    span_ns=1,
)
