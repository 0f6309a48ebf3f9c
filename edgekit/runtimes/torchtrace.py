"""What torch ran, from the trace that its own profiler writes."""

from __future__ import annotations

import re
import statistics
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from edgekit.runtimes.specs import precision_name
from edgekit.wire import Op

# Stands around each inference.
RUN = "edgekit.run"
GPU = "CUDA"
NS_PER_US = 1000
CONVERSIONS = ("to", "_to_copy", "type_as", "contiguous")
# What the trace calls element types, where it isn't NumPy's name.
NAMES = {
    "float": "float32",
    "double": "float64",
    "c10::Half": "float16",
    "c10::BFloat16": "bfloat16",
    "signed char": "int8",
    "unsigned char": "uint8",
    "int": "int32",
    "long int": "int64",
    "bool": "bool",
}
# A compiled kernel's name: `graph_0_cpp_fused_relu_1`, `triton_poi_fused_relu_0`.
COMPILED = re.compile(r"(?:graph_\d+_)?(\w+?)(?:_\d+)?")

Event = Mapping[str, Any]


class Call(NamedTuple):
    """An operator that the program called.

    Attributes:
        event: Its event.
        ids: Identifiers of it and of the calls within it: a kernel names the one that started it.
    """

    event: Event
    ids: List[Any]


def ops_of(events: Iterable[Event], unit: str, untold: str) -> List[Op]:
    """One row for each operator that was called, with its time in one inference.

    An operator is an outermost call: what it calls itself is part of it. On a GPU its time is that
    of the kernels that it started. It is the median over the inferences.

    Args:
        events: The trace, with `RUN` around each inference.
        unit: What runs the kernels: `CPU` or `CUDA`.
        untold: Precision where the trace tells none: of what a compiler fused.
    """
    spans = sorted((e for e in events if e.get("ph") == "X"), key=lambda e: float(e["ts"]))
    runs = [e for e in spans if e["name"] == RUN and e["cat"] == "user_annotation"]
    calls = [_calls(spans, run) for run in runs]
    kernels = _kernels(spans)
    # An inference in which something was still being set up called other things.
    alike = [found for found in calls if _names(found) == _names(calls[-1])]
    return [
        _op(number, column, kernels, unit, untold) for number, column in enumerate(zip(*alike))
    ]


def _op(
    number: int, calls: Sequence[Call], kernels: Mapping[Any, List[Event]], unit: str, untold: str
) -> Op:
    """One operator, from its call in each inference."""
    call = calls[0].event
    started = [[k for i in each.ids for k in kernels.get(i, ())] for each in calls]
    work = started if unit == GPU else [[each.event] for each in calls]
    times_us = [sum(float(event["dur"]) for event in events) for events in work]
    longest = max(started[-1], key=lambda event: float(event["dur"]), default=None)
    kind, own = _kind(str(call["name"]))
    return Op(
        name=f"{own}#{number}",
        op=kind,
        precision=_precision(call, untold),
        unit=unit,
        kernel=str(longest["name"]) if longest else "",
        time_ns=round(statistics.median(times_us) * NS_PER_US),
        conversion=kind in CONVERSIONS,
    )


def _calls(spans: Sequence[Event], run: Event) -> List[Call]:
    """Outermost calls within one inference, in order."""
    begin, end = float(run["ts"]), _end(run)
    calls: List[Call] = []
    for event in spans:
        inside = begin <= float(event["ts"]) < end and event["tid"] == run["tid"]
        # A name with a space is that of a stretch of torch's own work around operators.
        if not inside or event["cat"] != "cpu_op" or " " in event["name"]:
            continue
        if calls and float(event["ts"]) < _end(calls[-1].event):
            calls[-1].ids.append(event["args"].get("External id"))
        else:
            calls.append(Call(event, [event["args"].get("External id")]))
    return calls


def _end(event: Event) -> float:
    return float(event["ts"]) + float(event["dur"])


def _names(calls: Sequence[Call]) -> List[str]:
    return [str(call.event["name"]) for call in calls]


def _kernels(spans: Sequence[Event]) -> Dict[Any, List[Event]]:
    """What ran on the GPU, by the call that started it."""
    found: Dict[Any, List[Event]] = {}
    for event in spans:
        if event["cat"] in {"kernel", "gpu_memcpy", "gpu_memset"}:
            found.setdefault(event["args"].get("External id"), []).append(event)
    return found


def _kind(name: str) -> Tuple[str, str]:
    """An operator's kind, and its name without the library's."""
    library, _, own = name.rpartition("::")
    compiled = COMPILED.fullmatch(own)
    return (compiled.group(1) if compiled and not library else own), own


def _precision(call: Event, untold: str) -> str:
    """By the first tensor that it was given."""
    given = call["args"].get("Input type") or ()
    return next((precision_name(NAMES[kind]) for kind in given if kind in NAMES), untold)
