"""Several hypotheses at once."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edgekit.regression.family import holm

P = st.floats(0.0, 1.0)


def test_holms_own_steps() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    # 0.01 <= 0.05 / 4, 0.016 <= 0.05 / 3, 0.024 <= 0.05 / 2, 0.05 <= 0.05.
    assert holm([0.024, 0.01, 0.05, 0.016], 0.05) == [True] * 4


def test_none_is_none() -> None:
    assert holm([], 0.05) == []


@given(P)
def test_one_is_judged_by_itself(p: float) -> None:
    assert holm([p], 0.025) == [p <= 0.025]


@given(st.lists(P, min_size=1, max_size=8))
def test_it_is_between_no_correction_and_bonferronis(found: list[float]) -> None:
    rejected = holm(found, 0.05)
    for p, is_rejected in zip(found, rejected, strict=True):
        assert is_rejected <= (p <= 0.05)
        assert is_rejected >= (p <= 0.05 / len(found))


def test_any_wrong_rejection_is_as_rare_as_asked_for() -> None:
    generator = random.Random(1)
    wrong = sum(any(holm([generator.random() for _ in range(5)], 0.05)) for _ in range(4000))
    assert wrong / 4000 < 0.065  # three standard deviations above 5 %
