"""One pure function from target, format and precision to a recipe."""

from dataclasses import replace

from edgekit.errors import UsageError
from edgekit.quantization.target import has_int8_dot
from edgekit.records import Format, Precision, Recipe, Target

# Kinds whose result depends on small differences of large numbers, or that no runtime has in int8.
_FLOAT_KINDS = ("LayerNormalization", "Softmax", "Gelu", "Erf", "Sigmoid", "HardSwish")
# The same in LiteRT, which has no operator for a layer norm: its parts, then. A quantized divisor
# can be zero.
_FLOAT_KINDS_LITERT = ("DIV", "GELU", "RSQRT", "SOFTMAX", "SQRT", "SQUARED_DIFFERENCE", "SUM")


def recipe(target: Target, format: Format, precision: Precision) -> Recipe | None:
    """What to do to a float32 file of `format` so that it is right and fast on `target`.

    Returns:
        The recipe; None for float32, which needs none.

    Raises:
        UsageError: The format has no such precision.
    """
    match precision:
        case Precision.FP32:
            return None
        case Precision.FP16:
            return _float16(target, format)
        case Precision.INT8:
            return _int8(target, format)


def _float16(target: Target, format: Format) -> Recipe:
    return Recipe(
        scheme="float16",
        format=format,
        target=target.name,
        activation_type="float16" if format in {Format.ONNX, Format.TENSORRT} else "float32",
        activation_symmetric=True,
        weight_type="float16",
        granularity="per-tensor",
        range_method="none",
        reduce_range=False,
        quantize_bias=False,
        float_layers=("LayerNormalization", "Softmax"),
        reasons=(
            "inputs and outputs stay float32, so that the file can take the other's place",
            "sums of squares and of exponentials overflow in float16",
        ),
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


def _saturates(target: Target) -> bool:
    """Whether the target's int8 kernels add two products in int16, which can overflow.

    x86 without VNNI or AMX has only `vpmaddubsw` (u8 x s8, pairs added into saturating int16).
    """
    return target.arch == "x86_64" and not has_int8_dot(target)


def _range_reasons(target: Target) -> tuple[str, ...]:
    if _saturates(target):
        return (
            "no VNNI: kernels add pairs of products in int16, so weights keep a bit in reserve",
        )
    return ("kernels accumulate in int32: weights take all eight bits",)


def _static(target: Target, format: Format, *reasons: str) -> Recipe:
    """8-bit weights per channel and activations with ranges from calibration, asymmetric."""
    return Recipe(
        scheme="w8a8-static",
        format=format,
        target=target.name,
        activation_type="int8",
        activation_symmetric=False,
        weight_type="int8",
        granularity="per-channel",
        range_method="minmax",
        reduce_range=False,
        quantize_bias=True,
        reasons=reasons,
    )


def _onnx(target: Target) -> Recipe:
    arm = target.arch == "aarch64"
    plain = _static(
        target,
        Format.ONNX,
        "Arm kernels multiply s8 x s8" if arm else "CPU kernels multiply u8 x s8",
        "channels of depthwise convolutions differ too much for one scale",
        *_range_reasons(target),
    )
    return replace(
        plain,
        activation_type="int8" if arm else "uint8",
        reduce_range=_saturates(target),
        float_layers=_FLOAT_KINDS,
    )


def _openvino(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.OPENVINO,
        "NNCF's mixed preset: weights symmetric, activations as their range asks",
        *_range_reasons(target),
    )
    return replace(
        plain, activation_type="uint8", reduce_range=_saturates(target), quantize_bias=False
    )


def _litert(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.LITERT,
        "LiteRT's int8 specification: s8 activations, symmetric per-channel weights",
        "its kernels accumulate in int32 on every CPU: nothing saturates",
        "inputs and outputs stay float32, so that the file can take the float one's place",
    )
    return replace(plain, float_layers=_FLOAT_KINDS_LITERT)


def _tensorrt(target: Target) -> Recipe:
    plain = _static(
        target,
        Format.TENSORRT,
        "TensorRT takes explicit Q/DQ with zero points of zero only",
        "an int32 bias behind DequantizeLinear fails to parse",
        "tensor cores accumulate in int32: weights take all eight bits",
    )
    return replace(
        plain, activation_symmetric=True, quantize_bias=False, float_layers=_FLOAT_KINDS
    )
