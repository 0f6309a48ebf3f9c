"""Tables that ids look up, such as a vocabulary's vectors, in 8 bits: a row and its scale.

A row is a token's vector: it is read as it is and multiplied by nothing, so that its rounding
error is a 254th of its largest value at most. A table is half of a small text encoder's file.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LARGEST = 127
# Smaller ones are no matter of size.
LEAST_BYTES = 2**20
_MATRIX = 2


def store_tables(model: onnx.ModelProto) -> int:
    """Store each large float table of `model` as 8-bit rows with a scale each, in place.

    Returns:
        How many there are.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found = [
        node
        for node in model.graph.node
        if node.op_type == "Gather" and _is_table(node, constants.get(node.input[0]))
    ]
    for node in found:
        _store(model.graph, node, numpy_helper.to_array(constants[node.input[0]]))
    _drop_unread(model.graph)
    return len(found)


def _is_table(node: onnx.NodeProto, tensor: onnx.TensorProto | None) -> bool:
    axis = next((item.i for item in node.attribute if item.name == "axis"), 0)
    return (
        tensor is not None
        and axis == 0
        and tensor.data_type == onnx.TensorProto.FLOAT
        and len(tensor.dims) == _MATRIX
        and 4 * int(np.prod(tensor.dims)) >= LEAST_BYTES
    )


def _store(graph: onnx.GraphProto, node: onnx.NodeProto, table: np.ndarray) -> None:
    """Look up rows of 8 bits and their scales, and multiply."""
    name, ids, output = node.name or node.output[0], node.input[1], node.output[0]
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / LARGEST
    parts = {
        f"{name}_rows": np.rint(table / scale).astype(np.int8),
        f"{name}_scales": scale.astype(np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in parts.items())
    rows, scales = parts
    made = [
        helper.make_node("Gather", [rows, ids], [f"{name}_row"], name=f"{name}_look_up"),
        helper.make_node("Cast", [f"{name}_row"], [f"{name}_float"], name=f"{name}_cast", to=1),
        helper.make_node("Gather", [scales, ids], [f"{name}_scale"], name=f"{name}_look_up_scale"),
        helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [output], name=name),
    ]
    position = next(i for i, other in enumerate(graph.node) if other == node)
    del graph.node[position]
    for offset, operator in enumerate(made):
        graph.node.insert(position + offset, operator)


def _drop_unread(graph: onnx.GraphProto) -> None:
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
