"""Shape arithmetic of ONNX graphs: what is the same for every batch becomes a constant.

Frameworks compute paddings and sizes from a tensor's shape while the graph runs, in floats too.
ONNX Runtime folds none of it where the batch is free, since a shape is then not wholly known. What
isn't folded would be rounded to 8 bits like any other sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

_Sizes = list[int | None]


def settle_axes(proto: onnx.ModelProto) -> int:
    """Turn sizes of axes that are known into constants, in place.

    Args:
        proto: The model.

    Returns:
        How many were found: once their readers are folded, more may be known.
    """
    graph = proto.graph
    known = _sizes(onnx.shape_inference.infer_shapes(proto).graph)
    constants = dict(_constants(graph))
    shapes: dict[str, _Sizes] = {}
    found = 0
    for node in graph.node:
        if node.op_type == "Shape" and node.input[0] in known:
            shapes[node.output[0]] = _asked_for(node, known[node.input[0]])
        value = _value(node, shapes, constants)
        if value is not None:
            constant = numpy_helper.from_array(value)
            made = helper.make_node("Constant", [], [*node.output], node.name, value=constant)
            node.CopyFrom(made)
            found += 1
    return found


def _sizes(graph: onnx.GraphProto) -> dict[str, _Sizes]:
    return {
        value.name: [axis.dim_value or None for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info)
        if value.type.tensor_type.HasField("shape")
    }


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], node.attribute[0].t


def _asked_for(node: onnx.NodeProto, sizes: _Sizes) -> _Sizes:
    ends = {item.name: item.i for item in node.attribute}
    return sizes[ends.get("start", 0) : ends.get("end", len(sizes))]


def _value(
    node: onnx.NodeProto, shapes: Mapping[str, _Sizes], constants: Mapping[str, onnx.TensorProto]
) -> npt.NDArray[np.int64] | None:
    """What a node gives, if it gives sizes of axes that are known; else None."""
    if node.op_type == "Shape":
        chosen: npt.NDArray[np.object_] = np.array(shapes.get(node.output[0], [None]), object)
    elif node.op_type == "Gather" and node.input[0] in shapes and node.input[1] in constants:
        index = numpy_helper.to_array(constants[node.input[1]])
        chosen = np.array(shapes[node.input[0]], object)[index]
    else:
        return None
    sizes = np.array(chosen, object)
    return None if None in sizes.reshape(-1).tolist() else sizes.astype(np.int64)
