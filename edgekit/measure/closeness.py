"""How near outputs are to a reference."""

from __future__ import annotations

import math
from typing import Any, List, Optional, Sequence

import numpy as np

from edgekit.errors import DataError
from edgekit.wire import Closeness


def closeness(outputs: Sequence[Any], references: Sequence[Any]) -> Closeness:
    """Compare all outputs, samples first, with the float model's.

    A number that isn't finite counts as zero in the sums, so that they stay numbers; `finite`
    says that there was one.

    Raises:
        DataError: The outputs have other shapes than the references.
    """
    shapes = [np.shape(array) for array in outputs]
    expected = [np.shape(array) for array in references]
    if shapes != expected:
        raise DataError(
            f"the model gives outputs of shape {_list(shapes)}; its golden sample has "
            f"{_list(expected)}",
            hint="the golden sample belongs to another model; export again",
        )
    pairs = [(_numbers(y), np.asarray(r, np.float64)) for y, r in zip(outputs, references)]
    signal = sum(float(np.sum(reference**2)) for _, reference in pairs)
    noise = sum(float(np.sum((output - reference) ** 2)) for output, reference in pairs)
    first, first_reference = pairs[0]
    same = first.argmax(axis=-1) == first_reference.argmax(axis=-1)
    return Closeness(
        images=len(first_reference),
        agreement=float(np.mean(same)),
        sqnr_db=_decibel(signal, noise),
        max_abs_error=max(float(np.max(np.abs(y - r))) for y, r in pairs),
        max_abs_reference=max(float(np.max(np.abs(r))) for _, r in pairs),
        finite=all(bool(np.all(np.isfinite(output))) for output in outputs),
    )


def _numbers(output: Any) -> Any:
    return np.nan_to_num(np.asarray(output, np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _decibel(signal: float, noise: float) -> Optional[float]:
    if noise == 0.0:
        return None
    # A reference of zeros has no logarithm: the least positive float stands for it.
    return 10.0 * math.log10(max(signal, float(np.finfo(np.float64).tiny)) / noise)


def _list(shapes: List[Any]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)
