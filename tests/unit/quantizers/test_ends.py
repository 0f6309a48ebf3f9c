"""What is behind the last layers of a file, and that it stays in float in 8 and in 16 bits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.quantization.ends import BEHIND
from edgekit.quantization.recipe import recipe
from edgekit.quantization.target import target
from edgekit.quantizers import litert, onnx_layers
from edgekit.quantizers import onnx as quantizing
from edgekit.records import FloatLayer, Format, Precision
from tests.unit.quantizers.litert_files import KINDS, File


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def two_stage(tmp_path):
    """A map, boxes from it in some arithmetic, what they cut out of the map, and a product."""
    weights = {
        "w1": normal(8, 3, 3, 3), "w2": normal(4, 8, 1, 1, seed=1), "w3": normal(72, 5, seed=2),
        "large": np.array(0.1, np.float32), "rows": np.array([-1, 4]), "flat": np.array([0, -1]),
        "image": np.zeros(16, np.int64), "shift": np.array([0, 0, 40, 40], np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["map"], "map", pads=[1] * 4),
        helper.make_node("Relu", ["map"], ["act"], "act"),
        helper.make_node("Conv", ["act", "w2"], ["offsets"], "offsets", strides=[2, 2]),
        helper.make_node("Transpose", ["offsets"], ["last"], "last", perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "rows"], ["four"], "four"),
        helper.make_node("Mul", ["four", "large"], ["wide"], "wide"),
        helper.make_node("Add", ["wide", "shift"], ["boxes"], "boxes"),
        helper.make_node(
            "RoiAlign", ["act", "boxes", "image"], ["cut"], "cut", output_height=3, output_width=3
        ),
        helper.make_node("Reshape", ["cut", "flat"], ["row"], "row"),
        helper.make_node("Gemm", ["row", "w3"], ["scores"], "scores"),
    ]
    graph = helper.make_graph(
        nodes,
        "two stages",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [16, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [16, 5]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = tmp_path / "two.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def source(path):
    return SimpleNamespace(model=path)


def test_where_boxes_cut_a_map_is_behind_and_what_they_cut_is_not(two_stage):
    found = quantizing.QUANTIZER.ends(source(two_stage))
    assert found == ("last", "four", "wide", "boxes")


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FP16])
def test_what_is_behind_stays_in_float(tmp_path, two_stage, precision):
    ends = quantizing.QUANTIZER.ends(source(two_stage))
    chosen = recipe(target("x86-vnni"), Format.ONNX, precision)
    assert chosen is not None
    chosen = replace(chosen, float_layers=tuple(FloatLayer(name, BEHIND) for name in ends))
    feeds = [{"x": normal(1, 3, 8, 8, seed=seed)} for seed in range(3)]
    observed = (
        quantizing.QUANTIZER.observe(source(two_stage), feeds)
        if precision is Precision.INT8
        else None
    )
    quantizing.QUANTIZER.quantize(source(two_stage), chosen, observed, tmp_path)
    made = onnx.load(tmp_path / quantizing.MODEL)
    (expected, _), (found, scores) = (
        next(iter(_run(path, feeds[:1]))) for path in (two_stage, tmp_path / quantizing.MODEL)
    )
    assert scores.shape == (16, 5)
    # Only the layers' own rounding is left, of offsets that are a tenth of theirs.
    steps = {node.input[0] for node in made.graph.node if node.op_type == "QuantizeLinear"}
    assert not steps & {"last", "four", "wide", "boxes"}
    # From the layer's output on, nothing is rounded again on its way to the end.
    makers = {name: node for node in made.graph.node for name in node.output}
    assert _goes_back(makers, "boxes") == ["Add", "Mul", "Reshape", "Transpose"]
    assert np.abs(found - expected).max() < 0.2


def _goes_back(makers, name) -> list[str]:
    """Kinds of the operators behind the offsets that `name` comes from, the last first."""
    kinds = []
    while not name.startswith("offsets"):
        node = makers[name]
        to = [helper.get_attribute_value(item) for item in node.attribute if item.name == "to"]
        assert to in ([], [TensorProto.FLOAT])
        kinds += [node.op_type] if not to else []
        name = node.input[0]
    return kinds


def _run(path, feeds):
    names = ["boxes", "scores"]
    for values in onnx_layers.activations(onnx.load(path), feeds):
        yield [values[name] for name in names]


def test_litert_files_tell_the_same(tmp_path):
    file = File((1, 8, 8, 3))
    first = file.conv(file.input, file.constant("w1", normal(8, 3, 3, 3)), name="map")
    act = file.add(KINDS.RELU6, [first], "act", (1, 8, 8, 8))
    last = file.conv(act, file.constant("w2", normal(4, 1, 1, 8)), name="offsets")
    wide = file.add(KINDS.LOGISTIC, [last], "sure", (1, 8, 8, 4))
    path = file.save(tmp_path / "net.tflite", wide)
    assert litert.QUANTIZER.ends(source(path)) == ("sure",)
