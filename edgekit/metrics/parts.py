"""The parts of an inference, where they were timed."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.metrics.quantiles import NS_PER_MS
from edgekit.records import BenchPlan, Metric
from edgekit.stats import pooled
from edgekit.wire import Samples


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """The median of each part over all processes, `part_h2d_p50_ms` and the like.

    Of a GPU: `h2d` and `d2h` are the copies to it and back, `compute` what lies between, by CUDA
    events; `compute_host` is the same by the host's clock, which waits until it is done. Of an
    application: `decode`, `preprocess`, `model`, `postprocess`, and `total`. Of a server: `queue`
    and `model`.
    """
    del plan
    names = dict.fromkeys(name for launch in launches for name in launch.parts_ns)
    return tuple(
        _median(name, [launch.parts_ns.get(name, []) for launch in launches]) for name in names
    )


def _median(name: str, times_ns: Sequence[Sequence[int]]) -> Metric:
    times_ms = [[ns / NS_PER_MS for ns in launch] for launch in times_ns if launch]
    value, interval = pooled(times_ms, 0.5)
    return Metric(f"part_{name}_p50_ms", value, "ms", "lower", interval)
