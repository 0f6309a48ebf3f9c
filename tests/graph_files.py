"""Tiny model files of each format, made here: what the tests of the graph readers read.

Each file is two convolutions with a ReLU6 between them; the first is quantized in the `int8`
kind, the second stays in float, so that a reader that says "all" or "nothing" is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

WEIGHTS = 4 * 3 * 3 * 3  # elements of the first convolution's weights
RNG = np.random.default_rng(0)


def onnx_file(path: Path, kind: str) -> None:
    """`kind`: float, fp16, int8 (QDQ, the ReLU6 kept), weights (8-bit weights alone)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    real = np.float16 if kind == "fp16" else np.float32
    constants = {
        "scale": np.array(0.1, np.float32),
        "zero": np.array(0, np.uint8),
        "wscale": np.full(4, 0.01, np.float32),
        "wzero": np.zeros(4, np.int8),
        "bscale": np.full(4, 0.001, np.float32),
        "bzero": np.zeros(4, np.int32),
        "b8": np.zeros(4, np.int32),
        "w8": RNG.integers(-127, 127, (4, 3, 3, 3)).astype(np.int8),
        "w": RNG.normal(size=(4, 3, 3, 3)).astype(real),
        "v": RNG.normal(size=(2, 4, 1, 1)).astype(real),
        "low": np.array(0, real),
        "high": np.array(6, real),
    }
    weights = [
        helper.make_node("DequantizeLinear", ["w8", "wscale", "wzero"], ["w_"], "dqw", axis=0)
    ]
    conv2 = helper.make_node("Conv", ["c", "v"], ["y"], "conv2")
    if kind == "int8":
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["xq"], "qx"),
            helper.make_node("DequantizeLinear", ["xq", "scale", "zero"], ["x_"], "dqx"),
            *weights,
            helper.make_node("DequantizeLinear", ["b8", "bscale", "bzero"], ["b_"], "dqb", axis=0),
            helper.make_node("Conv", ["x_", "w_", "b_"], ["a"], "conv1"),
            helper.make_node("Clip", ["a", "low", "high"], ["r"], "clip"),
            helper.make_node("QuantizeLinear", ["r", "scale", "zero"], ["rq"], "qr"),
            helper.make_node("DequantizeLinear", ["rq", "scale", "zero"], ["r_"], "dqr"),
            helper.make_node("Softmax", ["x"], ["s"], "softmax"),
            helper.make_node("Conv", ["s", "w"], ["t"], "stem"),
            helper.make_node("Add", ["r_", "t"], ["c"], "add"),
            conv2,
        ]
    else:
        nodes = [
            *(weights if kind == "weights" else []),
            helper.make_node("Conv", ["x", "w_" if kind == "weights" else "w"], ["a"], "conv1"),
            helper.make_node("Clip", ["a", "low", "high"], ["c"], "clip"),
            conv2,
        ]
    used = {name for node in nodes for name in node.input}
    element = TensorProto.FLOAT16 if kind == "fp16" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", element, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", element, [1, 2, 6, 6])],
        [numpy_helper.from_array(v, k) for k, v in constants.items() if k in used],
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def openvino_file(path: Path, kind: str) -> None:
    """`kind`: float, fp16 (stored), int8 (FakeQuantize), weights (8-bit weights alone)."""
    import openvino
    from openvino import opset13 as ops

    def named(node, name):
        node.set_friendly_name(name)
        return node

    x = ops.parameter([1, 3, 8, 8], np.float32, name="x")
    one = [np.full((1, 1, 1, 1), v, np.float32) for v in (-1, 1, -1, 1)]
    if kind in {"int8", "weights"}:
        stored = ops.constant(RNG.integers(-127, 127, (4, 3, 3, 3)).astype(np.int8))
        scale = ops.constant(np.full((4, 1, 1, 1), 0.01, np.float32))
        w = ops.multiply(ops.convert(stored, "f32"), scale)
    else:
        w = ops.constant(RNG.normal(size=(4, 3, 3, 3)).astype(np.float32))
    quantize = kind == "int8"
    first = named(ops.fake_quantize(x, *one, 256), "qx") if quantize else x
    conv1 = named(ops.convolution(first, w, [1, 1], [0, 0], [0, 0], [1, 1]), "conv1")
    bias = named(ops.add(conv1, np.zeros((1, 4, 1, 1), np.float32)), "bias")
    clamp = named(ops.clamp(bias, 0, 6), "clamp")
    middle = named(ops.fake_quantize(clamp, *one, 256), "qr") if quantize else clamp
    swish = named(ops.swish(middle), "swish")
    v = ops.constant(RNG.normal(size=(2, 4, 1, 1)).astype(np.float32))
    conv2 = named(ops.convolution(swish, v, [1, 1], [0, 0], [0, 0], [1, 1]), "conv2")
    model = openvino.Model([conv2], [x], "tiny")
    openvino.save_model(model, path, compress_to_fp16=kind == "fp16")


def litert_file(path: Path, kind: str) -> None:
    """`kind`: float, fp16 (behind DEQUANTIZE), int8, weights (8-bit weights alone)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    types, kinds = schema.TensorType, schema.BuiltinOperator
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs = 3, [graph]
    model.buffers = [schema.BufferT()]
    model.operatorCodes, graph.tensors, graph.operators = [], [], []

    def tensor(name: str, shape: list[int], element: int, values=None) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, shape, element, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(kind_: int, inputs: list[int], outputs: list[int]) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind_, min(kind_, 127), 1
        model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(model.operatorCodes) - 1
        made.inputs, made.outputs = inputs, outputs
        graph.operators.append(made)

    def weights(element: int, stored: type) -> int:
        return tensor("w", [4, 3, 3, 3], element, np.zeros(WEIGHTS, stored))

    x = tensor("x", [1, 8, 8, 3], types.FLOAT32)
    y = tensor("y", [1, 6, 6, 4], types.FLOAT32)
    if kind == "int8":
        xq = tensor("xq", [1, 8, 8, 3], types.INT8)
        yq = tensor("yq", [1, 6, 6, 4], types.INT8)
        s = tensor("s", [1, 6, 6, 4], types.FLOAT32)
        operator(kinds.QUANTIZE, [x], [xq])
        operator(kinds.CONV_2D, [xq, weights(types.INT8, np.int8), -1], [yq])
        operator(kinds.DEQUANTIZE, [yq], [s])
        operator(kinds.GELU, [s], [y])
    elif kind == "fp16":
        w = tensor("w_", [4, 3, 3, 3], types.FLOAT32)
        operator(kinds.DEQUANTIZE, [weights(types.FLOAT16, np.float16)], [w])
        operator(kinds.CONV_2D, [x, w], [y])
    elif kind == "weights":
        operator(kinds.CONV_2D, [x, weights(types.INT8, np.int8)], [y])
    else:
        operator(kinds.CONV_2D, [x, weights(types.FLOAT32, np.float32)], [y])
    graph.inputs, graph.outputs = [x], [y]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


MAKERS: dict[str, Callable[[Path, str], None]] = {
    ".onnx": onnx_file,
    ".xml": openvino_file,
    ".tflite": litert_file,
}
