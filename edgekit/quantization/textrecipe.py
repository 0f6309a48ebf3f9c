"""What a recipe has to know of a network that reads text, from its graph.

Measured with a sentence encoder of six layers (MiniLM), the rank correlation of its cosines with
the float model's over 200 pairs of sentences, on a CPU with AVX2 and without VNNI (benchmarks/):
ranges at each inference 0.998, as fast as static ones; static ranges with outputs in float 0.998,
with outputs rounded as convolutions want it 0.990; weights alone 0.9998, at float's speed at best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgekit.records import FloatLayer, Format, GraphOp, Recipe

# What norms such a network can have: a layer norm, or the parts of a root mean square.
_NORMS = ({"LayerNormalization"}, {"ReduceMean", "Sqrt"})
_PRODUCT = "a product of two activations: as fast in float here, and nearer"
# A table of less than this is no matter of a file's size.
_TABLE_BYTES = 2**20


def reads_text(graph: Sequence[GraphOp]) -> bool:
    """Whether a network is a transformer over ids: it looks them up, has norms, no convolution.

    The names of kinds are ONNX's: such files alone are quantized from there.

    Args:
        graph: The operators of its float file.
    """
    there = {op.op for op in graph}
    has_norm = any(norm <= there for norm in _NORMS)
    return {"Gather", "MatMul"} <= there and has_norm and "Conv" not in there


def for_text(chosen: Recipe, graph: Sequence[GraphOp]) -> Recipe:
    """`chosen` as a network that reads text wants it.

    Args:
        chosen: The recipe for any network.
        graph: The operators of the float file.
    """
    if chosen.weight_type != "int8" or chosen.format is Format.TENSORRT:
        return chosen
    tables = any(op.op == "Gather" and op.weight_bytes >= _TABLE_BYTES for op in graph)
    chosen = replace(chosen, quantize_tables=tables)
    if chosen.range_method == "none" or chosen.float_layers:
        return chosen
    products = (op.name for op in graph if op.op == "MatMul" and not op.weight_bytes)
    return replace(
        chosen,
        quantize_outputs=False,
        quantize_bias=False,
        float_layers=tuple(FloatLayer(name, _PRODUCT) for name in products),
        reasons=(*chosen.reasons, "a product with a matrix gives float at no cost in time"),
    )
