"""How 8 bits can be used, by name."""

from edgekit.errors import UsageError
from edgekit.quantization.target import saturates
from edgekit.records import Format, Target
from edgekit.registry import nearest

STATIC, DYNAMIC, WEIGHT_ONLY = "w8a8-static", "w8-dynamic", "w8-weightonly"
FLOAT16 = "float16"
# The schemes of 8 bits, and the formats that have them.
SCHEMES: dict[str, tuple[Format, ...]] = {
    STATIC: (Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TENSORRT),
    DYNAMIC: (Format.ONNX, Format.LITERT),
    WEIGHT_ONLY: (Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TENSORRT),
}


def usual_scheme(target: Target, format: Format, *, text: bool) -> str:
    """The scheme that a file of `format` gets on `target` where none is asked for.

    Args:
        target: Where the file will run.
        format: Its format.
        text: Whether the network reads text.
    """
    if not text or format not in {Format.ONNX, Format.OPENVINO}:
        return STATIC
    if format is Format.ONNX:
        return DYNAMIC
    # Without VNNI OpenVINO's int8 products are slower than float's.
    return WEIGHT_ONLY if saturates(target) else STATIC


def check_scheme(scheme: str, format: Format) -> None:
    """Refuse a scheme that doesn't exist, or that `format` doesn't have.

    Raises:
        UsageError: With those that it has.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"there is no scheme {scheme!r}", hint=nearest(scheme, list(SCHEMES)))
    if format not in SCHEMES[scheme]:
        known = [name for name, formats in SCHEMES.items() if format in formats]
        raise UsageError(
            f"{format} can't be made by {scheme}",
            hint=f"its schemes: {', '.join(known)}; {scheme} is for {', '.join(SCHEMES[scheme])}",
        )
