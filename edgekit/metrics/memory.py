"""Memory, from the marks that the worker left."""

from __future__ import annotations

from edgekit.records import BenchPlan, Metric
from edgekit.wire import Samples

UNMEASURED = "this system keeps no marks"


def measure(plan: BenchPlan, samples: Samples) -> tuple[Metric, ...]:
    """The whole process's peak, and what the model added to the runtime.

    `memory_peak_bytes` is the largest resident size of the process: interpreter, NumPy, runtime,
    model, inputs. `memory_model_bytes` is the peak while the model was loaded and first run, less
    what was resident when the runtime was imported: weights, buffers, and what loading took for a
    moment. Stored samples are read later, so they are not in it.
    """
    del plan
    marks = {mark.phase: mark for mark in samples.memory}
    if not {"runtime", "load", "first"} <= set(marks):
        return (_bytes("memory_peak_bytes", None), _bytes("memory_model_bytes", None))
    own = max(marks["load"].peak_bytes, marks["first"].peak_bytes) - marks["runtime"].rss_bytes
    return (
        _bytes("memory_peak_bytes", max(mark.peak_bytes for mark in samples.memory)),
        _bytes("memory_model_bytes", max(0, own)),
    )


def _bytes(name: str, value: int | None) -> Metric:
    note = UNMEASURED if value is None else ""
    return Metric(name, value, "bytes", "lower", note=note)
