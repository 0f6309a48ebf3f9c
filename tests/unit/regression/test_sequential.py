"""What launches say of head: on made launches of known truth, and on what no order may change."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.regression.sequential import ERROR, LOOKS, weigh

LIMIT = 0.03
MOST = 24
LOGS = st.lists(st.floats(-0.5, 0.5), min_size=LOOKS[0], max_size=40)


def _gate(draw: Callable[[], float]) -> str:
    logs: list[float] = []
    while len(logs) < MOST:
        logs.append(draw())
        if len(logs) in LOOKS or len(logs) == MOST:
            found = weigh(logs, LIMIT)
            if found.p_slower <= ERROR:
                return "fail"
            if found.p_within <= ERROR:
                return "pass"
    return "inconclusive"


def _share(outcome: str, truth: float, spread: float, wild: float) -> float:
    """How often a gate says `outcome`, of 400, where some launches are ten times as wild."""
    generator = random.Random(f"{truth} {spread} {wild}")

    def draw() -> float:
        more = 10.0 if generator.random() < wild else 1.0
        return generator.gauss(math.log(truth), spread * more)

    return sum(_gate(draw) == outcome for _ in range(400)) / 400


@pytest.mark.parametrize("wild", [0.0, 0.1])
@pytest.mark.parametrize("spread", [0.004, 0.02])
def test_at_the_limit_neither_error_is_larger_than_it_may_be(spread: float, wild: float) -> None:
    # Of 400 with a chance of 2.5 %, 5 % are more than three standard deviations off.
    assert _share("fail", 1.0 + LIMIT, spread, wild) <= 0.05
    assert _share("pass", 1.0 + LIMIT, spread, wild) <= 0.05


@pytest.mark.parametrize("wild", [0.0, 0.1])
def test_the_same_file_passes_and_never_fails(wild: float) -> None:
    assert _share("pass", 1.0, 0.01, wild) >= 0.97
    assert _share("fail", 1.0, 0.01, wild) == 0.0


@pytest.mark.parametrize("wild", [0.0, 0.1])
def test_five_per_cent_more_fail_and_never_pass(wild: float) -> None:
    assert _share("fail", 1.05, 0.01, wild) >= 0.95
    assert _share("pass", 1.05, 0.01, wild) == 0.0


@given(LOGS)
def test_the_interval_holds_the_ratio_and_is_where_the_look_decides(logs: list[float]) -> None:
    found = weigh(logs, LIMIT)
    assert found.interval is not None
    low, high = found.interval
    assert low <= found.ratio <= high
    if len(logs) == LOOKS[0]:  # later, an earlier look may have decided
        # Not at the edge itself, which rounding decides.
        if abs(low / (1 + LIMIT) - 1) > 1e-6:
            assert (low > 1 + LIMIT) == (found.p_slower <= ERROR)
        if abs(high / (1 + LIMIT) - 1) > 1e-6:
            assert (high < 1 + LIMIT) == (found.p_within <= ERROR)


@given(LOGS)
def test_the_other_way_round_it_is_the_inverse(logs: list[float]) -> None:
    one, other = weigh(logs, LIMIT), weigh([-log for log in logs], LIMIT)
    assert one.ratio == pytest.approx(1.0 / other.ratio)
    assert one.resolution == pytest.approx(other.resolution)


@given(LOGS, st.floats(-0.5, 0.5))
@settings(max_examples=50)
def test_evidence_is_never_taken_back(logs: list[float], another: float) -> None:
    # Only whole looks: at other counts nobody looked.
    whole = logs[: max(look for look in LOOKS if look <= len(logs))]
    before, after = weigh(whole, LIMIT), weigh([*whole, another], LIMIT)
    assert after.p_slower <= before.p_slower
    assert after.p_within <= before.p_within


@pytest.mark.parametrize("logs", [[0.5], [0.5, 0.5], [0.5, 0.5, 0.5]])
def test_few_launches_decide_nothing(logs: Sequence[float]) -> None:
    found = weigh(logs, LIMIT)
    assert found.interval is None
    assert found.resolution is None
    assert found.p_slower == found.p_within == 1.0
    assert found.ratio == pytest.approx(math.exp(0.5))


def test_equal_launches_are_certain() -> None:
    assert weigh([0.05] * 4, LIMIT).p_slower == 0.0
    assert weigh([0.0] * 4, LIMIT).p_within == 0.0


def test_from_eight_launches_on_a_wild_one_decides_nothing() -> None:
    logs = [0.001, -0.002, 0.002, 0.0, -0.001, 0.001, -0.4]
    assert weigh(logs, LIMIT).interval[0] < 0.8  # type: ignore[index]
    assert weigh([*logs, 0.0], LIMIT).interval[0] > 0.98  # type: ignore[index]
