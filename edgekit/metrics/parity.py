"""Closeness to the float model, as the runtime that was timed computes it."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import BenchPlan, Metric
from edgekit.wire import Samples

EQUAL = "equal to the last bit"
NO_GOLDEN = "no golden sample"


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """Agreement of the best class, and signal to noise over all outputs."""
    del plan
    # Every process computes the same from the same inputs.
    found = launches[0].golden
    if found is None:
        return (
            Metric("agreement", None, "share", "higher", note=NO_GOLDEN),
            Metric("sqnr_db", None, "dB", "higher", note=NO_GOLDEN),
        )
    note = EQUAL if found.sqnr_db is None else ""
    return (
        Metric("agreement", found.agreement, "share", "higher"),
        Metric("sqnr_db", found.sqnr_db, "dB", "higher", note=note),
    )
