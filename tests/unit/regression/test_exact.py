"""What is compared exactly: the same never fails, worse than allowed always does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.records import Check, GatePlan, Limits, Outcome
from edgekit.regression.exact import SLACK_BYTES, exact_checks
from edgekit.wire import MemoryMark, Op, Samples
from tests import bench_results
from tests.bench_results import MIB

MEMORY = ("memory_load", "memory_steady", "memory_peak")
SIZES = st.integers(0, 2**40)
SHARES = st.floats(0.0, 0.5)


def plan(base_bytes: int = 3 * MIB, head_bytes: int = 3 * MIB, **limits: float) -> GatePlan:
    sides = [
        replace(leg, subject=replace(leg.subject, size_bytes=size))
        for leg, size in zip([bench_results.plan()] * 2, (base_bytes, head_bytes), strict=True)
    ]
    return GatePlan("toy/onnx-fp32", sides[0], sides[1], Limits(**limits))


def launch(own_bytes: int = 50 * MIB, ops: list[Op] | None = None, **fields: Any) -> Samples:
    """A process whose model takes that much, at loading, at its peak and for good."""
    before, after = 40 * MIB, 40 * MIB + own_bytes
    marks = [
        MemoryMark(phase, rss, peak, rss, 0, reset=True)
        for phase, rss, peak in [
            ("start", 30 * MIB, 30 * MIB), ("runtime", before, before), ("load", after, after),
            ("first", after, after), ("feeds", after, after), ("warm", after, after),
            ("steady", after, after),
        ]
    ]  # fmt: skip
    made = replace(bench_results.samples(count=3), memory=marks, **fields)
    return made if ops is None else replace(made, execution=ops)


def by_metric(*sides: Any, **kwargs: Any) -> dict[str, Check]:
    return {check.metric: check for check in exact_checks(*sides, **kwargs)}


def ops(int8: int, fp32: int) -> list[Op]:
    made = [Op(f"i{k}", "Conv", "int8", "CPU") for k in range(int8)]
    return made + [Op(f"f{k}", "Conv", "fp32", "CPU") for k in range(fp32)]


@given(st.lists(SIZES, min_size=1, max_size=4), SIZES, st.integers(0, 9), st.integers(0, 9))
def test_the_same_never_fails(own, size, int8, fp32):
    sides = [launch(each, ops(int8, fp32)) for each in own]
    strict = dict.fromkeys(("size_growth", "memory_growth", "ops_growth", "int8_drop"), 0.0)
    checks = exact_checks(plan(size, size, **strict), sides, sides)
    assert {check.outcome for check in checks} == {Outcome.PASS}


@given(
    st.lists(SIZES, min_size=1, max_size=4),
    st.lists(st.integers(1, 2**30), min_size=1, max_size=4),
    SHARES,
    st.randoms(use_true_random=False),
)
def test_memory_above_all_of_bases_and_the_allowance_fails(own, beyond, growth, draw):
    allowed = max(own) * (1.0 + growth) + SLACK_BYTES
    bases = [launch(each) for each in own]
    heads = [launch(int(allowed) + 1 + more) for more in beyond]
    made = plan(memory_growth=growth)
    found = by_metric(made, bases, heads)
    assert all(found[name].outcome is Outcome.FAIL for name in MEMORY)
    # One launch that is no worse shows that chance did it.
    lucky = by_metric(made, bases, [*heads, launch(max(own))])
    assert all(lucky[name].outcome is Outcome.PASS for name in MEMORY)
    # Whichever came first.
    draw.shuffle(bases)
    draw.shuffle(heads)
    assert by_metric(made, bases, heads) == found


@given(st.integers(1, 2**40), SHARES, st.integers(1, 2**30))
def test_a_larger_file_than_allowed_fails(size, growth, more):
    within = int(size * (1.0 + growth))
    for head, outcome in ((within, Outcome.PASS), (within + more, Outcome.FAIL)):
        check = by_metric(plan(size, head, size_growth=growth), [launch()], [launch()])[
            "file_size"
        ]
        assert check.outcome is outcome
        assert (check.base, check.head) == (size, head)


@pytest.mark.parametrize(
    ("base", "head", "outcome"),
    [((8, 2), (8, 2), "pass"), ((8, 2), (7, 3), "fail"), ((0, 10), (8, 2), "pass"),
     ((8, 2), (0, 10), "fail")],
)  # fmt: skip
def test_less_in_int8_fails(base, head, outcome):
    check = by_metric(plan(), [launch(ops=ops(*base))], [launch(ops=ops(*head))])["int8_share"]
    assert check.outcome == outcome
    assert (check.base, check.head) == (base[0] / 10, head[0] / 10)


@pytest.mark.parametrize(("more", "outcome"), [(SLACK_BYTES, "pass"), (SLACK_BYTES + 1, "fail")])
def test_a_mebibyte_more_is_nothing(more, outcome):
    checks = by_metric(plan(memory_growth=0.0), [launch()], [launch(50 * MIB + more)])
    assert {checks[name].outcome.value for name in MEMORY} == {outcome}


def test_more_operators_fail():
    found = by_metric(plan(), [launch(ops=ops(0, 50))], [launch(ops=ops(0, 52))])
    assert "int8_share" not in found
    assert found["ops"].outcome is Outcome.FAIL
    assert found["ops"].reason == "52 operators, 4.0 % more than base; 2 % more is allowed"


def test_a_reason_has_its_units():
    found = by_metric(plan(4000 * 1024, 4480 * 1024), [launch()], [launch(60 * MIB)])
    assert found["file_size"].reason == "4.4 MiB, 12.0 % more than base; 2 % more is allowed"
    assert found["memory_peak"].reason == (
        "60.0 MiB (one process), 20.0 % more than base; no process is below base's largest, "
        "50.0 MiB, with 2 % and 1 MiB more"
    )
    some = by_metric(
        plan(20480, 10240), [launch(), launch(60 * MIB)], [launch(), launch(80 * MIB)]
    )
    assert some["file_size"].reason == "10.0 KiB, 50.0 % less than base"
    assert some["memory_peak"].reason == (
        "65.0 MiB (median of 2 processes), 18.2 % more than base; but one process takes 50.0 MiB only"
    )


def test_what_a_side_does_not_tell_is_not_checked():
    silent = replace(launch(ops=[]), memory=[])
    assert set(by_metric(plan(), [launch()], [silent])) == {"file_size"}
    # What one of the launches doesn't tell would be a median of the others.
    part = [launch(), replace(launch(), memory=[])]
    assert set(by_metric(plan(), part, part)) == {"file_size", "int8_share", "ops"}
    # Only the first of the launches is profiled.
    rest = [launch(), launch(ops=[])]
    assert set(by_metric(plan(), rest, rest)) == {"file_size", *MEMORY, "int8_share", "ops"}
