"""What ran in int8, from what a runtime tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantization.coverage import by_kind, int8_share, listed
from edgekit.records import Fallback, Int8Share, OpCount
from edgekit.reports import coverage as report
from edgekit.results import shape
from edgekit.wire import Op

CONV = OpCount("QLinearConv", "int8", 47, 9_000_000)
SOFTMAX = OpCount("Softmax", "fp32", 3, 300_000)
GELU = OpCount("Gelu", "fp16", 1, 600_000)
QUANTIZE = OpCount("QuantizeLinear", "int8", 4, 100_000, conversion=True)
SHAPE = OpCount("Shape", "int64", 5, 0)

KINDS = st.builds(
    OpCount,
    op=st.sampled_from("abcd"),
    precision=st.sampled_from(["int8", "fp32", "fp16", "int64"]),
    count=st.integers(1, 99),
    time_ns=st.none() | st.integers(0, 10**9),
    conversion=st.booleans(),
)


def test_operators_of_one_kind_and_precision_are_one_the_most_frequent_first() -> None:
    ops = [
        Op("a", "Gelu", "fp32", "CPU", "", 7),
        Op("b", "Conv", "int8", "CPU", "", 5),
        Op("c", "Conv", "int8", "CUDA", "gemm", 6),
        Op("d", "Conv", "fp32", "CPU", "", 1),
        Op("e", "Conv", "int8", "CPU", "", 1, conversion=True),
    ]
    assert by_kind(ops) == (
        OpCount("Conv", "int8", 2, 11),
        OpCount("Conv", "fp32", 1, 1),
        OpCount("Conv", "int8", 1, 1, conversion=True),
        OpCount("Gelu", "fp32", 1, 7),
    )


def test_a_time_that_one_operator_lacks_is_lacking_of_all() -> None:
    ops = [Op("a", "A", "fp32", "CPU", "", 5), Op("b", "A", "fp32", "CPU")]
    assert by_kind([*ops, Op("c", "B", "fp32", "CPU", "", 7)]) == (
        OpCount("A", "fp32", 2),
        OpCount("B", "fp32", 1, 7),
    )


def test_shares_of_operators_and_of_time() -> None:
    found = int8_share([CONV, SOFTMAX, GELU, QUANTIZE, SHAPE])
    assert found is not None
    assert (found.int8_ops, found.computing_ops) == (47, 51)
    assert found.ops == pytest.approx(47 / 51)
    assert found.time == pytest.approx(0.9)
    assert found.conversion_time == pytest.approx(0.01)
    assert found.least == found.time
    assert [kind.op for kind in found.fallbacks] == ["Gelu", "Softmax"]


def test_without_times_the_most_frequent_is_the_worst() -> None:
    found = int8_share([CONV, OpCount("Softmax", "fp32", 3), OpCount("Gelu", "fp32", 1)])
    assert found is not None
    assert found.time is None
    assert found.least == found.ops
    assert [kind.op for kind in found.fallbacks] == ["Softmax", "Gelu"]


def test_a_float_file_and_an_unknown_one_have_no_share() -> None:
    assert int8_share([]) is None
    assert int8_share([SOFTMAX, SHAPE]) is None


def test_a_file_that_only_converts_to_int8_has_a_share_of_none() -> None:
    found = int8_share([QUANTIZE, SOFTMAX])
    assert found is not None
    assert found.least == 0.0


@given(st.lists(KINDS))
def test_shares_are_shares(execution: list[OpCount]) -> None:
    found = int8_share(execution)
    assert (found is None) == all(op.precision != "int8" for op in execution)
    if found is None:
        return
    assert 0.0 <= found.least <= found.ops <= 1.0
    assert found.computing_ops == found.int8_ops + sum(kind.count for kind in found.fallbacks)
    if found.time is not None and found.conversion_time is not None:
        in_float = sum(kind.time_share or 0.0 for kind in found.fallbacks)
        assert found.time + found.conversion_time + in_float <= 1.0 + 1e-9


def test_the_sentence() -> None:
    fallbacks = (Fallback("Softmax", "fp32", 12, 0.03), Fallback("Gelu", "fp32", 1, 0.0))
    found = Int8Share(637, 650, 0.9996, 0.0, fallbacks)
    assert report.sentence(found) == (
        "int8: 98 % of ops, 99.9 % of time; in float: Softmax x12 (3 % of time), Gelu x1 "
        "(0 % of time)"
    )
    untold = Int8Share(1, 1, None, None, ())
    assert report.sentence(untold) == "int8: 100 % of ops, time untold by the runtime"
    assert shape.int8_record(None) is None


def test_a_long_list_is_cut() -> None:
    kinds = [Fallback(name, "fp32", 1, None) for name in "abcde"]
    assert listed(kinds) == "a x1, b x1, c x1, 2 more kinds"
