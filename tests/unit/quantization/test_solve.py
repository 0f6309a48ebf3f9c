"""Moments, bias correction and the weights that follow, against plain sums."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.quantization.layers import Layer, Window
from edgekit.quantization.moments import Moments
from edgekit.quantization.ranges import Ranges
from edgekit.quantization.recipe import recipe
from edgekit.quantization.scales import PAIR
from edgekit.quantization.solve import Observed, solve
from edgekit.quantization.target import target
from edgekit.records import Format, Precision
from tests.unit.quantization.arrays import conv

_FOUND = recipe(target("x86-avx2"), Format.ONNX, Precision.INT8)
assert _FOUND is not None
AVX2 = _FOUND


def convolved(layer, weight, x):
    """The plain sum over taps, stride and padding of a convolution."""
    (stride, _), (dilation, _) = layer.window.strides, layer.window.dilations
    padded = np.pad(x, ((0, 0), (0, 0), *layer.window.pads))
    kernel = weight.shape[-1]
    span = (kernel - 1) * dilation + 1
    size = (padded.shape[-1] - span) // stride + 1
    out = np.zeros((len(x), weight.shape[0], size, size))
    per_group = weight.shape[0] // layer.groups
    width = weight.shape[1]
    for o in range(weight.shape[0]):
        group = o // per_group
        for c in range(width):
            for i in range(kernel):
                for j in range(kernel):
                    rows = slice(i * dilation, i * dilation + stride * size, stride)
                    columns = slice(j * dilation, j * dilation + stride * size, stride)
                    taken = padded[:, group * width + c, rows, columns][:, :size, :size]
                    out[:, o] += weight[o, c, i, j] * taken
    return out


CASES = {
    "pointwise": conv(6, 4),
    "padded": conv(6, 4, kernel=3),
    "strided": replace(conv(6, 4, kernel=3), window=Window((2, 2), (1, 1), ((0, 1), (0, 1)))),
    "dilated": replace(conv(6, 4, kernel=3), window=Window((1, 1), (2, 2), ((2, 2), (2, 2)))),
    "grouped": conv(6, 4, kernel=3, groups=2),
    "depthwise": conv(4, 4, kernel=3, groups=4),
}


@pytest.mark.parametrize("layer", CASES.values(), ids=CASES)
def test_moments_predict_what_a_layer_gives(layer):
    inputs = [np.random.default_rng(i).random((1, 4, 9, 9), np.float32) for i in range(5)]
    moments = Moments([layer], len(inputs))
    for x in inputs:
        moments.add({"x": x})
    found = moments.by_layer()[layer.name]
    out = np.concatenate([convolved(layer, layer.weight, x) for x in inputs])
    rows = layer.rows.astype(np.float64)
    mean = np.einsum("got,gt->go", rows, found.mean).reshape(-1)
    square = np.einsum("got,gts,gos->go", rows, found.second, rows).reshape(-1)
    assert mean == pytest.approx(out.mean(axis=(0, 2, 3)), rel=1e-4, abs=1e-5)
    assert square == pytest.approx(np.square(out).mean(axis=(0, 2, 3)), rel=1e-4)


@pytest.mark.parametrize("rounding", ["nearest", "error-feedback"])
@pytest.mark.parametrize("layer", CASES.values(), ids=CASES)
def test_the_bias_takes_out_the_mean_error_of_the_weights(layer, rounding):
    inputs = [np.random.default_rng(i).random((1, 4, 9, 9), np.float32) for i in range(5)]
    moments = Moments([layer], len(inputs))
    for x in inputs:
        moments.add({"x": x})
    found = solve(layer, replace(AVX2, rounding=rounding), moments.by_layer()[layer.name])
    before = np.concatenate([convolved(layer, layer.weight, x) for x in inputs])
    after = np.concatenate([convolved(layer, found.weight, x) for x in inputs])
    moved = (before - after).mean(axis=(0, 2, 3)) + layer.bias
    assert found.bias == pytest.approx(moved, abs=1e-4)
    kept = solve(layer, replace(AVX2, correct_bias=False), moments.by_layer()[layer.name])
    assert (kept.bias == layer.bias).all()


def test_a_product_is_looked_at_by_its_last_axis():
    layer = Layer("linear", "x", np.ones((2, 3), np.float32), None)
    moments = Moments([layer], 1)
    moments.add({"x": np.arange(12, dtype=np.float32).reshape(1, 4, 3)})
    found = moments.by_layer()["linear"]
    assert found.mean[0] == pytest.approx([4.5, 5.5, 6.5])
    assert solve(layer, AVX2, found).bias is None


def test_many_positions_are_sampled_and_few_are_all_taken():
    layer = conv(2, 2)
    x = np.random.default_rng(0).random((1, 2, 80, 80), np.float32)
    moments = Moments([layer], 8)
    for _ in range(8):
        moments.add({"x": x})
    found = moments.by_layer()[layer.name]
    assert found.mean[0] == pytest.approx(x.mean(axis=(0, 2, 3)), abs=0.03)


def test_pairs_hold_after_error_feedback_too():
    layer = conv(16, 64)
    x = np.abs(np.random.default_rng(0).standard_normal((1, 64, 8, 8))).astype(np.float32)
    moments = Moments([layer], 1)
    moments.add({"x": x})
    steps = solve(layer, AVX2, moments.by_layer()[layer.name]).steps.reshape(16, -1).astype(int)
    for sign in (1, -1):
        assert np.sort(np.maximum(sign * steps, 0), -1)[:, -2:].sum(-1).max() <= PAIR


def test_recipes_that_share_a_step_share_its_work():
    layer = conv(4, 4)
    moments = Moments([layer], 1)
    moments.add({"x": np.ones((1, 4, 3, 3), np.float32)})
    observed = Observed([layer], Ranges(1), moments.by_layer())
    other = replace(AVX2, quantize_outputs=False, activation_type="int8")
    assert observed.solved(layer, AVX2) is observed.solved(layer, other)
    assert observed.solved(layer, replace(AVX2, weight_scale="max")) is not observed.solved(
        layer, AVX2
    )
