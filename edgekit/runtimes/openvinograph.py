"""What OpenVINO's CPU plugin ran, from the graph that it executes."""

from __future__ import annotations

from typing import List, Mapping, Sequence

from edgekit.runtimes.specs import precision_name
from edgekit.wire import Op

UNIT = "CPU"
NAME = "name"
NS_PER_US = 1000
# Not operators: they stand for the graph's ends and its weights.
PASSIVE = ("Input", "Output", "Const")
CONVERSIONS = ("Reorder", "Convert", "FakeQuantize")
# Quantizers and dequantizers are made of these; the plugin compiles a chain of them into a kernel.
PARTS = {"Convert", "FakeQuantize", "Subtract", "Multiply"}
NOT_EXECUTED = "not_executed"


def ops_of(nodes: Sequence[Mapping[str, str]], kinds: Mapping[str, str]) -> List[Op]:
    """One row for each operator of the graph, with its time in one inference.

    What the plugin folded away or does in place takes no time and is no operator that runs.

    Args:
        nodes: What the plugin says of each node of its graph, and its `NAME`.
        kinds: Kinds of the file's own operators, by name.
    """
    return [
        Op(
            name=node[NAME],
            op=node["layerType"],
            precision=_precision(node),
            unit=UNIT,
            kernel=node["primitiveType"],
            time_ns=int(node["execTimeMcs"]) * NS_PER_US,
            conversion=_is_conversion(node, kinds),
        )
        for node in nodes
        if node["layerType"] not in PASSIVE and node["execTimeMcs"] != NOT_EXECUTED
    ]


def _precision(node: Mapping[str, str]) -> str:
    # The kernel's name ends with the type that it computes in: "brgconv_avx512_f32". What the
    # plugin calls the run-time precision may be the type that the weights are stored in.
    return precision_name(node["primitiveType"].rpartition("_")[2].lower())


def _is_conversion(node: Mapping[str, str], kinds: Mapping[str, str]) -> bool:
    if node["layerType"] in CONVERSIONS:
        return True
    made_of = {kinds.get(name, "") for name in node["originalLayersNames"].split(",")}
    changes = precision_name(node["outputPrecisions"]) != _precision(node)
    return changes and made_of <= PARTS
