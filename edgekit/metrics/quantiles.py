"""A quantile of what several processes timed, as a metric."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Metric
from edgekit.stats import least_count, pooled

NS_PER_MS = 1e6


def quantile(name: str, launches_ns: Sequence[Sequence[int]], share: float) -> Metric:
    """The quantile in ms with its interval; none where the count can't support one.

    The largest of too few values is no 99th percentile.

    Args:
        name: The metric's name.
        launches_ns: For each process its times, in ns, in the order of time.
        share: From 0 to 1.
    """
    least = least_count(share)
    if sum(map(len, launches_ns)) < least:
        return Metric(name, None, "ms", "lower", note=f"n<{least}")
    value, found = pooled([[ns / NS_PER_MS for ns in times] for times in launches_ns], share)
    return Metric(name, value, "ms", "lower", found)
