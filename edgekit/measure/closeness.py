"""How near outputs are to a reference."""

from __future__ import annotations

import math
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from edgekit.errors import DataError
from edgekit.tasks import TASKS
from edgekit.wire import Closeness

# Outputs of which nothing stands where it should are noise as loud as their signal.
_NOTHING_DB = 0.0


def closeness(
    outputs: Sequence[Any],
    references: Sequence[Any],
    task: str = "",
    size: Tuple[int, int] = (0, 0),
) -> Closeness:
    """Compare all outputs, samples first, with the float model's.

    Each output's noise is set against its own signal, or against all outputs' where it has none,
    and the worst counts. A number that isn't finite counts as zero in the sums, so that they stay
    numbers; `finite` says that there was one.

    Args:
        outputs: Outputs to look at.
        references: The float model's.
        task: What they mean: a name of `edgekit.tasks.TASKS`. Of anything else the index of the
            first output's largest value is compared.
        size: Height and width of the input, in pixels.

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
    meaning = TASKS.get(task if task in TASKS.names() else "classify")
    numbers = [_numbers(output) for output in outputs]
    agreement = meaning.agreement(meaning.decode(numbers, size), meaning.decode(references, size))
    ours, theirs = meaning.paired(numbers, references)
    pairs = [(np.asarray(y, np.float64), np.asarray(r, np.float64)) for y, r in zip(ours, theirs)]
    filled = [pair for pair in pairs if pair[1].size]
    nothing = not filled and agreement < 1.0
    return Closeness(
        images=len(references[0]),
        agreement=agreement,
        sqnr_db=_NOTHING_DB if nothing else _worst(filled),
        max_abs_error=max((float(np.max(np.abs(y - r))) for y, r in filled), default=0.0),
        max_abs_reference=max((float(np.max(np.abs(r))) for _, r in filled), default=0.0),
        finite=all(bool(np.all(np.isfinite(output))) for output in outputs),
    )


def _worst(pairs: Sequence[Tuple[Any, Any]]) -> Optional[float]:
    """The least signal to noise of all outputs, in dB; None if all are equal to the last bit."""
    signals = [float(np.sum(r**2)) for _, r in pairs]
    noises = [float(np.sum((y - r) ** 2)) for y, r in pairs]
    found = [_decibel(s or sum(signals), n) for s, n in zip(signals, noises)]
    return min((one for one in found if one is not None), default=None)


def _numbers(output: Any) -> Any:
    return np.nan_to_num(np.asarray(output, np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _decibel(signal: float, noise: float) -> Optional[float]:
    if noise == 0.0:
        return None
    # A reference of zeros has no logarithm: the least positive float stands for it.
    return 10.0 * math.log10(max(signal, float(np.finfo(np.float64).tiny)) / noise)


def _list(shapes: List[Any]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)
