"""Size of the model's files."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import BenchPlan, Metric
from edgekit.wire import Samples


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """The bytes that have to be shipped."""
    del launches
    return (Metric("file_size_bytes", plan.subject.size_bytes, "bytes", "lower"),)
