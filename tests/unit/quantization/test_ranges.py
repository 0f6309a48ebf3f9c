"""Ranges of activations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.quantization.ranges import Ranges


def ranges(*batches):
    found = Ranges(len(batches))
    for values in batches:
        found.add("x", np.asarray(values, np.float32))
    return found


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1), min_size=1, max_size=5))
def test_minmax_holds_the_true_ends_over_all_inputs_and_hardly_more(batches):
    low, high = ranges(*batches).of("x", "minmax")
    least, largest = min(map(min, batches)), max(map(max, batches))
    rounding = 1e-12 * (largest - least)
    assert low <= least + rounding
    assert high >= largest - rounding
    if not least < 0 < largest:
        assert (low, high) == (least, largest)


@given(st.floats(-100, -0.1), st.floats(0.1, 100))
def test_zero_falls_on_a_step_so_that_no_end_is_clipped(least, largest):
    found = ranges([least, largest])
    low, high = found.of("x", "minmax")
    step = (high - low) / 255
    assert -low / step == pytest.approx(round(-low / step), abs=1e-6)
    # The price is a step at most, unless one side has hardly any.
    share = min(-least, largest) / (largest - least)
    if share > 0.02:
        assert step <= (np.float32(largest) - np.float32(least)) / 255 * 1.11


def test_a_white_background_is_represented_exactly():
    low, high = ranges([-1.0, 1.0]).of("x", "minmax")
    scale = (high - low) / 255
    zero = round(-low / scale)
    assert (255 - zero) * scale == pytest.approx(1.0) or -zero * scale == pytest.approx(-1.0)
    for end in (-1.0, 1.0):
        assert 0 <= round(end / scale) + zero <= 255


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2).filter(lambda v: len(set(v)) > 1))
def test_mse_lies_inside_and_keeps_zero(values):
    found = ranges(values)
    low, high = found.of("x", "mse")
    least, most = found.of("x", "minmax")
    slack = (most - least) / 255
    assert min(least, 0.0) - slack <= low <= 0.0 <= high <= max(most, 0.0) + slack


def test_mse_gives_up_an_outlier_for_all_the_others():
    values = np.concatenate([np.random.default_rng(0).standard_normal(60000), [30.0]])
    found = ranges(values)
    assert found.of("x", "minmax")[1] >= 30.0
    assert found.of("x", "mse")[1] < 30.0


def test_what_the_reader_cuts_off_needs_no_step():
    found = ranges([-9.0, 14.0])
    assert found.of("x", "minmax", (0.0, 6.0)) == (0.0, 6.0)
    low, high = found.of("x", "minmax", (-3.0, np.inf))
    assert -3.1 < low <= -3.0
    assert 14.0 <= high < 14.2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named(bad):
    with pytest.raises(DataError, match="'x' hold NaN or infinity"):
        ranges([1.0, bad])


def test_only_what_was_seen_is_there():
    found = ranges([1.0])
    assert "x" in found
    assert "y" not in found
    assert found.names() == ["x"]
