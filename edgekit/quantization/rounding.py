"""Rounding weights to their scales: each to the nearest step, or with its error fed back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgekit.quantization.layers import Array
from edgekit.quantization.scales import LARGEST

Rounded = npt.NDArray[np.int8]

# Share of the mean square that is added to every square, so that terms which calibration never
# moved apart can be told apart (GPTQ, section 3.3, step 3).
DAMPING = 0.01
# Columns whose errors are handed on together (GPTQ, section 3.3, step 2): memory traffic, no math.
_BLOCK = 64
# Solving takes the cube of the terms: beyond this a layer would take minutes.
MOST_TERMS = 4608


def nearest(rows: Array, scale: Array) -> Rounded:
    """Each weight at the nearest step.

    Args:
        rows: Shape (groups, outputs / groups, terms).
        scale: Shape (groups, outputs / groups, 1).
    """
    steps: Rounded = np.clip(np.rint(rows / scale), -LARGEST, LARGEST).astype(np.int8)
    return steps


def error_feedback(rows: Array, scale: Array, second: npt.NDArray[np.float64]) -> Rounded:
    """Weights rounded one by one, the others moved so that the layer's output changes least.

    The error of each weight is made up for by those not rounded yet, by the optimal update for the
    expected square of the output's error: GPTQ (Frantar et al. 2022, arXiv:2210.17323), all rows
    in one order, the terms with the largest squares first. The largest weight of a row stays at
    the end of the scale, so that the scale can be read off the rounded weights again.

    Args:
        rows: Shape (groups, outputs / groups, terms).
        scale: Shape (groups, outputs / groups, 1).
        second: Mean products of terms, shape (groups, terms, terms).
    """
    order = np.argsort(-np.einsum("gii->gi", second), axis=-1, kind="stable")
    across, down = order[:, None, :], order[:, :, None]
    ordered = np.take_along_axis(np.take_along_axis(second, down, 1), across, 2)
    factor = _factor(ordered)
    rest = np.take_along_axis(rows.astype(np.float64), across, 2)
    peaks = np.abs(rest) >= LARGEST * (scale - np.spacing(scale))
    rounded = np.empty_like(rest)
    terms = rest.shape[-1]
    for start in range(0, terms, _BLOCK):
        end = min(start + _BLOCK, terms)
        errors = np.empty((*rest.shape[:2], end - start))
        for j in range(start, end):
            steps = rest[..., j] / scale[..., 0]
            steps = np.where(peaks[..., j], np.sign(steps) * LARGEST, np.rint(steps))
            rounded[..., j] = np.clip(steps, -LARGEST, LARGEST)
            error = rest[..., j] - rounded[..., j] * scale[..., 0]
            errors[..., j - start] = error / factor[:, None, j, j]
            ahead = errors[..., j - start, None] * factor[:, None, j, j + 1 : end]
            rest[..., j + 1 : end] -= ahead
        rest[..., end:] -= errors @ factor[:, start:end, end:]
    back = np.argsort(across, axis=-1)
    return np.take_along_axis(rounded, back, 2).astype(np.int8)


def _factor(second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The upper triangular U with U^T U = inverse of the damped `second`.

    Of the flipped matrix's Cholesky factor L, flipped back to R with `second` = R R^T, the inverse
    is U: one factorization in place of two and an inversion.
    """
    squares = np.einsum("gii->gi", second)
    damping = DAMPING * squares.mean(axis=-1) + np.finfo(np.float32).tiny
    damped = second + damping[:, None, None] * np.eye(second.shape[-1])
    flipped = np.linalg.cholesky(damped[:, ::-1, ::-1])[:, ::-1, ::-1]
    return np.triu(np.linalg.inv(flipped))
