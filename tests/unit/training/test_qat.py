"""Rounding in the loop: what comes out lies on the steps that quantizers find by themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgekit.models import network
from edgekit.models.fusion import sqnr
from edgekit.quantization import scales
from edgekit.quantization.layers import Layer
from edgekit.records import ModelRequest
from edgekit.training.qat import Rounded, Seen, weight_scale

RULES = ["max", "pairs"]


def layer_of(part, name=""):
    return Layer(name, "x", part.weight.detach().numpy(), None, getattr(part, "groups", 1))


def nothing(_):
    pass


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), outputs=st.integers(1, 5), inputs=st.integers(2, 9))
def test_scales_are_those_of_quantization_and_rounding_twice_changes_nothing(
    rule, seed, outputs, inputs
):
    values = np.random.default_rng(seed).normal(size=(outputs, inputs, 1, 1)).astype(np.float32)
    weight = torch.from_numpy(values)
    expected = scales.weight_scale(Layer("", "x", values, None), rule).reshape(-1)
    np.testing.assert_allclose(weight_scale(weight, pairs=rule == "pairs"), expected, rtol=1e-6)
    once = Rounded(pairs=rule == "pairs")(weight)
    again = scales.weight_scale(Layer("", "x", once.numpy(), None), rule).reshape(-1)
    steps = once.numpy() / again.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["toy", "toy-rep"])
def test_weights_lie_on_their_steps_and_the_file_is_a_plain_network(session, tmp_path, name, rule):
    first = session(name, epochs=25, lr=1e-2)
    before = first.finish(*first.train(tmp_path, nothing), tmp_path)
    start = tmp_path / before.file
    second = session(name, "qat", weights=str(start), weight_scale=rule, epochs=4)
    (tmp_path / "qat").mkdir()
    result = second.finish(*second.train(tmp_path / "qat", nothing), tmp_path / "qat")
    assert result.score.value == 1.0
    assert result.weights.trained.weight_scale == rule
    request = ModelRequest(name, weights=str(tmp_path / "qat" / result.file))
    module = network.build(request, "toy", name).module
    checked = 0
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            found = scales.weight_scale(layer_of(part), rule)
            steps = layer_of(part).rows / found
            np.testing.assert_allclose(steps, np.round(steps), atol=2e-3)
            checked += 1
    assert checked >= 5
    # More training of the file goes on from the folded network.
    third = session(name, "qat", weights=str(tmp_path / "qat" / result.file), weight_scale=rule)
    assert third._net.folded


def test_inputs_are_rounded_to_what_was_seen_and_gradients_go_through():
    seen = Seen()
    values = torch.linspace(-1, 3, 101, requires_grad=True)
    (rounded,) = seen.before(nn.Identity(), (values,))
    rounded.sum().backward()
    step = 4 / 255
    assert float((rounded - values).detach().abs().max()) <= step / 2 + 1e-6
    assert torch.equal(values.grad, torch.ones(101))
    assert float(rounded.detach()[torch.argmin(values.detach().abs())].abs()) < step
    seen.eval()
    (clipped,) = seen.before(nn.Identity(), (torch.tensor([100.0, -100.0]),))
    assert clipped.tolist() == pytest.approx([3.0, -1.0], abs=step)
    assert float(seen.high) == 3.0


def test_training_under_rounding_is_close_to_float(session, tmp_path):
    first = session(epochs=25, lr=1e-2)
    before = first.finish(*first.train(tmp_path, nothing), tmp_path)
    float_net = network.build(
        ModelRequest("toy", weights=str(tmp_path / before.file)), "toy", "toy"
    ).module
    second = session("toy", "qat", weights=str(tmp_path / before.file), epochs=2)
    (tmp_path / "qat").mkdir()
    second.finish(*second.train(tmp_path / "qat", nothing), tmp_path / "qat")
    rounded = network.build(
        ModelRequest("toy", weights=str(tmp_path / "qat" / "model.safetensors")), "toy", "toy"
    ).module
    images = torch.randn(8, 3, 16, 16)
    assert 10 < sqnr(float_net(images), rounded(images)) < 80
