"""Scales of weights: no pair can saturate, and as little as possible is given up for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.quantization.rounding import nearest
from edgekit.quantization.scales import LARGEST, PAIR, bounds_pairs, fit_pairs, weight_scale
from tests.unit.quantization.arrays import conv, layers


def saturating_products(activations, weights):
    """Sums of pairs as vpmaddubsw makes them: u8 times s8, two added in a saturating int16."""
    products = activations.astype(np.int32) * weights.astype(np.int32)
    return np.clip(products[0::2] + products[1::2], -(2**15), 2**15 - 1)


def rounded(layer):
    scale = weight_scale(layer, "pairs")
    return fit_pairs(nearest(layer.rows, scale)), scale


@settings(deadline=None)
@given(layers, st.integers(0, 2**16))
def test_no_order_of_the_weights_saturates_whatever_the_activations_are(layer, seed):
    random = np.random.default_rng(seed)
    steps, _ = rounded(layer)
    for row in steps.reshape(-1, steps.shape[-1]):
        shuffled = random.permutation(row)[: len(row) // 2 * 2]
        count = len(shuffled)
        for activations in (np.full(count, 255), random.integers(0, 256, count)):
            exact = activations.astype(np.int32) * shuffled
            found = saturating_products(activations, shuffled)
            assert (found == exact[0::2] + exact[1::2]).all()


@settings(deadline=None)
@given(layers)
def test_the_bound_is_never_coarser_than_a_reduced_range_and_never_finer_than_the_whole(layer):
    pairs, whole = weight_scale(layer, "pairs"), weight_scale(layer, "max")
    half = whole * LARGEST / 63.5
    assert (pairs >= whole).all()
    assert (pairs <= half * (1 + 1e-6)).all()


@settings(deadline=None)
@given(layers)
def test_fitting_moves_weights_by_a_step_or_two_and_only_toward_zero(layer):
    scale = weight_scale(layer, "pairs")
    before = nearest(layer.rows, scale).astype(int)
    after = fit_pairs(nearest(layer.rows, scale)).astype(int)
    assert (np.abs(after) <= np.abs(before)).all()
    assert np.abs(after - before).max() <= 2


def test_weights_that_would_saturate_are_shown_to():
    layer = conv(4, 24)
    steps = nearest(layer.rows, weight_scale(layer, "max")).astype(int)
    top = np.sort(steps, axis=-1)[..., -2:].sum(axis=-1)
    assert (top > PAIR).any()  # else the tests above prove nothing


def test_depthwise_weights_and_single_terms_take_all_eight_bits():
    depthwise = conv(8, 8, kernel=3, groups=8)
    assert not bounds_pairs(depthwise, "pairs")
    assert (weight_scale(depthwise, "pairs") == weight_scale(depthwise, "max")).all()
    assert not bounds_pairs(conv(4, 1), "pairs")
    assert bounds_pairs(conv(8, 8, kernel=3, groups=2), "pairs")


@pytest.mark.parametrize("method", ["max", "pairs"])
def test_a_row_of_zeros_has_a_scale_too(method):
    layer = conv(3, 4)
    layer.weight[1] = 0
    scale = weight_scale(layer, method)
    assert np.isfinite(scale).all()
    assert (scale > 0).all()
    assert (nearest(layer.rows, scale)[0, 1] == 0).all()
