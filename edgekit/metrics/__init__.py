"""Metrics: numbers made from raw samples.

To add one: write a module here with a function that meets `Measure` and add its line to the table
below. A metric is pure: the same samples give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgekit.records import BenchPlan, Metric
from edgekit.registry import Entry, Registry
from edgekit.wire import Samples


class Measure(Protocol):
    """Makes metrics from the samples of one leg, of one launch or more."""

    def __call__(self, plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
        """The metrics; one whose value the samples don't support has None and says why."""
        ...


METRICS: Registry[Measure] = Registry(
    "metric",
    {
        "latency": Entry("edgekit.metrics.latency:measure"),
        "scenario": Entry("edgekit.metrics.scenario:measure"),
        "parts": Entry("edgekit.metrics.parts:measure"),
        "memory": Entry("edgekit.metrics.memory:measure"),
        "gpu": Entry("edgekit.metrics.gpu:measure"),
        "energy": Entry("edgekit.metrics.energy:measure"),
        "size": Entry("edgekit.metrics.size:measure"),
        "parity": Entry("edgekit.metrics.parity:measure"),
    },
)
