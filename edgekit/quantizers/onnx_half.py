"""ONNX float16 by ONNX Runtime's converter, whose detours through float16 are taken out."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from edgekit.quantizers.onnx_layers import read_layers
from edgekit.records import Recipe


def float16(source: Path, recipe: Recipe) -> onnx.ModelProto:
    """The file `source` with float16 inside, but for what `recipe` leaves in float."""
    model = onnx.load(source)
    read_layers(model)  # names every operator
    converted: onnx.ModelProto = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *(kind.name for kind in recipe.float_kinds)],
        node_block_list=[layer.name for layer in recipe.float_layers],
    )
    _straighten(converted)
    return converted


def _straighten(model: onnx.ModelProto) -> None:
    """Let operators in float32 hand on float32 to each other.

    The converter rounds what each of them gives to float16 and brings it back for the next, which
    takes the digits of coordinates that they were left in float for.
    """
    graph = model.graph
    rounded = {n.output[0]: n.input[0] for n in graph.node if _casts_to(n, TensorProto.FLOAT16)}
    for node in graph.node:
        if _casts_to(node, TensorProto.FLOAT) and node.input[0] in rounded:
            node.input[0] = rounded[node.input[0]]
    read = {name for node in graph.node for name in node.input}
    read |= {output.name for output in graph.output}
    kept = [node for node in graph.node if node.output[0] not in rounded.keys() - read]
    del graph.node[:]
    graph.node.extend(kept)


def _casts_to(node: onnx.NodeProto, element: int) -> bool:
    return node.op_type == "Cast" and any(
        helper.get_attribute_value(item) == element for item in node.attribute
    )
