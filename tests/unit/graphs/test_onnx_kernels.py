"""The ONNX reader calls int8 what ONNX Runtime computes in int8, kind by kind."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.graphs.onnx import GRAPH

# Operator, number of data inputs, attributes, further constant inputs.
Spec = tuple[str, int, dict[str, Any], list[Any]]
FLATTEN = np.array([1, -1])
AXES = np.array([2, 3])
TWICE = np.array([1, 1, 2, 2], np.float32)
INT8: list[Spec] = [
    ("Add", 2, {}, []),
    ("Mul", 2, {}, []),
    ("MatMul", 2, {}, []),
    ("Concat", 2, {"axis": 1}, []),
    ("AveragePool", 1, {"kernel_shape": [2, 2]}, []),
    ("GlobalAveragePool", 1, {}, []),
    ("MaxPool", 1, {"kernel_shape": [2, 2]}, []),
    ("LeakyRelu", 1, {}, []),
    ("Sigmoid", 1, {}, []),
    ("Softmax", 1, {}, []),
    ("ReduceMax", 1, {}, [AXES]),
    ("Reshape", 1, {}, [FLATTEN]),
    ("Transpose", 1, {"perm": [0, 2, 3, 1]}, []),
    ("Gather", 1, {}, [np.array([0])]),
    ("Resize", 1, {"mode": "nearest"}, [None, TWICE]),
]
FLOAT: list[Spec] = [
    ("ReduceMean", 1, {}, [AXES]),
    ("ReduceSum", 1, {}, [AXES]),
    ("Sub", 2, {}, []),
    ("Div", 2, {}, []),
    ("Max", 2, {}, []),
    ("Pad", 1, {}, [np.array([0, 0, 1, 1, 0, 0, 1, 1])]),
    ("Tanh", 1, {}, []),
    ("Erf", 1, {}, []),
    ("HardSigmoid", 1, {}, []),
    ("GlobalMaxPool", 1, {}, []),
    ("SpaceToDepth", 1, {"blocksize": 2}, []),
    ("Resize", 1, {"mode": "linear"}, [None, TWICE]),
]
SPECS: list[tuple[Spec, str]] = [
    *((spec, "int8") for spec in INT8),
    *((spec, "fp32") for spec in FLOAT),
]


def save(path, op, count, attributes, further):
    """`op` between dequantizers and a quantizer."""
    data = [f"x{i}" for i in range(count)]
    constants = {"s": np.array(0.1, np.float32), "z": np.array(0, np.int8)}
    nodes = []
    for name in data:
        nodes.append(helper.make_node("QuantizeLinear", [name, "s", "z"], [f"{name}q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}q", "s", "z"], [f"{name}d"]))
    reads = [f"{name}d" for name in data]
    for index, value in enumerate(further):
        reads.append("" if value is None else f"c{index}")
        if value is not None:
            constants[f"c{index}"] = value
    nodes += [
        helper.make_node(op, reads, ["m"], "it", **attributes),
        helper.make_node("QuantizeLinear", ["m", "s", "z"], ["mq"]),
        helper.make_node("DequantizeLinear", ["mq", "s", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 8, 8]) for name in data],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def runs_in(path):
    """Precision of what ONNX Runtime makes of the operator: does a dequantizer feed it?"""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path.with_suffix(".optimized"))
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(options.optimized_model_filepath, format="protobuf").graph.node
    dequantized = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}
    conversions = {"QuantizeLinear", "DequantizeLinear"}
    float_ = [n for n in nodes if n.op_type not in conversions and dequantized & {*n.input}]
    return "fp32" if float_ else "int8"


@pytest.mark.parametrize(
    ("spec", "precision"), SPECS, ids=[f"{s[0]}-{s[2].get('mode', p)}" for s, p in SPECS]
)
def test_precision_is_that_of_the_kernel(tmp_path, spec, precision):
    path = tmp_path / "m.onnx"
    save(path, *spec)
    found = next(op.precision for op in GRAPH.read(path) if op.name == "it")
    assert (found, runs_in(path)) == (precision, precision)
