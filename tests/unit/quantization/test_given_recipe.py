"""A recipe that is given back is for one format, target and network, and is held to it."""

from dataclasses import replace

import pytest

from edgekit.errors import UsageError
from edgekit.quantization.given import checked
from edgekit.quantization.recipe import fitted, recipe
from edgekit.records import FloatLayer, Format, GraphOp, Precision, Recipe, Target

HERE = Target("host", "x86_64", ("avx2",))
GRAPH = (GraphOp("conv1", "Conv", "fp32", 400), GraphOp("soft", "Softmax", "fp32", 0))


@pytest.fixture
def given() -> Recipe:
    made = recipe(HERE, Format.ONNX, Precision.INT8, graph=GRAPH)
    assert made is not None
    return made


def test_it_is_taken_back_as_it_is(given):
    assert checked(given, HERE, Format.ONNX, GRAPH) == given
    assert checked(given, HERE, Format.ONNX, ()) == given


def test_changed_by_hand_it_is_taken_too(given):
    changed = replace(given, float_layers=(FloatLayer("conv1", "by hand"),), rounding="nearest")
    assert checked(changed, HERE, Format.ONNX, GRAPH) == changed


def test_without_a_network_it_is_for_any_and_is_fitted(given):
    free = recipe(HERE, Format.ONNX, Precision.INT8)
    assert free is not None
    assert checked(free, HERE, Format.ONNX, GRAPH) == fitted(free, GRAPH) == given


@pytest.mark.parametrize(
    ("target", "format", "word"),
    [
        (Target("arm64", "aarch64", ("asimd",)), Format.ONNX, "arm64"),
        (replace(HERE, features=("avx2", "avx512_vnni")), Format.ONNX, "avx512_vnni"),
        (HERE, Format.OPENVINO, "openvino"),
        (HERE, Format.LITERT, "litert"),
    ],
)
def test_another_target_or_format(given, target, format, word):
    with pytest.raises(UsageError, match=f"the recipe is for onnx on host.*{word}") as caught:
        checked(given, target, format, GRAPH)
    assert "--target" in caught.value.hint


def test_another_network(given):
    other = (*GRAPH, GraphOp("conv2", "Conv", "fp32", 400))
    with pytest.raises(UsageError, match="another network"):
        checked(given, HERE, Format.ONNX, other)


def test_layers_that_are_not_there(given):
    changed = replace(given, network="", float_layers=(FloatLayer("conv9", "by hand"),))
    with pytest.raises(UsageError, match="conv9") as caught:
        checked(changed, HERE, Format.ONNX, GRAPH)
    assert "edgekit inspect" in caught.value.hint


def test_a_scheme_that_nobody_knows(given):
    with pytest.raises(UsageError, match="w4a4"):
        checked(replace(given, scheme="w4a4"), HERE, Format.ONNX, GRAPH)
