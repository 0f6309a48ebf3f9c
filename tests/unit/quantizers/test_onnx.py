"""What the ONNX quantizer reads, writes and measures, on files made here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.errors import DataError
from edgekit.quantization.recipe import recipe
from edgekit.quantization.scales import PAIR
from edgekit.quantization.schemes import DYNAMIC, WEIGHT_ONLY
from edgekit.quantization.target import target
from edgekit.quantizers.onnx import MODEL, QUANTIZER
from edgekit.quantizers.onnx_layers import bounds, read_layers
from edgekit.records import FloatLayer, Format, Precision, Recipe

SIZE = 12


def int8(name="x86-avx2", format=Format.ONNX, **changes) -> Recipe:
    found = recipe(target(name), format, Precision.INT8)
    assert found is not None
    return replace(found, **changes)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def net(path, activation="Relu6", *, damage=False):
    """Three convolutions, the middle one depthwise, and a matrix product: 3 x 12 x 12 -> 7."""
    weights = {
        "w1": normal(16, 3, 3, 3), "b1": normal(16), "w2": normal(16, 1, 3, 3, seed=1),
        "b2": normal(16, seed=1), "w3": 0.3 * normal(8, 16, 1, 1, seed=2), "b3": normal(8, seed=2),
        "w4": normal(8, 7, seed=3), "b4": normal(7, seed=3),
        "low": np.array(0.0, np.float32), "high": np.array(6.0, np.float32),
    }  # fmt: skip
    if damage:
        # Channels so unlike that one scale for all of them leaves nothing of most.
        weights["w2"] *= np.exp(normal(16, 1, 1, 1, seed=9) * 3)
    ends = ["low", "high"] if activation == "Relu6" else []
    kind = "Clip" if activation == "Relu6" else activation
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], "stem", pads=[1] * 4, strides=[2, 2]),
        helper.make_node(kind, ["c1", *ends], ["r1"], "act1"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], "depthwise", pads=[1] * 4, group=16),
        helper.make_node(kind, ["c2", *ends], ["r2"], "act2"),
        helper.make_node("Conv", ["r2", "w3", "b3"], ["c3"], "point"),
        helper.make_node("GlobalAveragePool", ["c3"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "w4", "b4"], ["y"], "head"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, path)
    return SimpleNamespace(model=path)


FEEDS = [{"x": normal(1, 3, SIZE, SIZE, seed=seed)} for seed in range(16)]
TEST = [normal(1, 3, SIZE, SIZE, seed=100 + seed) for seed in range(16)]


def outputs(path, *, optimized=True):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": x})[0] for x in TEST])


def sqnr_db(found, expected):
    noise = np.square(found - expected).sum()
    return 10 * np.log10(np.square(expected).sum() / noise) if noise else np.inf


def quantized(source, chosen, folder):
    folder.mkdir(exist_ok=True)
    QUANTIZER.quantize(source, chosen, QUANTIZER.observe(source, FEEDS), folder)
    return folder / MODEL


def constants(path):
    model = onnx.load(path)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.mark.parametrize("activation", ["Relu6", "Relu", "HardSwish", "Sigmoid"])
@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("x86-avx2", Format.ONNX),
        ("arm64", Format.ONNX),
        ("x86-avx2", Format.OPENVINO),
        ("sm89", Format.TENSORRT),
    ],
)
def test_every_recipe_is_near_the_float_file(tmp_path, activation, name, format):
    source = net(tmp_path / "float.onnx", activation)
    path = quantized(source, int8(name, format), tmp_path / "out")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    # Without fusion: the file's own meaning, whatever the CPU at hand does.
    assert sqnr_db(outputs(path, optimized=False), outputs(source.model)) > 25


def test_the_file_holds_the_solved_steps_and_no_pair_that_saturates(tmp_path):
    source = net(tmp_path / "float.onnx")
    observed = QUANTIZER.observe(source, FEEDS)
    chosen = int8()
    QUANTIZER.quantize(source, chosen, observed, tmp_path)
    stored = constants(tmp_path / MODEL)
    for place in read_layers(onnx.load(source.model)):
        solved = observed.solved(place.layer, chosen)
        steps = stored[f"{place.weight_name}_quantized"]
        expected = solved.steps.T if place.transposed else solved.steps
        assert (steps == expected).all(), place.layer.name
        assert stored[f"{place.weight_name}_scale"] == pytest.approx(solved.scale)
        if not place.layer.is_depthwise:
            rows = solved.steps.reshape(len(solved.steps), -1).astype(int)
            for sign in (1, -1):
                assert np.sort(np.maximum(sign * rows, 0), -1)[:, -2:].sum(-1).max() <= PAIR


@pytest.mark.parametrize("layer", ["stem", "depthwise", "point"])
def test_a_layer_left_in_float_is_float_in_onnx_runtime_too(tmp_path, layer):
    source = net(tmp_path / "float.onnx", damage=True)
    chosen = int8(float_layers=(FloatLayer(layer, "asked"),))
    path = quantized(source, chosen, tmp_path / "out")
    # Its optimizer rounds float weights between Q and DQ, unless it is kept from it.
    exact, run = outputs(path, optimized=False), outputs(path)
    assert sqnr_db(run, exact) > 35
    names = {node.name for node in onnx.load(path).graph.node}
    assert layer in names
    stored = constants(path)
    weight = {"stem": "w1", "depthwise": "w2", "point": "w3"}[layer]
    assert (stored[weight] == constants(source.model)[weight]).all()


def test_the_shield_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit.quantizers.onnx.shield", lambda *_: None)
    source = net(tmp_path / "float.onnx", damage=True)
    chosen = int8(float_layers=(FloatLayer("depthwise", "asked"),))
    path = quantized(source, chosen, tmp_path / "out")
    exact, run = outputs(path, optimized=False), outputs(path)
    if sqnr_db(run, exact) > 35:
        pytest.fail("ONNX Runtime leaves float layers alone now: quantizers/onnx_float.py can go")


def test_layers_are_ranked_by_what_they_cost(tmp_path):
    source = net(tmp_path / "float.onnx")
    observed = QUANTIZER.observe(source, FEEDS)
    coarse = int8(granularity="per-channel", rounding="nearest", correct_bias=False)
    ranked = QUANTIZER.rank(source, coarse, observed, FEEDS[:4])
    assert {cost.name for cost in ranked} == {"stem", "depthwise", "point", "head"}
    assert [c.sqnr_db for c in ranked] == sorted(c.sqnr_db for c in ranked)
    # Each alone is nearer to float than all together are.
    every = sqnr_db(
        outputs(quantized(source, coarse, tmp_path / "all"), optimized=False),
        outputs(source.model),
    )
    assert ranked[0].sqnr_db > every - 3
    left = replace(coarse, float_layers=(FloatLayer(ranked[0].name, "dearest"),))
    assert ranked[0].name not in {
        cost.name for cost in QUANTIZER.rank(source, left, observed, FEEDS[:2])
    }


@pytest.mark.parametrize("scheme", [DYNAMIC, WEIGHT_ONLY])
def test_schemes_without_calibration(tmp_path, scheme):
    source = net(tmp_path / "float.onnx")
    chosen = recipe(target("x86-vnni"), Format.ONNX, Precision.INT8, scheme)
    assert chosen is not None
    (tmp_path / "out").mkdir()
    QUANTIZER.quantize(source, chosen, None, tmp_path / "out")
    path = tmp_path / "out" / MODEL
    assert sqnr_db(outputs(path), outputs(source.model)) > 25
    kinds = {value.dtype for value in constants(path).values()}
    assert np.dtype(np.int8) in kinds


def test_weights_that_two_layers_share_become_each_ones_own(tmp_path):
    source = net(tmp_path / "float.onnx")
    model = onnx.load(source.model)
    twin = helper.make_node("Gemm", ["f", "w4", "b4"], ["y2"], "twin")
    total = helper.make_node("Add", ["y", "y2"], ["z"], "sum")
    model.graph.node.extend([twin, total])
    model.graph.output[0].name = "z"
    onnx.save(model, source.model)
    names = [place.weight_name for place in read_layers(onnx.load(source.model))]
    assert len(set(names)) == len(names) == 5
    path = quantized(source, int8(), tmp_path / "out")
    assert sqnr_db(outputs(path, optimized=False), outputs(source.model)) > 25


def test_what_readers_cut_off_is_known(tmp_path):
    assert bounds(onnx.load(net(tmp_path / "a.onnx").model))["c1"] == (0.0, 6.0)
    assert bounds(onnx.load(net(tmp_path / "b.onnx", "Relu").model))["c1"] == (0.0, np.inf)
    assert bounds(onnx.load(net(tmp_path / "c.onnx", "HardSwish").model))["c1"] == (-3.0, np.inf)
    low, high = bounds(onnx.load(net(tmp_path / "d.onnx", "HardSigmoid").model))["c1"]
    assert (low, high) == pytest.approx((-2.5, 2.5))
    assert "c1" not in bounds(onnx.load(net(tmp_path / "e.onnx", "Sigmoid").model))
    # A tensor that is an output too, or that another reads whole, is kept whole.
    model = onnx.load(net(tmp_path / "f.onnx", "Relu").model)
    model.graph.node.append(helper.make_node("Neg", ["c1"], ["n"], "other"))
    assert "c1" not in bounds(model)
    del model.graph.node[-1]
    model.graph.output.append(helper.make_tensor_value_info("c1", TensorProto.FLOAT, None))
    assert "c1" not in bounds(model)


def test_nan_in_a_layer_is_named(tmp_path):
    source = net(tmp_path / "float.onnx")
    model = onnx.load(source.model)
    (tensor,) = [t for t in model.graph.initializer if t.name == "w3"]
    broken = np.full((8, 16, 1, 1), np.nan, np.float32)
    tensor.CopyFrom(numpy_helper.from_array(broken, "w3"))
    onnx.save(model, source.model)
    with pytest.raises(DataError, match="'c3'"):
        QUANTIZER.observe(source, FEEDS)
