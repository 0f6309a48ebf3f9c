"""What the LiteRT quantizer reads, writes and measures, on files made here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.errors import DataError, UsageError
from edgekit.quantization.moments import _windows
from edgekit.quantization.recipe import recipe
from edgekit.quantization.target import target
from edgekit.quantizers.litert import MODEL, QUANTIZER
from edgekit.quantizers.litert_layers import Runner, activations, as_read, read_layers, read_model
from edgekit.records import FloatLayer, Format, Precision, Recipe
from tests.unit.quantizers.litert_files import FLOAT16, INT32, KINDS, File

# The library's own interpreter, by which it looks whether ranges are missing.
pytestmark = pytest.mark.filterwarnings("ignore:.*preserve_all_tensors")


def int8() -> Recipe:
    found = recipe(target("x86-avx2"), Format.LITERT, Precision.INT8)
    assert found is not None
    return found


RECIPE = int8()
FREE_OF_DATA = ["w8-dynamic", "w8-weightonly"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def small(path, names=("first", "second", "logits"), **kept):
    """A convolution with ReLU6, a depthwise one, and a product; 8x8x3 in, 5 out."""
    made = File((1, 8, 8, 3), **kept)
    weights = [normal(6, 3, 3, 3), normal(1, 3, 3, 6), normal(5, 6 * 4 * 4)]
    biases = [normal(6), normal(6), normal(5)]
    w = [made.constant(f"w{n}", values) for n, values in enumerate(weights)]
    b = [made.constant(f"b{n}", values) for n, values in enumerate(biases)]
    a = made.conv(made.input, w[0], b[0], name=names[0], stride=2, relu6=True)
    a = made.conv(a, w[1], b[1], name=names[1], depthwise=True)
    return made.save(path, made.dense(a, w[2], b[2], name=names[2]))


def images(count=4, batch=1, name="args_0"):
    return [{name: normal(batch, 8, 8, 3, seed=seed)} for seed in range(count)]


def artifact(path):
    return SimpleNamespace(model=path)


def quantized(path, found=RECIPE, feeds=None):
    """The interpreter of the quantized file, and what calibration showed."""
    observed = QUANTIZER.observe(artifact(path), images() if feeds is None else feeds)
    needs = None if found.scheme in FREE_OF_DATA else observed
    roles = QUANTIZER.quantize(artifact(path), found, needs, path.parent)
    assert roles == {MODEL: "model"}
    interpreter = Interpreter(model_path=str(path.parent / MODEL))
    interpreter.allocate_tensors()
    return interpreter, observed


def tensors(interpreter):
    return {one["name"]: one for one in interpreter.get_tensor_details()}


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.integers(7, 10),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    same=st.booleans(),
    shape=st.sampled_from(["plain", "grouped", "depthwise", "multiplied"]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_convolution_is_read_as_litert_computes_it(
    tmp_path, kernel, size, stride, dilation, same, shape
):
    dilation = 1 if stride > 1 else dilation  # LiteRT has not both
    depthwise = shape in {"depthwise", "multiplied"}
    outputs = 8 if shape == "multiplied" else 4
    stored = (1, *kernel, outputs) if depthwise else (4, *kernel, 2 if shape == "grouped" else 4)
    made = File((1, size, size + 1, 4))
    w = made.constant("w", normal(*stored))
    y = made.conv(
        made.input, w, name="y",
        depthwise=depthwise, stride=stride, dilation=dilation, same=same,
    )  # fmt: skip
    model = read_model(made.save(tmp_path / "m.tflite", y))
    (place,) = read_layers(model)
    (values,) = activations(model, [{"args_0": normal(1, size, size + 1, 4)}])
    layer = place.layer
    assert layer.window is not None
    views = _windows(as_read([place], values)[layer.input], layer.weight.shape[2:], layer.window)
    _, channels, height, width = views.shape[:4]
    grouped = views.reshape(layer.groups, channels // layer.groups, height, width, *kernel)
    weights = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:])
    ours = np.einsum("gchwyx,gocyx->hwgo", grouped, weights).reshape(1, height, width, -1)
    assert np.allclose(ours, values["y"], atol=1e-4)
    assert layer.name == "y"
    assert layer.is_depthwise == depthwise


@pytest.mark.parametrize("rounding", ["nearest", "error-feedback"])
def test_the_file_holds_the_solved_steps_and_scales(tmp_path, rounding):
    found = replace(RECIPE, rounding=rounding)
    interpreter, observed = quantized(small(tmp_path / "m.tflite"), found)
    written = tensors(interpreter)
    assert [layer.name for layer in observed.layers] == ["first", "second", "logits"]
    for n, layer in enumerate(observed.layers):
        solved = observed.solved(layer, found)
        steps = interpreter.get_tensor(written[f"w{n}"]["index"])
        turned = {0: (0, 3, 1, 2), 1: (3, 0, 1, 2), 2: (0, 1)}[n]
        assert steps.dtype == np.int8
        assert np.array_equal(steps.transpose(turned), solved.steps)
        scales = written[f"w{n}"]["quantization_parameters"]["scales"]
        assert np.allclose(scales, solved.scale, rtol=1e-6)
        bias = written[f"b{n}"]
        unit = bias["quantization_parameters"]["scales"]
        assert np.allclose(
            interpreter.get_tensor(bias["index"]) * unit, solved.bias, atol=unit.max()
        )


@pytest.mark.parametrize("scheme", ["w8a8-static", *FREE_OF_DATA])
def test_the_ends_stay_float_and_the_result_close(tmp_path, scheme):
    path = small(tmp_path / "m.tflite")
    interpreter, _ = quantized(path, replace(RECIPE, scheme=scheme))
    for end in (*interpreter.get_input_details(), *interpreter.get_output_details()):
        assert end["dtype"] == np.float32
    weights = [one for name, one in tensors(interpreter).items() if name.startswith("w")]
    assert np.int8 in {one["dtype"] for one in weights}
    exact, close = Runner(path.read_bytes()), Runner((tmp_path / MODEL).read_bytes())
    for feed in images():
        (expected,), (found,) = exact.run(feed), close.run(feed)
        assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_what_the_recipe_leaves_in_float_stays_there_alone(tmp_path):
    # Names as converters give them: one begins another, and both hold signs of regular expressions.
    path = small(tmp_path / "m.tflite", names=("a.b(c)+;", "a.b(c)+;;1", "logits"))
    left = replace(RECIPE, float_layers=(FloatLayer("a.b(c)+;", "costs most"),))
    written = tensors(quantized(path, left)[0])
    assert [written[f"w{n}"]["dtype"] for n in range(3)] == [np.float32, np.int8, np.int8]
    kinds = replace(
        RECIPE, float_kinds=(FloatLayer("DEPTHWISE_CONV_2D", ""), FloatLayer("NEW", ""))
    )
    interpreter, _ = quantized(path, kinds)
    written = tensors(interpreter)
    assert [written[f"w{n}"]["dtype"] for n in range(3)] == [np.int8, np.float32, np.int8]
    assert np.array_equal(interpreter.get_tensor(written["w1"]["index"]), normal(1, 3, 3, 6))


def test_a_dead_channel_keeps_its_bias(tmp_path):
    weights = normal(4, 1, 1, 3)
    weights[1] = 1e-20
    made = File((1, 8, 8, 3))
    w, b = made.constant("w", weights), made.constant("b", np.full(4, 2.0))
    path = made.save(tmp_path / "m.tflite", made.conv(made.input, w, b, name="y"))
    feeds = images()
    quantized(path, feeds=feeds)
    (found,) = Runner((tmp_path / MODEL).read_bytes()).run(feeds[0])
    assert np.abs(found[..., 1] - 2.0).max() < 0.05


def test_edges_of_minus_infinity_are_no_part_of_a_range(tmp_path):
    made = File((1, 8, 8, 3))
    w, b = made.constant("w", normal(4, 3, 3, 3)), made.constant("b", normal(4))
    a = made.conv(made.input, w, b, name="a")  # below zero as well: no edge of zeros would do
    sides = made.tensor(
        "sides", (4, 2), np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32), INT32
    )
    edge = made.constant("edge", np.full((), -np.inf))
    wider = made.add(KINDS.PADV2, [a, sides, edge], "wider", (1, 10, 10, 4))
    window = schema.Pool2DOptionsT()
    window.filterHeight = window.filterWidth = 3
    window.strideH = window.strideW = 2
    window.padding = 1  # none
    kind = KINDS.MAX_POOL_2D
    path = made.save(tmp_path / "m.tflite", made.add(kind, [wider], "y", (1, 4, 4, 4), window))
    feeds = images()
    quantized(path, feeds=feeds)
    exact, close = Runner(path.read_bytes()), Runner((tmp_path / MODEL).read_bytes())
    for feed in feeds:
        (expected,), (found,) = exact.run(feed), close.run(feed)
        assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


def test_weights_that_two_layers_share_become_each_ones_own(tmp_path):
    made = File((1, 8, 8, 3))
    w, b = made.constant("w", normal(3, 1, 1, 3)), made.constant("b", normal(3))
    a = made.conv(made.input, w, b, name="a", relu6=True)
    path = made.save(tmp_path / "m.tflite", made.conv(a, w, b, name="y"))
    interpreter, observed = quantized(path)
    weights = [
        interpreter.get_tensor(one["index"]).transpose(0, 3, 1, 2)
        for one in tensors(interpreter).values()
        if one["dtype"] == np.int8 and list(one["shape"]) == [3, 1, 1, 3]
    ]
    assert len(weights) == 2
    for layer in observed.layers:
        solved = observed.solved(layer, RECIPE).steps
        assert any(np.array_equal(one, solved) for one in weights)


def test_one_tensor_read_as_maps_and_as_rows(tmp_path):
    made = File((1, 4, 4, 3))
    w, v = made.constant("w", normal(3, 3, 3, 3)), made.constant("v", normal(2, 48))
    ends = made.conv(made.input, w, name="y"), made.dense(made.input, v, name="z")
    path = made.save(tmp_path / "m.tflite", *ends)
    _, observed = quantized(path, feeds=[{"args_0": normal(1, 4, 4, 3)}])
    assert {layer.weight.shape for layer in observed.layers} == {(3, 3, 3, 3), (2, 48)}


def test_names_that_are_not_unique_and_no_signature(tmp_path):
    made = File((1, 8, 8, 3))
    w, v = made.constant("w", normal(3, 1, 1, 3)), made.constant("w", normal(3, 1, 1, 3, seed=1))
    a = made.conv(made.input, w, made.constant("b", normal(3)), name="y")
    y = made.conv(a, v, made.constant("b", normal(3)), name="y")
    path = made.save(tmp_path / "m.tflite", y, signature=False)
    feeds = images(name="x")
    _, observed = quantized(path, feeds=feeds)
    assert len({layer.name for layer in observed.layers}) == 2
    costs = QUANTIZER.rank(artifact(path), RECIPE, observed, feeds)
    assert {cost.name for cost in costs} == {layer.name for layer in observed.layers}


def test_a_free_batch_is_fed_as_it_comes(tmp_path):
    made = File((1, 8, 8, 3), batch_is_free=True)
    w = made.constant("w", normal(3, 3, 3, 3))
    path = made.save(tmp_path / "m.tflite", made.conv(made.input, w, name="y"))
    feeds = [*images(2), *images(2, batch=3)]
    quantized(path, feeds=feeds)
    runner = Runner((tmp_path / MODEL).read_bytes())
    assert [runner.run(feed)[0].shape[0] for feed in feeds] == [1, 1, 3, 3]


def test_a_file_without_layers_passes(tmp_path):
    made = File((1, 8, 8, 3))
    path = made.save(tmp_path / "m.tflite", made.add(KINDS.RELU, [made.input], "y", (1, 8, 8, 3)))
    _, observed = quantized(path)
    assert observed.layers == ()
    assert QUANTIZER.rank(artifact(path), RECIPE, observed, images()) == ()


def test_the_layer_that_costs_most_comes_first(tmp_path):
    made = File((1, 8, 8, 3))
    coarse = normal(3, 1, 1, 3)
    coarse[:, 0, 0, 0] = 100  # one weight takes nearly all steps, and reads next to nothing
    fine = made.conv(made.input, made.constant("w", normal(3, 1, 1, 3)), name="fine")
    y = made.conv(fine, made.constant("v", coarse), name="coarse")
    path = made.save(tmp_path / "m.tflite", y)
    feeds = images()
    found = replace(RECIPE, rounding="nearest")
    _, observed = quantized(path, found, feeds)
    for layer in observed.layers:
        left = tuple(FloatLayer(o.name, "") for o in observed.layers if o.name != layer.name)
        QUANTIZER.quantize(artifact(path), replace(found, float_layers=left), observed, tmp_path)
        exact, alone = Runner(path.read_bytes()), Runner((tmp_path / MODEL).read_bytes())
        pairs = [(exact.run(feed)[0], alone.run(feed)[0]) for feed in feeds]
        signal = sum(float(np.square(a).sum()) for a, _ in pairs)
        noise = sum(float(np.square(a - b).sum()) for a, b in pairs)
        costs = {c.name: c.sqnr_db for c in QUANTIZER.rank(artifact(path), found, observed, feeds)}
        assert costs[layer.name] == pytest.approx(10 * np.log10(signal / noise), abs=1e-3)
        assert list(costs.values()) == sorted(costs.values())
    kept = replace(found, float_layers=(FloatLayer("fine", ""),))
    assert [c.name for c in QUANTIZER.rank(artifact(path), kept, observed, feeds)] == ["coarse"]


def test_numbers_that_are_none_name_their_tensor(tmp_path):
    feeds = images(1)
    feeds[0]["args_0"][0, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="'x'"):
        QUANTIZER.observe(artifact(small(tmp_path / "m.tflite")), feeds)


def test_a_file_that_is_quantized_already_is_refused(tmp_path):
    path = small(tmp_path / "m.tflite")
    quantized(path)
    with pytest.raises(UsageError, match="already"):
        QUANTIZER.observe(artifact(tmp_path / MODEL), images())
    made = File((1, 8, 8, 3))
    made.tensor("w", (2,), np.zeros(2, np.float16), FLOAT16)
    y = made.add(KINDS.RELU, [made.input], "y", (1, 8, 8, 3))
    with pytest.raises(UsageError, match="float16"):
        QUANTIZER.observe(artifact(made.save(path, y)), images())
