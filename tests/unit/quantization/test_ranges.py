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
def test_minmax_is_the_true_ends_over_all_inputs(batches):
    low, high = ranges(*batches).of("x", "minmax")
    assert low == min(map(min, batches))
    assert high == max(map(max, batches))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2).filter(lambda v: len(set(v)) > 1))
def test_mse_lies_inside_and_keeps_zero(values):
    found = ranges(values)
    low, high = found.of("x", "mse")
    least, most = found.of("x", "minmax")
    assert min(least, 0.0) <= low <= 0.0 <= high <= max(most, 0.0)


def test_mse_gives_up_an_outlier_for_all_the_others():
    values = np.concatenate([np.random.default_rng(0).standard_normal(60000), [30.0]])
    found = ranges(values)
    assert found.of("x", "minmax")[1] == 30.0
    assert found.of("x", "mse")[1] < 30.0


def test_what_the_reader_cuts_off_needs_no_step():
    found = ranges([-9.0, 14.0])
    assert found.of("x", "minmax", (0.0, 6.0)) == (0.0, 6.0)
    assert found.of("x", "minmax", (-3.0, np.inf)) == (-3.0, 14.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named(bad):
    with pytest.raises(DataError, match="'x' hold NaN or infinity"):
        ranges([1.0, bad])


def test_only_what_was_seen_is_there():
    found = ranges([1.0])
    assert "x" in found
    assert "y" not in found
    assert found.names() == ["x"]
