"""The search for the fewest layers in float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.workflows.guard import fewest


@given(st.integers(0, 300), st.integers(0, 300))
def test_it_finds_the_least_that_passes(most, least):
    asked = []

    def passes(count):
        asked.append(count)
        return count >= least

    assert fewest(most, passes) == (least if least <= most else None)
    assert all(0 <= count <= most for count in asked)
    assert len(set(asked)) <= 2 * max(most, 1).bit_length() + 2


@pytest.mark.parametrize("most", [0, 1, 7])
def test_it_says_so_where_none_passes(most):
    assert fewest(most, lambda _: False) is None
