"""The table of operators, from rows that were written down by hand."""

from __future__ import annotations

from dataclasses import replace

from edgekit.records import BenchResult
from edgekit.reports import per_op
from edgekit.wire import Op, Samples
from tests.plain import PLAN, SAMPLES

OPS = [
    Op("a", "Conv", "int8", "CPU", "brgconv", 2_000_000),
    Op("b", "Conv", "int8", "CPU", "jit", 5_000_000),
    Op("c", "Softmax", "fp32", "CPU", "", 1_500_000),
    Op("d", "Reorder", "fp32", "CPU", "", 1_500_000, conversion=True),
]


def _samples(ops: list[Op], settings: dict[str, str] | None = None) -> Samples:
    return replace(SAMPLES, settings=settings or {}, execution=ops)


def _result(samples: Samples) -> BenchResult:
    return BenchResult(PLAN, (samples,), (), valid=True, reasons=())


def _cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.split()[:1] == [first]]
    return line.split()


def test_the_slowest_come_first_with_shares_of_all() -> None:
    text = per_op.render(_result(_samples(OPS)), shown=2)
    assert text.splitlines()[0].startswith("net.onnx (onnxruntime): 4 operators, 10.000 ms")
    assert _cells(text, "b") == ["b", "Conv", "int8", "CPU", "jit", "5.000", "50.0", "50.0"]
    assert _cells(text, "a") == ["a", "Conv", "int8", "CPU", "brgconv", "2.000", "20.0", "70.0"]
    assert text.index("b  ") < text.index("a  ")
    assert "and 2 more, 3.000 ms together" in text
    assert _cells(text, "Conv") == ["Conv", "int8", "2", "7.000", "70.0"]


def test_nothing_is_said_of_more_where_all_are_shown() -> None:
    assert "more" not in per_op.render(_result(_samples(OPS)))


def test_without_a_time_for_each_there_are_kinds_and_a_reason() -> None:
    untimed = [*OPS[:3], replace(OPS[3], time_ns=None)]
    samples = _samples(untimed, {"op_times": "none: nobody reaches the profiler"})
    text = per_op.render(_result(samples))
    assert text.splitlines()[0] == (
        "net.onnx (onnxruntime): 4 operators; none: nobody reaches the profiler"
    )
    assert _cells(text, "Conv") == ["Conv", "int8", "2", "7.000", "-"]


def test_a_runtime_that_tells_nothing() -> None:
    assert "doesn't tell" in per_op.render(_result(_samples([])))


def test_a_runtime_whose_times_all_round_to_zero() -> None:
    text = per_op.render(_result(_samples([replace(op, time_ns=0) for op in OPS])))
    assert _cells(text, "a")[5:] == ["0.000", "-", "-"]


def test_a_long_name_keeps_its_end() -> None:
    text = per_op.render(_result(_samples([replace(OPS[0], name="block/" * 20 + "conv_7")])))
    assert "block/conv_7" in text
    assert "..." in text
