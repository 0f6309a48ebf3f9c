"""The recipe follows from the target's facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import UsageError
from edgekit.quantization.recipe import recipe
from edgekit.quantization.target import NAMED, target
from edgekit.records import Format, Precision, Recipe, Target

QUANTIZED = [Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TENSORRT]


def int8(name, format):
    found = recipe(target(name), format, Precision.INT8)
    assert isinstance(found, Recipe)
    return found


def test_float32_needs_no_recipe():
    assert recipe(target("x86-avx2"), Format.ONNX, Precision.FP32) is None


@pytest.mark.parametrize("format", [Format.ONNX, Format.OPENVINO])
def test_only_x86_without_vnni_gives_up_a_bit_of_weights(format):
    assert int8("x86-avx2", format).reduce_range
    assert not int8("x86-vnni", format).reduce_range
    assert not int8("arm64", format).reduce_range
    assert not int8("arm64-dotprod", format).reduce_range


def test_activations_are_what_the_kernels_multiply():
    assert int8("x86-avx2", Format.ONNX).activation_type == "uint8"
    assert int8("arm64-dotprod", Format.ONNX).activation_type == "int8"


@given(st.sampled_from(sorted(NAMED)))
def test_tensorrt_is_symmetric_with_float_bias_whatever_the_target(name):
    found = int8(name, Format.TENSORRT)
    assert found.activation_symmetric
    assert not found.quantize_bias
    assert found.activation_type == found.weight_type == "int8"


@given(
    st.sampled_from(["x86_64", "aarch64", "nvidia", "riscv64"]),
    st.sets(st.sampled_from(["avx2", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"])),
    st.sampled_from(QUANTIZED),
    st.sampled_from([Precision.FP16, Precision.INT8]),
)
def test_every_target_gets_a_per_channel_recipe_that_names_it(arch, features, format, precision):
    facts = Target("some-board", arch, tuple(sorted(features)))
    found = recipe(facts, format, precision)
    assert found is not None
    assert found == recipe(facts, format, precision)
    assert (found.target, found.format) == ("some-board", format)
    assert found.reasons
    if precision is Precision.INT8:
        assert found.granularity == "per-channel"


def test_torch_is_not_quantized():
    with pytest.raises(UsageError, match="torch"):
        recipe(target("x86-avx2"), Format.TORCH, Precision.INT8)
