"""What an engine runs in which type, from what TensorRT's inspector says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantization.coverage import by_kind, int8_share
from edgekit.runtimes.enginelayers import ops_of

DATA = Path(__file__).parents[2] / "data" / "devices"
OLD = (DATA / "engine-layers-8.5.json").read_text()
NEW = (DATA / "engine-layers-10.3.json").read_text()


def _kinds(text: str) -> list[tuple[str, str, bool]]:
    return [(op.op, op.precision, op.conversion) for op in ops_of(text, {})]


def test_an_engine_of_version_8() -> None:
    assert _kinds(OLD) == [
        ("Reformat", "int8", True),
        ("CaskConvolution", "int8", False),
        ("CaskConvolution", "int8", False),  # though it gives float
        ("PointWiseV2", "fp32", False),
        ("NoOp", "fp32", True),
        ("Reformat", "fp16", True),
        ("CaskGemmConvolution", "fp16", False),
    ]
    assert ops_of(OLD, {})[1].kernel == "ampere_first_layer_filter3x3_imma_fwd"


def test_an_engine_of_version_10() -> None:
    assert "\x1f" in NEW  # as TensorRT writes it, which isn't JSON
    assert _kinds(NEW) == [
        ("signal", "", False),
        ("kgen", "fp32", False),
        ("conv", "int8", False),
        ("kgen", "int8", False),  # a mask comes before what it computes with
        ("gemm", "fp16", False),
        ("wait", "", False),
    ]


def test_the_share_of_int8_counts_what_computes() -> None:
    share = int8_share(by_kind(ops_of(OLD, {})))
    assert share is not None
    assert (share.int8_ops, share.computing_ops, share.time) == (2, 4, None)
    assert {fallback.op for fallback in share.fallbacks} == {"PointWiseV2", "CaskGemmConvolution"}


def test_a_layer_without_a_time_took_none_where_each_time_has_its_layer() -> None:
    names = [op.name for op in ops_of(OLD, {})]
    told = {name: 1000 for name in names if name != "reshape_head"}
    times = {op.name: op.time_ns for op in ops_of(OLD, told)}
    assert times == {**told, "reshape_head": 0}
    share = int8_share(by_kind(ops_of(OLD, told)))
    assert share is not None
    assert share.time == pytest.approx(2 / 6)


def test_a_time_of_a_layer_that_is_not_listed_leaves_the_others_open() -> None:
    times = {op.name: op.time_ns for op in ops_of(OLD, {"fc": 7, "{ForeignNode[a...b]}": 9})}
    assert times.pop("fc") == 7
    assert set(times.values()) == {None}


@pytest.mark.parametrize(
    "text",
    [
        '{"Layers": ["stem", "fc"], "Bindings": []}',  # built without details
        '{"Bindings": []}',
        '{"Layers": null}',
        "[]",
        "",
        "[" * 100_000,
    ],
)
def test_what_tells_no_layers_gives_no_rows(text: str) -> None:
    assert ops_of(text, {}) == []


def test_a_type_in_a_field_of_its_own() -> None:
    layer = {"Name": "a", "LayerType": "conv", "Inputs": [{"Name": "x", "Datatype": "BFloat16"}]}
    assert ops_of(json.dumps({"Layers": [layer]}), {})[0].precision == "bf16"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    st.lists,
    max_leaves=5,
)
FORMATS = st.sampled_from(["Int8", "Row major linear FP32", "N/A due to dynamic shapes", "Half"])
TENSORS = st.lists(st.fixed_dictionaries({"Format/Datatype": FORMATS | JSON}) | JSON, max_size=3)
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "Name": JSON,
        "LayerType": st.sampled_from(["Reformat", "Constant", "conv"]) | JSON,
        "Inputs": TENSORS | JSON,
        "Outputs": TENSORS | JSON,
        "TacticName": JSON,
    },
)


@given(st.lists(LAYERS | JSON), st.dictionaries(st.text(), st.integers(0, 10**9)))
def test_any_layers_are_read(layers: list[Any], times_ns: dict[str, int]) -> None:
    for op in ops_of(json.dumps({"Layers": layers}), times_ns):
        assert op.op != "Constant"
        assert op.precision in ("", "int8", "fp32", "fp16")
        assert op.time_ns in (None, 0, *times_ns.values())


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    ops_of(text, {})
