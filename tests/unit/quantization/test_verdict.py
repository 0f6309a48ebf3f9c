"""The verdict, on facts that are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantization.facts import WORTH, Measured, Setting, wrong
from edgekit.quantization.target import NAMED
from edgekit.quantization.verdict import AS_FAST, judge
from edgekit.records import Fallback, Format, Int8Share, Precision, Ship, ShipVerdict
from edgekit.reports import verdict as report
from edgekit.wire import Closeness

FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
SETTING = Setting("net", Format.LITERT, "litert", 1, 1, NAMED["x86-avx2"])
RIGHT = Closeness(60, 1.0, 30.0, 0.1, 5.0, finite=True)
SIZES = {FP32: 1000, FP16: 500, INT8: 260}
SPEEDS = st.lists(st.floats(0.3, 3.0), min_size=9, max_size=9)


def _measured(
    precision: Precision, *speeds: float, closeness: Closeness | None = RIGHT
) -> Measured:
    """A precision that is so many times as fast as float32 in each of nine launches."""
    each = speeds * 9 if len(speeds) == 1 else speeds
    launches = tuple((1e6 / speed,) * 3 for speed in each)
    return Measured(precision, launches, SIZES[precision], closeness)


def _judge(*others: Measured, setting: Setting = SETTING, required: float = 0.9) -> ShipVerdict:
    return judge([_measured(FP32, 1.0), *others], setting, required)


def _noisy(middle: float, spread: float) -> list[float]:
    return [middle + spread * step / 4 for step in range(-4, 5)]


@pytest.mark.parametrize(
    ("int8", "fp16", "choice", "word"),
    [
        ([1.5], [1.0], Ship.INT8, "int8 runs at 1.50 times float32's speed (1.50-1.50), at 26 %"),
        ([1.5], [2.0], Ship.FP16, "fp16 runs at 2.00 times"),
        ([1.5], [1.6], Ship.FP16, "which is not the fastest"),
        (
            [0.78],
            [0.9],
            Ship.FP32,
            "no VNNI: litert's int8 kernels are slower than its float ones",
        ),
        ([0.78], [1.0], Ship.FP16, "fp16 is as fast as float32 (1.00-1.00), at 50 % of the size"),
        ([0.78], [0.9], Ship.FP32, "no float16 arithmetic"),
        ([0.78], _noisy(1.0, 0.2), Ship.TOO_CLOSE, "fp16 is within noise"),
        (_noisy(1.0, 0.05), [0.9], Ship.TOO_CLOSE, "int8 is within noise of float32: 0.96-1.04"),
        (_noisy(1.02, 0.01), [0.9], Ship.FP32, "int8 gains too little to be worth it: 1.02"),
        (_noisy(1.05, 0.04), [1.0], Ship.TOO_CLOSE, "int8 may gain too little to be worth it"),
        ([0.78], _noisy(1.01, 0.005), Ship.FP16, "fp16 is as fast as float32 (1.01-1.01)"),
        (_noisy(1.02, 0.01), [1.2], Ship.FP16, "fp16 runs at 1.20"),
    ],
)
def test_the_rules(int8: list[float], fp16: list[float], choice: Ship, word: str) -> None:
    found = _judge(_measured(INT8, *int8), _measured(FP16, *fp16))
    assert found.choice is choice
    assert any(word in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"closeness": None}, "unmeasured"),
        ({"closeness": replace(RIGHT, images=4)}, "unmeasured"),
        ({"closeness": replace(RIGHT, agreement=0.71)}, "agreement 0.71"),
        ({"closeness": replace(RIGHT, finite=False)}, "NaN"),
        ({"fault": "golden sample: SQNR 3.0 dB is below 5 dB"}, "3.0 dB"),
    ],
)
def test_int8_that_is_not_known_to_be_right_is_not_shipped(
    change: dict[str, Any], word: str
) -> None:
    found = _judge(replace(_measured(INT8, 4.0), **change), _measured(FP16, 1.0))
    assert found.choice is Ship.FP16
    assert any(word in reason for reason in found.reasons), found.reasons
    assert any("but is not right" in reason for reason in found.reasons)


def test_one_of_few_samples_may_differ_and_of_many_what_is_required() -> None:
    six = _measured(INT8, 2.0, closeness=replace(RIGHT, images=6, agreement=5 / 6))
    assert wrong(six, 0.95) == ""
    four = replace(six, closeness=replace(RIGHT, images=6, agreement=4 / 6))
    assert "below the bound of 0.95" in wrong(four, 0.95)
    assert _judge(six).choice is Ship.INT8
    many = _measured(INT8, 2.0, closeness=replace(RIGHT, images=200, agreement=0.93))
    assert wrong(many, 0.9) == ""
    assert "agreement 0.93" in wrong(many, 0.99)


def test_what_fell_back_and_what_converts_is_told() -> None:
    share = Int8Share(40, 45, 0.5, 0.2, (Fallback("Softmax", "fp32", 5, 0.3),))
    found = _judge(replace(_measured(INT8, 0.9), int8=share))
    assert "5 of 45 operators of the int8 file fell back to float: Softmax x5 (30 % of time)" in (
        found.reasons
    )
    assert "conversions take 20 % of the int8 file's time" in found.reasons


def test_the_cause_is_the_machines() -> None:
    vnni = replace(SETTING, target=NAMED["x86-vnni"])
    arm = replace(SETTING, target=NAMED["arm64"])
    gpu = replace(SETTING, format=Format.TENSORRT)
    slow = _measured(INT8, 0.8)
    assert _judge(slow, setting=vnni).reasons[0].startswith("int8 is slower than float32 here")
    assert _judge(slow, setting=arm).reasons[0].startswith("no dot product in int8: ")
    in_float = replace(slow, int8=Int8Share(1, 9, 0.1, 0.0, (Fallback("Conv", "fp32", 8, 0.9),)))
    assert _judge(in_float).reasons[0].startswith("int8 is slower than float32 here")
    assert _judge(slow, setting=gpu).reasons[0].startswith("int8 is slower than float32 here")


def test_a_file_that_was_made_for_another_machine_is_told() -> None:
    for made_for, told in (("arm64-dotprod", True), ("x86-vnni", True), ("x86-avx2", False)):
        found = _judge(replace(_measured(INT8, 1.5), made_for=NAMED[made_for]))
        assert (
            f"the int8 file was made for {made_for}; this machine is another" in (found.reasons)
        ) == told


def test_a_speed_that_goes_as_the_size_is_told() -> None:
    assert any("bound by memory" in reason for reason in _judge(_measured(INT8, 1 / 0.26)).reasons)


def test_too_few_launches_decide_nothing() -> None:
    few = [replace(each, launches_ns=each.launches_ns[:5]) for each in (
        _measured(FP32, 1.0), _measured(INT8, 2.0)
    )]  # fmt: skip
    found = judge(few, SETTING)
    assert found.choice is Ship.TOO_CLOSE
    assert "too few launches to say" in found.reasons[0]
    assert found.launches == 5


@given(SPEEDS, SPEEDS, st.floats(0.0, 1.0), st.integers(-9, 9))
def test_what_a_verdict_never_does(
    int8: list[float], fp16: list[float], agreement: float, doublings: int
) -> None:
    closeness = replace(RIGHT, agreement=agreement)
    facts = [_measured(INT8, *int8, closeness=closeness), _measured(FP16, *fp16)]
    found = _judge(*facts)
    intervals = {side.precision: side.interval or (0.0, 9.0) for side in found.sides}
    speeds = {side.precision: side.speed for side in found.sides}
    if found.choice is Ship.INT8:
        assert intervals[INT8][0] > 1.0
        assert speeds[INT8] >= WORTH
        assert not wrong(facts[0], 0.9)
    if found.choice is Ship.FP16:
        assert intervals[FP16][0] >= AS_FAST
        assert intervals[FP16][1] >= 1.0
    if found.choice is Ship.FP32:
        assert all(intervals[each][0] <= 1.0 or speeds[each] < WORTH for each in (FP16,))
    assert found.reasons
    # The clock's unit decides nothing. (By powers of two: what is exact can't cross a bound.)
    unit = 2.0**doublings
    scaled = [
        replace(each, launches_ns=tuple(tuple(x * unit for x in t) for t in each.launches_ns))
        for each in [_measured(FP32, 1.0), *facts]
    ]
    assert judge(scaled, SETTING).choice is found.choice


@given(SPEEDS, st.floats(1.0, 3.0))
def test_more_speed_never_loses_int8_its_place(speeds: list[float], more: float) -> None:
    if _judge(_measured(INT8, *speeds)).choice is Ship.INT8:
        faster = [speed * more for speed in speeds]
        assert _judge(_measured(INT8, *faster)).choice is Ship.INT8


def test_a_verdict_as_text_and_as_json() -> None:
    share = Int8Share(63, 64, 0.99, 0.0, ())
    found = _judge(replace(_measured(INT8, 1.5), int8=share), _measured(FP16, 1.0))
    text = report.render(found)
    assert text.splitlines()[0] == "net as litert by litert, 1 thread, 9 launches"
    assert "1.50 (1.50-1.50)" in text
    assert "60/60" in text
    assert "verdict: ship int8\n  - int8 runs at 1.50" in text
    record = report.as_json(found)
    assert record["choice"] == "ship int8"
    assert [side["precision"] for side in record["sides"]] == ["fp32", "fp16", "int8"]
    assert record["sides"][2]["int8"]["ops"] == pytest.approx(63 / 64)
    assert record["sides"][0]["int8"] is None
