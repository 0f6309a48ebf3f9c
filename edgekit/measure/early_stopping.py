"""When the slow inferences of a run are few enough to say that a percentile holds.

MLPerf's rule (`loadgen/early_stopping.cc`, and the appendix of its inference rules): of n
inferences t were slower than the bound; the percentile p holds with confidence c where
I(p; n - t, t + 1) <= 1 - c, with the regularized incomplete beta function. That is the chance of
t or fewer slow ones among n if exactly a share p were fast enough: a binomial's tail.
"""

from __future__ import annotations

import math

CONFIDENCE = 0.99


def chance(count: int, over: int, share: float) -> float:
    """Chance that `over` or fewer of `count` are slow, where each is fast with chance `share`.

    Args:
        count: Inferences.
        over: Slow ones among them.
        share: The percentile, as a share between 0 and 1.
    """
    if over >= count:
        return 1.0
    fast, slow = math.log(share), math.log1p(-share)
    every = math.lgamma(count + 1)
    terms = (
        math.exp(
            every - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * slow + (count - k) * fast
        )
        for k in range(over + 1)
    )
    return min(1.0, math.fsum(terms))


def holds(count: int, over: int, share: float) -> bool:
    """Whether so few slow ones show that the percentile holds."""
    return chance(count, over, share) <= 1.0 - CONFIDENCE


def least_count(over: int, share: float) -> int:
    """The fewest inferences of which `over` may be slow: 662 for one and the 99th percentile."""
    low, high = over, max(1, 2 * over)
    while not holds(high, over, share):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle, over, share):
            high = middle
        else:
            low = middle
    return high
