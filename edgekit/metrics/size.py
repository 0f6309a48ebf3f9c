"""Size of the model's files."""

from __future__ import annotations

from edgekit.records import BenchPlan, Metric
from edgekit.wire import Samples


def measure(plan: BenchPlan, samples: Samples) -> tuple[Metric, ...]:
    """The bytes that have to be shipped."""
    del samples
    return (Metric("file_size_bytes", plan.subject.size_bytes, "bytes", "lower"),)
