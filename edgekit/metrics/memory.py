"""Memory by phase, from the marks that each process left."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from edgekit.records import BenchPlan, Metric
from edgekit.stats import interval
from edgekit.wire import MemoryMark, Samples

_SUMMED = "memory_model_bytes"
UNMEASURED = "this system keeps no marks"
UNRESET = "this system doesn't let peaks be reset"
PHASES = {"start", "runtime", "load", "first", "feeds", "warm", "steady"}

Marks = Mapping[str, MemoryMark]


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """What each phase took of memory: the median over the processes.

    `memory_peak_bytes` is the largest resident size of the whole process: interpreter, NumPy,
    runtime, model, inputs. `runtime` is what importing the runtime took. `load` and `first` are
    the peaks of loading the model and of its first inference over what was resident before each.
    `model` is the peak of both over what was resident when the runtime was imported: what has to
    be free to start it. `model_anonymous` is what loading added for good that no file backs:
    weights that were read or repacked. `model_file` is what of the model's own files is mapped and
    resident after a first inference: the system may drop it, and read it again. What else files
    back is the runtime's code. `steady` is what is resident after the last inference over what
    was when the runtime was imported, less the inputs that the benchmark holds.
    `leak_bytes_per_run` is how much more is resident after the timed inferences than before them,
    for each of them.
    """
    del plan
    marked = [{mark.phase: mark for mark in launch.memory} for launch in launches]
    if not all(marks.keys() >= PHASES for marks in marked):
        names = (*_VALUES, _LEAK)
        none = (Metric(name, None, "bytes", "lower", note=UNMEASURED) for name in names)
        return tuple(_summed(launches) if one.name == _SUMMED else one for one in none)
    reset = all(marks["load"].reset for marks in marked)
    found = [
        Metric(name, None, "bytes", "lower", note=UNRESET)
        if name in _OF_PEAKS and not reset
        else _median(name, [value(marks) for marks in marked])
        for name, value in _VALUES.items()
    ]
    return (*found, _leak_of(marked, launches))


def _summed(launches: Sequence[Samples]) -> Metric:
    """What another program says that it grew by; the process itself isn't in it."""
    known = [one.memory_bytes for each in launches if (one := each.summary) and one.memory_bytes]
    if len(known) < len(launches):
        return Metric(_SUMMED, None, "bytes", "lower", note=UNMEASURED)
    note = "by the program's own, approximate account"
    return Metric(_SUMMED, statistics.median(known), "bytes", "lower", note=note)


def _median(name: str, values: Sequence[float]) -> Metric:
    return Metric(name, statistics.median(values), "bytes", "lower", interval(values, 0.5))


def _leak_of(marked: Sequence[Marks], launches: Sequence[Samples]) -> Metric:
    slopes = [
        (marks["steady"].rss_bytes - marks["warm"].rss_bytes) / len(launch.latency_ns)
        for marks, launch in zip(marked, launches, strict=True)
    ]
    middle = statistics.median(slopes)
    return Metric(_LEAK, middle, "bytes", "lower", interval(slopes, 0.5))


def _rss(later: str, sooner: str) -> Callable[[Marks], float]:
    return lambda marks: marks[later].rss_bytes - marks[sooner].rss_bytes


def _peak(phase: str, before: str) -> Callable[[Marks], float]:
    return lambda marks: max(0, marks[phase].peak_bytes - marks[before].rss_bytes)


def _model(marks: Marks) -> float:
    return max(_peak("load", "runtime")(marks), _peak("first", "runtime")(marks))


def _steady(marks: Marks) -> float:
    return _rss("steady", "runtime")(marks) - _rss("feeds", "first")(marks)


_VALUES: dict[str, Callable[[Marks], float]] = {
    "memory_peak_bytes": lambda marks: max(mark.peak_bytes for mark in marks.values()),
    "memory_runtime_bytes": _rss("runtime", "start"),
    "memory_load_bytes": _peak("load", "runtime"),
    "memory_first_bytes": _peak("first", "load"),
    "memory_model_bytes": _model,
    "memory_steady_bytes": _steady,
    "memory_model_anonymous_bytes": lambda marks: (
        marks["load"].anonymous_bytes - marks["runtime"].anonymous_bytes
    ),
    "memory_model_file_bytes": lambda marks: marks["first"].mapped_bytes,
}
_LEAK = "leak_bytes_per_run"
_OF_PEAKS = {"memory_load_bytes", "memory_first_bytes", "memory_model_bytes"}
