"""What every adapter says in the same way: about inputs, and about files that it can't read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

from edgekit.errors import DataError, ToolError
from edgekit.runtimes import ShapeOf
from edgekit.wire import TensorSpec

IMAGE_AXES = 4
COLOURS = 3
LEAST_PROFILED_RUNS, PROFILED_RUNS = 3, 21
PROFILED_NS = 1_000_000_000


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


def run_some(run: Callable[[], Any], clock: Callable[[], int] = time.perf_counter_ns) -> int:
    """Run a handful of times for a profile: enough for a median, no more than a second's worth.

    Returns:
        How often.
    """
    start = clock()
    for runs in range(1, PROFILED_RUNS + 1):
        run()
        if runs >= LEAST_PROFILED_RUNS and clock() - start >= PROFILED_NS:
            return runs
    return PROFILED_RUNS


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
