"""One pure function from target, format, precision and graph to a recipe."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import assert_never

from edgekit.errors import UsageError
from edgekit.quantization.schemes import DYNAMIC, FLOAT16, STATIC, check_scheme
from edgekit.quantization.target import saturates
from edgekit.quantization.textrecipe import for_text, reads_text
from edgekit.records import FloatLayer, Format, GraphOp, Precision, Recipe, Target, digest

_CANCELS = "its result is a small difference of large numbers"
_NO_KERNEL = "no runtime has it in 8 bits"
# Kinds whose result depends on small differences of large numbers, or that no runtime has in int8.
_FLOAT_KINDS = {
    "LayerNormalization": _CANCELS,
    "Softmax": _CANCELS,
    "Gelu": _NO_KERNEL,
    "Erf": _NO_KERNEL,
    "Sigmoid": "a table of 256 values costs a whole step of the scale where it is steep",
    "HardSwish": _NO_KERNEL,
}
# The same in LiteRT, which has no operator for a layer norm: its parts, then.
_FLOAT_KINDS_LITERT = {
    "DIV": "a divisor that is rounded can be zero",
    "GELU": _CANCELS,
    "RSQRT": "part of a layer norm",
    "SOFTMAX": _CANCELS,
    "SQRT": "part of a layer norm",
    "SQUARED_DIFFERENCE": "part of a layer norm",
    "SUM": "adds more than 8 bits hold",
}

# A layer norm reads the sum of a transformer's branches, in which some values are a hundred times
# the others: one scale for all of them leaves nothing of those. By what stands in the file for it
# (LiteRT has its parts), the kinds that go with it.
_WITH_LAYER_NORM = {
    frozenset({"LayerNormalization"}): ("Add",),
    frozenset({"RSQRT", "SQUARED_DIFFERENCE"}): ("ADD", "SUB", "MEAN", "MUL"),
}
_SUMS = "part of a layer norm, or of the sums that it reads"


def recipe(
    target: Target,
    format: Format,
    precision: Precision,
    scheme: str = STATIC,
    graph: Sequence[GraphOp] = (),
) -> Recipe | None:
    """What to do to a float32 file of `format` so that it is right and fast on `target`.

    Args:
        target: Where the file will run.
        format: Its format.
        precision: What to make of it.
        scheme: How 8 bits are used: a key of `SCHEMES`.
        graph: The operators of the float file; without them the recipe is that for any network.

    Returns:
        The recipe; None for float32, which needs none.

    Raises:
        UsageError: The format has no such precision or scheme.
    """
    match precision:
        case Precision.FP32:
            return None
        case Precision.FP16:
            chosen = _float16(target, format)
        case Precision.INT8:
            check_scheme(scheme, format)
            static = _int8(target, format)
            chosen = static if scheme == STATIC else _weights_only(static, scheme)
        case _:
            assert_never(precision)
    return fitted(chosen, graph) if graph else chosen


def network(graph: Sequence[GraphOp]) -> str:
    """Digest of a float graph: its operators in order, with the sizes of their constants."""
    return digest([(op.name, op.op, op.weight_bytes) for op in graph])


def fitted(chosen: Recipe, graph: Sequence[GraphOp]) -> Recipe:
    """`chosen` with what doesn't stand in `graph` left out, and the graph's digest."""
    there = {op.op for op in graph}
    kinds = chosen.float_kinds
    if chosen.scheme == STATIC:
        known = {kind.name for kind in kinds}
        more = (names for norm, names in _WITH_LAYER_NORM.items() if there >= norm)
        kinds += tuple(FloatLayer(name, _SUMS) for name in chain(*more) if name not in known)
    kinds = tuple(kind for kind in kinds if kind.name in there)
    found = replace(chosen, float_kinds=kinds, network=network(graph))
    return for_text(found, graph) if reads_text(graph) else found


def _float16(target: Target, format: Format) -> Recipe:
    return Recipe(
        scheme=FLOAT16,
        format=format,
        target=target.name,
        target_features=target.features,
        activation_type="float16" if format in {Format.ONNX, Format.TENSORRT} else "float32",
        activation_symmetric=True,
        weight_type="float16",
        granularity="none",
        weight_scale="max",
        rounding="nearest",
        correct_bias=False,
        range_method="none",
        quantize_bias=False,
        quantize_outputs=False,
        float_kinds=tuple(
            FloatLayer(kind, "sums of squares and of exponentials overflow in float16")
            for kind in ("LayerNormalization", "Softmax")
        ),
        reasons=("inputs and outputs stay float32, so that the file can take the other's place",),
    )


def _int8(target: Target, format: Format) -> Recipe:
    match format:
        case Format.ONNX:
            return _onnx(target)
        case Format.OPENVINO:
            return _openvino(target)
        case Format.LITERT:
            return _litert(target)
        case Format.TENSORRT:
            return _tensorrt(target)
        case Format.TORCH:
            raise UsageError(
                "torch files are not quantized here", hint="quantize the format that you deploy"
            )


def _weights_only(static: Recipe, scheme: str) -> Recipe:
    """8-bit weights without calibration: rounded to the nearest, activations stay float."""
    dynamic = scheme == DYNAMIC
    return replace(
        static,
        scheme=scheme,
        activation_type="uint8" if dynamic else "float32",
        rounding="nearest",
        correct_bias=False,
        range_method="none",
        quantize_bias=False,
        quantize_outputs=False,
        reasons=(
            "ranges are taken anew at each inference: no calibration, and a cost in time"
            if dynamic
            else "weights are brought back to float: a quarter of the size, float's speed",
        ),
    )


def _static(target: Target, format: Format, *reasons: str) -> Recipe:
    """8-bit weights per channel and activations with ranges from calibration, asymmetric."""
    return Recipe(
        scheme=STATIC,
        format=format,
        target=target.name,
        target_features=target.features,
        activation_type="int8",
        activation_symmetric=False,
        weight_type="int8",
        granularity="per-channel",
        weight_scale="max",
        rounding="error-feedback",
        correct_bias=True,
        range_method="minmax",
        quantize_bias=True,
        quantize_outputs=True,
        reasons=(
            *reasons,
            "channels of depthwise convolutions differ too much for one scale",
            "each weight's rounding error is made up for by the others, and its mean by the bias",
        ),
    )


def _bounded(plain: Recipe, target: Target) -> Recipe:
    """`plain` with scales that the target's kernels can't saturate with."""
    if saturates(target):
        reason = (
            "no VNNI: kernels add pairs of products in int16, so no two weights of one sign sum "
            "to more than 128; depthwise kernels add no pairs, and their weights take all 8 bits"
        )
        return replace(plain, weight_scale="pairs", reasons=(*plain.reasons, reason))
    reason = "kernels accumulate in int32: weights take all eight bits"
    return replace(plain, reasons=(*plain.reasons, reason))


def _onnx(target: Target) -> Recipe:
    arm = target.arch == "aarch64"
    plain = _static(
        target,
        Format.ONNX,
        "Arm kernels multiply s8 x s8" if arm else "CPU kernels multiply u8 x s8",
        "an 8-bit kernel of ONNX Runtime gives 8 bits: outputs are brought to them at once",
    )
    plain = replace(
        plain,
        activation_type="int8" if arm else "uint8",
        float_kinds=tuple(FloatLayer(kind, why) for kind, why in _FLOAT_KINDS.items()),
    )
    return _bounded(plain, target)


def _openvino(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.OPENVINO,
        "kernels take what follows them in float: 8 bits only where the next one reads",
    )
    plain = replace(
        plain,
        activation_type="uint8",
        quantize_bias=False,
        quantize_outputs=False,
        float_kinds=tuple(FloatLayer(kind, why) for kind, why in _FLOAT_KINDS.items()),
    )
    return _bounded(plain, target)


def _litert(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.LITERT,
        "LiteRT's int8 specification: s8 activations, symmetric per-channel weights",
        "its kernels accumulate in int32 on every CPU: nothing saturates",
        "inputs and outputs stay float32, so that the file can take the float one's place",
    )
    kinds = tuple(FloatLayer(kind, why) for kind, why in _FLOAT_KINDS_LITERT.items())
    return replace(plain, float_kinds=kinds)


def _tensorrt(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.TENSORRT,
        "TensorRT takes explicit Q/DQ with zero points of zero only",
        "an int32 bias behind DequantizeLinear fails to parse",
        "tensor cores accumulate in int32: weights take all eight bits",
        "its fusions take what follows a kernel in float: 8 bits only where the next one reads",
    )
    return replace(
        plain,
        activation_symmetric=True,
        quantize_bias=False,
        quantize_outputs=False,
        float_kinds=tuple(FloatLayer(kind, why) for kind, why in _FLOAT_KINDS.items()),
    )
