"""GPU memory, from the marks that each process left."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgekit.records import BenchPlan, Metric
from edgekit.stats import interval
from edgekit.wire import Samples

NAME = "memory_gpu_bytes"
UNTOLD = "no NVIDIA driver tells of this process"


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """The most GPU memory that the process held at the end of a phase, by NVML.

    What CUDA itself takes is in it, and so is what the runtime keeps for later. It is the median
    over the processes.
    """
    del plan
    told = [
        [mark.gpu_bytes for mark in launch.memory if mark.gpu_bytes is not None]
        for launch in launches
    ]
    if not all(told):
        return (Metric(NAME, None, "bytes", "lower", note=UNTOLD),)
    most = [max(sizes) for sizes in told]
    return (Metric(NAME, statistics.median(most), "bytes", "lower", interval(most, 0.5)),)
