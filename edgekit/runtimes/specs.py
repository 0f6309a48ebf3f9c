"""What every adapter says in the same way: about inputs, and about files that it can't read."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from edgekit.errors import DataError, ToolError
from edgekit.runtimes import ShapeOf
from edgekit.wire import OpCount, TensorSpec

IMAGE_AXES = 4
COLOURS = 3


def image_layout(shape: Sequence[Optional[int]], dtype: str) -> str:
    """`NCHW` or `NHWC` where a four-axis float tensor has three channels, else empty."""
    if len(shape) != IMAGE_AXES or not dtype.startswith("float"):
        return ""
    if shape[1] == COLOURS:
        return "NCHW"
    return "NHWC" if shape[-1] == COLOURS else ""


def spec(name: str, shape: Sequence[Optional[int]], dtype: str) -> TensorSpec:
    """The spec of a tensor, with the layout that its shape tells."""
    return TensorSpec(name, tuple(shape), dtype, image_layout(shape, dtype))


def with_shape(declared: TensorSpec, shape: Sequence[int]) -> TensorSpec:
    """`declared` as it is fed: no free axis, the layout that the file told or that now shows."""
    layout = declared.layout or image_layout(shape, declared.dtype)
    return TensorSpec(declared.name, tuple(shape), declared.dtype, layout)


def has_free_axis(declared: TensorSpec) -> bool:
    """Whether an axis of `declared` has no fixed size."""
    return None in declared.shape


def fixed(declared: TensorSpec, shape_of: ShapeOf) -> TensorSpec:
    """`declared` with the shape that `shape_of` says, if it has a free axis; else as it is."""
    return with_shape(declared, shape_of(declared)) if has_free_axis(declared) else declared


def unreadable(model: Path, what: str, error: Optional[BaseException] = None) -> DataError:
    """The error for a file that is cut short or is not what its suffix says."""
    reason = f": {first_line(error)}" if error else ""
    return DataError(
        f"{model.name} is not a readable {what}{reason}",
        hint="the file is cut short or has another format than its suffix says; copy or export it "
        "again",
    )


def not_run(model: Path, runtime: str, error: BaseException) -> ToolError:
    """The error for a sound file that a runtime can't make ready."""
    return ToolError(
        f"{runtime} can't run {model.name}: {first_line(error)}",
        hint=f"see its operators with `edgekit inspect {model.name}`; try another runtime, or a "
        f"newer {runtime}",
    )


def first_line(error: BaseException, limit: int = 300) -> str:
    """The lines of an error's message as one, at most `limit` characters of them."""
    text = " ".join(str(error).split())
    return text[:limit] or type(error).__name__


def count_ops(pairs: Sequence[Tuple[str, str]]) -> List[OpCount]:
    """Counts of equal (operator, precision) pairs, the most frequent first."""
    counts: Dict[Tuple[str, str], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [OpCount(op, precision, count) for (op, precision), count in ordered]


def precision_name(dtype: str) -> str:
    """The word for an element type: `fp32` for `float32`, `int8` for either 8-bit integer."""
    words = {
        "float32": "fp32",
        "f32": "fp32",
        "float16": "fp16",
        "f16": "fp16",
        "bfloat16": "bf16",
        "float64": "fp64",
        "uint8": "int8",
        "u8": "int8",
        "i8": "int8",
        "i32": "int32",
        "i64": "int64",
    }
    return words.get(dtype, dtype)
