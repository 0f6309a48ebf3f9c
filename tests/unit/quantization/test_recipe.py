"""The recipe follows from the target's facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import UsageError
from edgekit.quantization.recipe import network, recipe
from edgekit.quantization.schemes import DYNAMIC, SCHEMES, WEIGHT_ONLY
from edgekit.quantization.target import NAMED, target
from edgekit.records import Format, GraphOp, Precision, Recipe, Target

QUANTIZED = [Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TENSORRT]


def int8(name, format):
    found = recipe(target(name), format, Precision.INT8)
    assert isinstance(found, Recipe)
    return found


def test_float32_needs_no_recipe():
    assert recipe(target("x86-avx2"), Format.ONNX, Precision.FP32) is None


@pytest.mark.parametrize("format", [Format.ONNX, Format.OPENVINO])
def test_only_x86_without_vnni_bounds_pairs_of_weights(format):
    assert int8("x86-avx2", format).weight_scale == "pairs"
    for name in ("x86-vnni", "arm64", "arm64-dotprod"):
        assert int8(name, format).weight_scale == "max"


@pytest.mark.parametrize("flag", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_any_instruction_that_adds_up_in_int32_frees_the_weights(flag):
    found = recipe(Target("faked", "x86_64", ("avx2", flag)), Format.ONNX, Precision.INT8)
    assert found is not None
    assert found.weight_scale == "max"


@pytest.mark.parametrize("name", sorted(NAMED))
def test_kernels_that_never_saturate_are_given_whole_weights(name):
    assert int8(name, Format.LITERT).weight_scale == "max"
    assert int8(name, Format.TENSORRT).weight_scale == "max"


def test_outputs_are_8_bits_only_where_kernels_want_it():
    assert int8("x86-avx2", Format.ONNX).quantize_outputs
    assert not int8("x86-avx2", Format.OPENVINO).quantize_outputs
    assert not int8("sm89", Format.TENSORRT).quantize_outputs


def graph(*kinds):
    return [GraphOp(f"{kind}{i}", kind, "fp32", 4 * i) for i, kind in enumerate(kinds)]


def kinds(found):
    return [kind.name for kind in found.float_kinds]


def test_a_graph_leaves_of_the_kinds_only_its_own_and_gives_its_digest():
    found = recipe(
        target("x86-avx2"), Format.ONNX, Precision.INT8, graph=graph("Conv", "HardSwish", "Add")
    )
    assert found is not None
    assert kinds(found) == ["HardSwish"]
    assert found.network == network(graph("Conv", "HardSwish", "Add"))
    assert found.network != network(graph("Conv", "HardSwish"))


@pytest.mark.parametrize(
    ("format", "parts", "sums"),
    [
        (Format.ONNX, ("MatMul", "LayerNormalization", "Add"), {"Add"}),
        (Format.LITERT, ("ADD", "MUL", "RSQRT", "SQUARED_DIFFERENCE"), {"ADD", "MUL"}),
    ],
)
def test_sums_that_a_layer_norm_reads_stay_float(format, parts, sums):
    found = recipe(target("x86-avx2"), format, Precision.INT8, graph=graph(*parts))
    assert found is not None
    assert sums <= set(kinds(found))
    assert len(kinds(found)) == len(set(kinds(found)))
    without = recipe(target("x86-avx2"), format, Precision.INT8, graph=graph(*sums))
    assert without is not None
    assert not sums & set(kinds(without))


@pytest.mark.parametrize("scheme", [DYNAMIC, WEIGHT_ONLY])
def test_schemes_without_calibration_need_none(scheme):
    for format in SCHEMES[scheme]:
        found = recipe(target("x86-avx2"), format, Precision.INT8, scheme)
        assert found is not None
        assert (found.scheme, found.range_method, found.correct_bias) == (scheme, "none", False)


def test_a_scheme_that_a_format_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(UsageError) as caught:
        recipe(target("sm89"), Format.TENSORRT, Precision.INT8, DYNAMIC)
    assert "w8a8-static, w8-weightonly" in caught.value.hint
    with pytest.raises(UsageError, match="no scheme 'w4'"):
        recipe(target("sm89"), Format.TENSORRT, Precision.INT8, "w4")


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
