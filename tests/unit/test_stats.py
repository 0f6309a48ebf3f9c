"""Order statistics against exact arithmetic."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import stats
from edgekit.stats import (
    binomial_quantile,
    interval,
    least_count,
    mean_interval,
    percentile,
    ratio,
    t_quantile,
)

SHARES = st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(19, 20), Fraction(99, 100)])


def _at_most(n: int, share: Fraction, k: int) -> Fraction:
    """P(Binomial(n, share) <= k), exactly."""
    return sum(
        (math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1)), Fraction(0)
    )


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.1, 1), (0.5, 5), (0.51, 6), (0.9, 9), (0.99, 10), (1.0, 10)]
)
def test_percentiles_are_by_nearest_rank(share: float, value: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # E. S. Pearson and H. O. Hartley, Biometrika Tables for Statisticians, table 12.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (10, 2.228), (30, 2.042)],
)
def test_students_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=0.0005)
    assert t_quantile(0.5, freedom) == pytest.approx(0.0, abs=1e-9)


def test_the_interval_of_a_mean() -> None:
    assert mean_interval([7.0]) is None
    assert mean_interval([7.0, 7.0]) == (7.0, 7.0)
    # Mean 5, standard deviation sqrt(2.5), 5 values: 2.776 x sqrt(2.5) / sqrt(5).
    assert mean_interval([3.0, 4.0, 5.0, 6.0, 7.0]) == pytest.approx((3.037, 6.963), abs=0.001)


def test_the_least_counts_of_the_usual_percentiles() -> None:
    counts = [least_count(share) for share in (0.5, 0.9, 0.95, 0.99, 0.999)]
    assert counts == [6, 36, 72, 368, 3688]


@given(SHARES)
def test_one_value_less_than_the_least_count_has_no_interval(share: Fraction) -> None:
    least = least_count(float(share))
    assert interval(range(least), float(share)) is not None
    assert interval(range(least - 1), float(share)) is None


@given(st.integers(1, 120), SHARES, st.sampled_from([0.025, 0.3, 0.5, 0.975]))
def test_binomial_quantiles_are_exact(n: int, share: Fraction, probability: float) -> None:
    k = binomial_quantile(n, float(share), probability)
    # Sums in floats may be off in the last digits.
    assert _at_most(n, share, k) >= Fraction(probability) - Fraction(1, 10**9)
    assert k == 0 or _at_most(n, share, k - 1) < Fraction(probability) + Fraction(1, 10**9)


@given(st.integers(6, 400), SHARES)
def test_intervals_cover_with_the_promised_probability(n: int, share: Fraction) -> None:
    found = interval(range(n), float(share))
    if found is None:
        return
    low, high = found
    # The quantile lies in [x_low, x_high) when at least low+1 and at most high values are below.
    coverage = _at_most(n, share, int(high)) - _at_most(n, share, int(low))
    assert coverage >= Fraction(95, 100) - Fraction(1, 10**9)


@given(st.lists(st.floats(0, 1e9), min_size=6, max_size=300), SHARES)
def test_an_interval_holds_its_percentile(values: list[float], share: Fraction) -> None:
    found = interval(values, float(share))
    if found is not None:
        assert found[0] <= percentile(values, float(share)) <= found[1]


@pytest.mark.parametrize(
    ("n", "share", "expected"),
    [
        (400, 0.5, (180, 221)),
        (400, 0.9, (348, 372)),
        (400, 0.99, (392, 400)),
        (1000, 0.99, (983, 997)),
    ],
)
def test_known_ranks(n: int, share: float, expected: tuple[int, int]) -> None:
    assert interval(range(1, n + 1), share) == expected


def test_a_million_values_are_no_trouble() -> None:
    assert interval(range(1_000_000), 0.5) == (499_019, 500_980)


LAUNCHES = st.lists(
    st.lists(st.tuples(st.floats(0.5, 2.0), st.floats(0.5, 2.0)), min_size=1, max_size=9),
    min_size=1,
    max_size=12,
)


def _sides(launches: list[list[tuple[float, float]]]) -> tuple[list[list[float]], ...]:
    return tuple([[pair[side] for pair in launch] for launch in launches] for side in (0, 1))


@given(LAUNCHES, st.floats(0.01, 100.0))
def test_a_ratio_lies_in_its_interval_and_has_no_unit(
    launches: list[list[tuple[float, float]]], unit: float
) -> None:
    over, under = _sides(launches)
    middle, found = ratio(over, under)
    assert (found is None) == (len(launches) < 6)
    if found:
        assert found[0] <= middle <= found[1]
    scaled = [[[value * unit for value in launch] for launch in side] for side in (over, under)]
    assert ratio(*scaled)[0] == pytest.approx(middle)
    assert ratio(under, over)[0] == pytest.approx(1 / middle)


def test_what_disturbs_both_of_a_pair_does_not_count() -> None:
    pace = [1.0, 1.3, 0.7, 9.0]
    launch = [100 * each for each in pace], [50 * each for each in pace]
    middle, found = ratio([launch[0]] * 9, [launch[1]] * 9)
    assert middle == pytest.approx(2.0)
    assert found == pytest.approx((2.0, 2.0))


def test_from_nine_launches_on_a_wild_one_does_not_move_the_interval() -> None:
    calm, wild = [[1.0]] * 8, [[50.0]]
    assert ratio([*calm, *wild], [[1.0]] * 9)[1] == pytest.approx((1.0, 1.0))
    assert ratio([*calm[:7], *wild], [[1.0]] * 8)[1] == pytest.approx((1.0, 50.0))


def _noisy(count: int, level: float, seed: int) -> list[float]:
    generator = random.Random(seed)
    return [level * math.exp(generator.gauss(0.0, 0.03)) for _ in range(count)]


@given(
    before=st.integers(12, 300), after=st.integers(12, 300), seed=st.integers(0, 99),
    ratio=st.sampled_from([0.5, 0.8, 1.3, 2.0]),
)  # fmt: skip
def test_a_step_is_found_where_it_is(before: int, after: int, seed: int, ratio: float) -> None:
    values = _noisy(before, 10.0, seed) + _noisy(after, 10.0 * ratio, seed + 100)
    found = stats.step(values)
    assert found is not None
    assert found[1] == pytest.approx(ratio, rel=0.1)
    if min(before, after) >= 30:
        assert abs(found[0] - before) <= 0.05 * len(values) + 1


@given(count=st.integers(1, 600), seed=st.integers(0, 99))
def test_noise_is_no_step_and_neither_is_a_burst(count: int, seed: int) -> None:
    values = _noisy(count, 10.0, seed)
    assert stats.step(values) is None
    burst = [*values[: count // 2], *[99.0] * (count // 30), *values[count // 2 :]]
    assert stats.step(burst) is None


def test_pooled_takes_the_launches_and_below_six_of_them_their_stretches() -> None:
    value, found = stats.pooled([[10.0 + k] * 50 for k in range(6)], 0.5)
    assert value == 12.0
    assert found == pytest.approx((6.805, 17.195), abs=0.01)
    # Ten stretches of 1 and ten of 2: standard deviation 0.513, t of 19 degrees of freedom 2.093.
    value, found = stats.pooled([[1.0] * 50 + [2.0] * 50], 0.5)
    assert value == 1.0
    assert found == pytest.approx((0.0, 2.1), abs=0.01)
    assert stats.pooled([[1.0, 2.0]], 0.5) == (1.0, None)


def test_the_interval_of_a_pool_holds_another_run_and_not_only_its_mean() -> None:
    generator = random.Random(0)
    hits = 0
    for _ in range(400):
        # Processes whose luck differs by 1 %; what one measures, by 0.1 %.
        medians = [generator.gauss(10.0, 0.1) for _ in range(7)]
        launches = [[generator.gauss(middle, 0.01) for _ in range(20)] for middle in medians]
        _, found = stats.pooled(launches[:6], 0.5)
        assert found is not None
        hits += found[0] <= medians[6] <= found[1]
    assert 0.92 <= hits / 400 <= 0.98


@given(st.lists(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=50), min_size=1, max_size=9))
def test_the_interval_of_a_pool_holds_its_value(launches: list[list[float]]) -> None:
    value, found = stats.pooled(launches, 0.5)
    assert found is None or found[0] <= value <= found[1]
