"""Error feedback: the output changes less than by rounding each weight alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.quantization.rounding import error_feedback, nearest
from edgekit.quantization.scales import LARGEST, weight_scale
from tests.unit.quantization.arrays import conv


def moments(groups, terms, seed, rank=None):
    """Second moments of terms that go together, as those of neighbouring pixels do."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((groups, rank or terms, terms)) + 1.0
    values = random.standard_normal((groups, 4 * terms, rank or terms)) @ mixed
    return values.transpose(0, 2, 1) @ values / values.shape[1]


def output_error(rows, steps, scale, second):
    lost = rows - steps * scale
    return float(np.einsum("got,gts,gos->", lost, second, lost))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([(1, 6, 2), (1, 8, 70), (4, 4, 9), (1, 1, 130)]), st.integers(0, 2**16))
def test_the_output_changes_no_more_than_by_the_nearest_step(shape, seed):
    groups, per_group, terms = shape
    random = np.random.default_rng(seed)
    rows = random.standard_normal((groups, per_group, terms)).astype(np.float32)
    scale = np.abs(rows).max(-1, keepdims=True) / LARGEST
    second = moments(groups, terms, seed)
    fed_back = output_error(rows, error_feedback(rows, scale, second), scale, second)
    alone = output_error(rows, nearest(rows, scale), scale, second)
    # Not for each seed by itself: the update is greedy. But never worse by more than luck.
    assert fed_back <= 1.3 * alone


def test_it_is_several_times_less_where_terms_go_together():
    random = np.random.default_rng(1)
    rows = random.standard_normal((1, 16, 96)).astype(np.float32)
    scale = np.abs(rows).max(-1, keepdims=True) / LARGEST
    second = moments(1, 96, 1, rank=12)
    fed_back = output_error(rows, error_feedback(rows, scale, second), scale, second)
    assert fed_back < 0.2 * output_error(rows, nearest(rows, scale), scale, second)


@pytest.mark.parametrize("terms", [1, 9, 64, 65, 200])
def test_uncorrelated_terms_are_rounded_to_the_nearest(terms):
    random = np.random.default_rng(terms)
    rows = random.standard_normal((2, 3, terms)).astype(np.float32)
    scale = np.abs(rows).max(-1, keepdims=True) / LARGEST
    second = np.broadcast_to(np.eye(terms), (2, terms, terms))
    assert (error_feedback(rows, scale, second) == nearest(rows, scale)).all()


def test_the_largest_weight_stays_at_the_end_of_the_scale():
    layer = conv(6, 24, kernel=3)
    scale = weight_scale(layer, "max")
    steps = error_feedback(layer.rows, scale, moments(1, layer.rows.shape[-1], 3)).astype(int)
    assert (np.abs(steps).max(-1) == LARGEST).all()
    peaks = np.abs(layer.rows).argmax(-1)
    at = np.take_along_axis(steps, peaks[..., None], -1)
    assert (np.abs(at) == LARGEST).all()


def test_terms_that_never_moved_do_no_harm():
    rows = np.random.default_rng(0).standard_normal((1, 4, 8)).astype(np.float32)
    scale = np.abs(rows).max(-1, keepdims=True) / LARGEST
    steps = error_feedback(rows, scale, np.zeros((1, 8, 8)))
    assert np.abs(rows - steps * scale).max() <= scale.max() / 2 * 1.001
