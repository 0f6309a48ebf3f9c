"""What the ONNX reader says of each form of quantization."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.errors import DataError
from edgekit.graphs.onnx import GRAPH
from tests.graph_files import WEIGHTS, onnx_file


def read(tmp_path, kind):
    path = tmp_path / "m.onnx"
    onnx_file(path, kind)
    return {op.name: op for op in GRAPH.read(path)}


def test_qdq(tmp_path):
    found = read(tmp_path, "int8")
    assert {name: op.precision for name, op in found.items()} == {
        "qx": "int8",
        "dqx": "int8",
        "dqw": "int8",
        "dqb": "int32",
        "conv1": "int8",
        "clip": "int8",
        "qr": "int8",
        "dqr": "int8",
        "softmax": "fp32",
        "stem": "fp32",
        "add": "fp32",
        "conv2": "fp32",
    }
    # Weights, their scales and zero points; bias, its scales and zero points.
    assert found["conv1"].weight_bytes == WEIGHTS + 4 * 4 + 4 + 3 * 4 * 4
    assert found["dqw"].weight_bytes == 0


def test_float16(tmp_path):
    found = read(tmp_path, "fp16")
    assert {op.precision for op in found.values()} == {"fp16"}
    assert found["conv1"].weight_bytes == 2 * WEIGHTS


def test_eight_bit_weights_alone_compute_in_float(tmp_path):
    found = read(tmp_path, "weights")
    assert found["conv1"].precision == "fp32"
    assert found["conv1"].weight_bytes == WEIGHTS + 4 * 4 + 4


def save(path, nodes, constants, *, domain=""):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


def test_qoperator_form(tmp_path):
    zero, scale = np.array(0, np.uint8), np.array(0.1, np.float32)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], "q"),
        helper.make_node("QLinearMatMul", ["xq", "s", "z", "w", "s", "z", "s", "z"], ["yq"], "m"),
        helper.make_node(
            "QLinearAdd", ["yq", "s", "z", "yq", "s", "z", "s", "z"], ["aq"], "a",
            domain="com.microsoft",
        ),
        helper.make_node("DequantizeLinear", ["aq", "s", "z"], ["y"], "dq"),
    ]  # fmt: skip
    path = tmp_path / "m.onnx"
    save(path, nodes, {"z": zero, "s": scale, "w": np.ones((4, 4), np.uint8)})
    assert {op.name: op.precision for op in GRAPH.read(path)} == dict.fromkeys(
        ("q", "m", "a", "dq"), "int8"
    )


def test_dynamic_quantization_computes_in_integers(tmp_path):
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"], "dyn"),
        helper.make_node("MatMulInteger", ["xq", "w", "xz"], ["i"], "mm"),
        helper.make_node("Cast", ["i"], ["f"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "xs"], ["y"], "mul"),
    ]
    path = tmp_path / "m.onnx"
    save(path, nodes, {"w": np.ones((4, 4), np.int8)})
    found = {op.name: op.precision for op in GRAPH.read(path)}
    assert found["mm"] == "int8"
    assert found["mul"] == found["cast"] == "fp32"


def test_sixteen_bit_activations_are_not_int8(tmp_path):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], "q"),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["x_"], "dq"),
        helper.make_node("Relu", ["x_"], ["y"], "relu"),
    ]
    path = tmp_path / "m.onnx"
    save(path, nodes, {"s": np.array(0.1, np.float32), "z": np.array(0, np.int16)})
    found = {op.name: op.precision for op in GRAPH.read(path)}
    assert found == {"q": "int16", "dq": "int16", "relu": "fp32"}


def test_operators_inside_branches_are_listed_and_nameless_ones_have_an_index(tmp_path):
    def branch(name, op):
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
        return helper.make_graph([helper.make_node(op, ["x"], [name])], name, [], [out])

    cond = numpy_helper.from_array(np.array(True), "cond")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=cond),
        helper.make_node(
            "If",
            ["c"],
            ["y"],
            "if",
            then_branch=branch("t", "Relu"),
            else_branch=branch("e", "Exp"),
        ),
    ]
    path = tmp_path / "m.onnx"
    save(path, nodes, {})
    assert {op.op for op in GRAPH.read(path)} == {"If", "Relu", "Exp"}
    assert all(op.name for op in GRAPH.read(path))


def test_external_weights_count_without_being_there(tmp_path):
    path = tmp_path / "m.onnx"
    onnx_file(path, "float")
    model = onnx.load(path)
    onnx.save_model(
        model, path, save_as_external_data=True, size_threshold=0, location="m.onnx.data"
    )
    (tmp_path / "m.onnx.data").unlink()
    conv = next(op for op in GRAPH.read(path) if op.name == "conv1")
    assert conv.weight_bytes == 4 * WEIGHTS


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="holds no ONNX graph") as caught:
        GRAPH.read(path)
    assert "edgekit export" in caught.value.hint
