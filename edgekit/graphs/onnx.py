"""Operators of ONNX files: float, QDQ, QOperator, float16, and 8-bit weights alone.

Weights that are 8-bit behind a DequantizeLinear while the activations are float are storage: the
operator computes in float and is listed so, with the size of its 8-bit weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper

from edgekit.errors import DataError
from edgekit.graphs.dataflow import INT8, Node, operators
from edgekit.records import GraphOp

# The operators whose third input is a bias, in int32 behind its own DequantizeLinear.
_WITH_BIAS = {"Conv", "ConvTranspose", "Gemm"}

# Their first input is the data, the others are bounds, shapes, indices.
_CARRIERS = {
    "Clip", "Relu", "MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice",
    "Split", "Identity", "Expand", "Tile", "Gather", "GatherElements", "DepthToSpace", "Dropout",
    "Resize", "ReduceMax", "ReduceMin",
}  # fmt: skip

# What ONNX Runtime (1.32, CPU) turns into an int8 kernel between DequantizeLinear and
# QuantizeLinear, tried kind by kind with `optimized_model_filepath`; and ConvTranspose, which
# TensorRT has one for. Any other kind reads 8 bits and computes in float.
_KERNELS = {
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "AveragePool", "GlobalAveragePool",
    "LeakyRelu", "Sigmoid", "Softmax", "Concat", "Where", "ArgMax",
}  # fmt: skip

# QOperator form, by the names of ONNX and of ONNX Runtime.
_INTEGER = {
    "QGemm", "QAttention", "QMoE", "MatMulIntegerToFloat", "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
}  # fmt: skip

_CONVERSIONS = {"QuantizeLinear", "DequantizeLinear"}

_PRECISIONS = {
    TensorProto.FLOAT: "fp32",
    TensorProto.DOUBLE: "fp64",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.INT8: INT8,
    TensorProto.UINT8: INT8,
    TensorProto.INT4: "int4",
    TensorProto.UINT4: "int4",
}
_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
_HINT = "the file may be cut short; export or copy it again: `edgekit export MODEL --format onnx`"


@dataclass(frozen=True, slots=True)
class _Constant:
    """A constant: its element type, and its size with the scales that belong to it."""

    type: int
    size_bytes: int


class OnnxGraph:
    """Reader of `.onnx` files. External weights are not opened: their sizes are in the file."""

    def read(self, model: Path) -> tuple[GraphOp, ...]:
        """The operators of `model`, in the order of the file.

        Raises:
            DataError: The file is not ONNX, or is cut short.
        """
        proto = _load(model)
        nodes = list(_nodes(proto.graph))
        types = _types(proto)
        constants = _constants(proto.graph, nodes)
        stored = {
            node.output[0]
            for node in nodes
            if node.op_type == "DequantizeLinear"
            and node.input[0] in constants
            and _PRECISIONS.get(constants[node.input[0]].type) == INT8
        }
        return operators(
            [
                _node(node, index, types, constants)
                for index, node in enumerate(nodes)
                if node.op_type != "Constant"
            ],
            stored,
        )


def _load(model: Path) -> onnx.ModelProto:
    try:
        proto = onnx.load(model, format="protobuf", load_external_data=False)
    except OSError as error:
        raise DataError(f"can't read {model}: {error.strerror}", hint="check the path") from error
    except DecodeError as error:
        raise DataError(f"{model} is not an ONNX file", hint=_HINT) from error
    # Protobuf takes an empty file, and one that ends between two fields, for a whole one.
    if not proto.graph.node or not proto.opset_import:
        raise DataError(f"{model} holds no ONNX graph", hint=_HINT)
    return onnx.shape_inference.infer_shapes(proto)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of the branches of If and of loops before the node that holds them."""
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
        yield node


def _types(proto: onnx.ModelProto) -> dict[str, int]:
    """Element types of activations, as declared or inferred."""
    values = (*proto.graph.input, *proto.graph.output, *proto.graph.value_info)
    return {value.name: value.type.tensor_type.elem_type for value in values}


def _constants(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> dict[str, _Constant]:
    """Constants by name, also those that a DequantizeLinear or a Cast reads and hands on."""
    found = {tensor.name: _constant(tensor) for tensor in graph.initializer}
    for node in nodes:
        if node.op_type == "Constant":
            tensors = [item.t for item in node.attribute if item.name == "value"]
            found[node.output[0]] = _constant(tensors[0]) if tensors else _Constant(0, 0)
        elif node.op_type in {"DequantizeLinear", "Cast"} and node.input[0] in found:
            size = sum(found[name].size_bytes for name in node.input if name in found)
            found[node.output[0]] = _Constant(found[node.input[0]].type, size)
    return found


def _constant(tensor: onnx.TensorProto) -> _Constant:
    if tensor.data_type == TensorProto.STRING:
        return _Constant(tensor.data_type, sum(map(len, tensor.string_data)))
    bits = _bits(tensor.data_type)
    return _Constant(tensor.data_type, (prod(tensor.dims) * bits + 7) // 8)


def _bits(data_type: int) -> int:
    if data_type in {TensorProto.INT4, TensorProto.UINT4}:
        return 4
    return 8 * int(helper.tensor_dtype_to_np_dtype(data_type).itemsize)


def _node(
    node: onnx.NodeProto, index: int, types: dict[str, int], constants: dict[str, _Constant]
) -> Node:
    precision = _precision(node, types, constants)
    moves = node.op_type in _CARRIERS and not _interpolates(node)
    # Sizes count where the constants are computed with, not where they are only converted.
    read = () if node.output[0] in constants else dict.fromkeys(node.input)
    return Node(
        name=node.name or f"{node.op_type}:{index}",
        op=node.op_type,
        reads=_reads(node, types, constants),
        writes=tuple(node.output),
        precision=precision,
        weight_bytes=sum(constants[name].size_bytes for name in read if name in constants),
        quantizes=node.op_type == "QuantizeLinear" and precision == INT8,
        dequantizes=node.op_type == "DequantizeLinear" and precision == INT8,
        carries=moves or node.op_type == "Concat",
        has_kernel=moves or node.op_type in _KERNELS,
    )


def _interpolates(node: onnx.NodeProto) -> bool:
    modes = [item.s for item in node.attribute if item.name == "mode"]
    return node.op_type == "Resize" and modes not in ([], [b"nearest"])


def _reads(
    node: onnx.NodeProto, types: dict[str, int], constants: dict[str, _Constant]
) -> tuple[str, ...]:
    """The inputs that are computed with: no bias, bound, shape or index."""
    if node.op_type in _CARRIERS or node.op_type in _CONVERSIONS:
        return tuple(node.input[:1])
    names = node.input[:2] if node.op_type in _WITH_BIAS else node.input
    # A type that can't be inferred is taken for a float: what follows an unknown operator is.
    return tuple(
        name for name in names if name and _type(name, types, constants) in {None, *_FLOATS}
    )


def _precision(
    node: onnx.NodeProto, types: dict[str, int], constants: dict[str, _Constant]
) -> str:
    if (
        node.op_type in _INTEGER
        or node.op_type.startswith("QLinear")
        or node.op_type.endswith("Integer")
    ):
        return INT8
    # A conversion is named by its narrow side, which its zero point has the type of.
    if node.op_type in _CONVERSIONS:
        narrow = node.input[0] if node.op_type == "DequantizeLinear" else node.output[0]
        names = [narrow, *node.input[2:3]]
        default = TensorProto.UINT8
    else:
        names = [*node.output[:1], *node.input]
        default = TensorProto.UNDEFINED
    kinds = (_type(name, types, constants) for name in names if name)
    kind = next((kind for kind in kinds if kind), default)
    return _PRECISIONS.get(kind) or str(TensorProto.DataType.Name(kind)).lower()


def _type(name: str, types: dict[str, int], constants: dict[str, _Constant]) -> int | None:
    """Element type of a tensor; None where it isn't known."""
    return types.get(name) or (constants[name].type if name in constants else None)


GRAPH = OnnxGraph()
