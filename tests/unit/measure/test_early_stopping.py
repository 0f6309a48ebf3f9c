"""MLPerf's rule for percentiles, against exact arithmetic and against its published minima."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.early_stopping import chance, holds, least_count

SHARES = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("share", "counts"),
    [
        (0.5, [11, 14, 22, 35]),
        (0.9, [64, 81, 127, 197]),
        (0.95, [130, 165, 259, 398]),
        (0.99, [662, 838, 1307, 2010]),
        (0.999, [6636, 8403, 13105, 20140]),
    ],
)
def test_the_minima_are_those_of_mlperf(share: float, counts: list[int]) -> None:
    assert [least_count(over, share) for over in (1, 2, 5, 10)] == counts


@given(count=st.integers(1, 400), over=st.integers(0, 40), share=SHARES)
def test_the_chance_is_the_binomial_tail(count: int, over: int, share: float) -> None:
    fast = Fraction(share)
    exact = sum(
        math.comb(count, k) * (1 - fast) ** k * fast ** (count - k)
        for k in range(min(over, count) + 1)
    )
    assert chance(count, over, share) == pytest.approx(float(exact), rel=1e-9)


@given(over=st.integers(0, 30), share=SHARES)
def test_the_least_count_is_the_least(over: int, share: float) -> None:
    count = least_count(over, share)
    assert holds(count, over, share)
    assert not holds(count - 1, over, share)
