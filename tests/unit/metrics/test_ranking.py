"""Rank correlation against a plain reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.metrics.ranking import ranks, spearman

numbers = st.lists(st.integers(-5, 5), min_size=2, max_size=30)


def plain_ranks(values):
    """How many are less, and half of those that are equal and not itself."""
    return [
        sum(other < own for other in values) + (sum(other == own for other in values) - 1) / 2
        for own in values
    ]


@given(numbers)
def test_equal_numbers_share_the_mean_of_their_ranks(values):
    assert ranks(np.array(values)).tolist() == plain_ranks(values)


@given(st.data())
def test_it_is_pearsons_correlation_of_the_ranks(data):
    one = data.draw(numbers)
    other = data.draw(st.lists(st.integers(-5, 5), min_size=len(one), max_size=len(one)))
    found = spearman(np.array(one), np.array(other))
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
    else:
        expected = np.corrcoef(plain_ranks(one), plain_ranks(other))[0, 1]
        assert found == pytest.approx(expected, abs=1e-12)


def test_any_rising_function_leaves_the_order():
    values = np.random.default_rng(0).normal(size=50)
    assert spearman(values, np.exp(3 * values)) == pytest.approx(1.0)
    assert spearman(values, -values) == pytest.approx(-1.0)


def test_what_is_no_number_has_no_rank():
    broken = np.array([1.0, 2.0, np.nan, np.nan])
    assert spearman(broken, np.arange(4.0)) is None
    assert spearman(np.arange(4.0), broken) is None
