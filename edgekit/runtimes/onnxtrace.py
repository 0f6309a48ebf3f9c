"""What ONNX Runtime ran, from the trace that its own profiler writes."""

from __future__ import annotations

import statistics
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from edgekit.runtimes.specs import precision_name
from edgekit.wire import Op

KERNEL = "_kernel_time"
HOST = "CPU"
NS_PER_US = 1000
INT8_PREFIXES = ("QLinear", "QGemm", "QAttention", "DynamicQuantize", "QMoE")
INT8_PARTS = ("Integer", "QuantizeLinear")
CONVERSIONS = (
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast",
    "ReorderInput", "ReorderOutput", "MemcpyToHost", "MemcpyFromHost",
)  # fmt: skip
# What the trace calls element types, where it isn't NumPy's name.
NAMES = {"float": "float32", "double": "float64"}


def ops_of(events: Sequence[Mapping[str, Any]], runs: int) -> List[Op]:
    """One row for each operator of the graph, with its time in one inference.

    An operator's time is the median over the runs, so that the first, which is slow, doesn't
    count.

    Args:
        events: The trace: one event for each time that an operator was run, among others.
        runs: Inferences that the trace is of.
    """
    nodes: Dict[Tuple[str, str], List[Mapping[str, Any]]] = {}
    for event in events:
        if str(event["name"]).endswith(KERNEL):
            key = (str(event["name"]), str(event["args"].get("node_index", "")))
            nodes.setdefault(key, []).append(event)
    return [_op(found, runs) for found in nodes.values()]


def _op(events: Sequence[Mapping[str, Any]], runs: int) -> Op:
    facts = events[0]["args"]
    kind = str(facts["op_name"])
    unit = str(facts.get("provider", "")).replace("ExecutionProvider", "")
    # More than once in a run: the body of a loop.
    each_run = max(1, round(len(events) / runs))
    time_ns = round(statistics.median(event["dur"] for event in events) * NS_PER_US) * each_run
    return Op(
        name=str(events[0]["name"])[: -len(KERNEL)],
        op=kind,
        precision=_precision(kind, facts),
        unit=unit,
        # Elsewhere the trace counts how long it took to start a kernel, not to run it.
        time_ns=time_ns if unit == HOST else None,
        conversion=kind in CONVERSIONS,
    )


def _precision(name: str, facts: Mapping[str, Any]) -> str:
    """By the kernel's name where that is an int8 one's, else by the first operand's type."""
    if name.startswith(INT8_PREFIXES) or any(part in name for part in INT8_PARTS):
        return "int8"
    # A list of objects with one member, the type, that holds the shape.
    operands = [*facts.get("input_type_shape", ()), *facts.get("output_type_shape", ())]
    element = next((str(kind) for operand in operands for kind in operand), "")
    return precision_name(NAMES.get(element, element))
