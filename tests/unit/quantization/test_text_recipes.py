"""Recipes for networks that read text, by target, format and graph."""

from dataclasses import replace

import pytest

from edgekit.quantization.recipe import recipe
from edgekit.quantization.schemes import DYNAMIC, STATIC, WEIGHT_ONLY, usual_scheme
from edgekit.records import Format, GraphOp, Precision, Target

AVX2 = Target("host", "x86_64", ("avx2",))
VNNI = Target("x86-vnni", "x86_64", ("avx2", "avx_vnni"))
TEXT = (
    GraphOp("look up", "Gather", "fp32", 40_000_000),
    GraphOp("norm", "LayerNormalization", "fp32", 3_000),
    GraphOp("query", "MatMul", "fp32", 600_000),
    GraphOp("scores", "MatMul", "fp32", 0),
    GraphOp("sum", "Add", "fp32", 0),
    GraphOp("softmax", "Softmax", "fp32", 0),
)


def made(format=Format.ONNX, scheme=STATIC, graph=TEXT, target=AVX2):
    found = recipe(target, format, Precision.INT8, scheme, graph)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("target", "format", "text", "expected"),
    [
        (AVX2, Format.ONNX, True, DYNAMIC),
        (VNNI, Format.ONNX, True, DYNAMIC),
        (AVX2, Format.OPENVINO, True, WEIGHT_ONLY),
        (VNNI, Format.OPENVINO, True, STATIC),
        (AVX2, Format.LITERT, True, STATIC),
        (AVX2, Format.ONNX, False, STATIC),
        (AVX2, Format.OPENVINO, False, STATIC),
    ],
)
def test_the_usual_scheme(target, format, text, expected):
    assert usual_scheme(target, format, text=text) == expected


def test_products_of_activations_stay_in_float_and_outputs_are_not_rounded():
    found = made()
    assert [layer.name for layer in found.float_layers] == ["scores"]
    assert not found.quantize_outputs
    assert {"Add", "LayerNormalization", "Softmax"} <= {kind.name for kind in found.float_kinds}


@pytest.mark.parametrize("scheme", [STATIC, DYNAMIC, WEIGHT_ONLY])
def test_a_large_table_is_stored_in_8_bits_by_every_scheme(scheme):
    assert made(scheme=scheme).quantize_tables
    small = (replace(TEXT[0], weight_bytes=1000), *TEXT[1:])
    assert not made(scheme=scheme, graph=small).quantize_tables


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: (*graph, GraphOp("patches", "Conv", "fp32", 1000)),
        lambda graph: graph[1:],
        lambda graph: tuple(op for op in graph if op.op != "LayerNormalization"),
    ],
)
def test_photos_have_the_recipe_that_they_had(change):
    found = made(graph=change(TEXT))
    assert found.quantize_outputs
    assert not found.quantize_tables
    assert not found.float_layers


def test_a_norm_in_parts_is_one():
    parts = tuple(GraphOp(kind, kind, "fp32", 0) for kind in ("ReduceMean", "Sqrt"))
    assert made(graph=(*(op for op in TEXT if op.op != "LayerNormalization"), *parts)).float_layers


def test_nothing_of_it_is_for_tensorrt_or_float16():
    assert not made(Format.TENSORRT).quantize_tables
    assert not made(Format.TENSORRT).float_layers
    half = recipe(AVX2, Format.ONNX, Precision.FP16, STATIC, TEXT)
    assert half is not None
    assert not half.quantize_tables
