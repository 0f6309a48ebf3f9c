"""Scales of 8-bit weights: one for each output, and the bound that keeps pairs from saturating.

x86 without VNNI multiplies u8 activations by s8 weights with `vpmaddubsw`, which adds two products
in a saturating int16 (Intel SDM, volume 2). With activations up to 255, two weights of one sign
can overflow it only where their sum passes 32767 / 255 = 128; two of opposite signs never do.
Which weights meet in one instruction is the kernel's choice, but no two weigh more than the two
largest of a sign: a scale that brings those to 128 can't saturate in any kernel's layout, and
gives up far less than the whole bit of `reduce_range`. Kernels for depthwise convolutions add no
pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgekit.quantization.layers import Array, Layer

LARGEST = 127
# The largest sum of two weights of one sign whose products with 255 fit into int16 together.
PAIR = (2**15 - 1) // 255
# A row of zeros has any scale.
_LEAST = 1e-12


def weight_scale(layer: Layer, method: str) -> Array:
    """The scale of each row of `layer`'s weights.

    Args:
        layer: The layer.
        method: `max` (the largest weight becomes 127) or `pairs` (the module's bound as well).

    Returns:
        Shape (groups, outputs / groups, 1).
    """
    rows = layer.rows
    scale = np.abs(rows).max(axis=-1, keepdims=True) / LARGEST
    if bounds_pairs(layer, method):
        largest = np.maximum(_two_largest(rows), _two_largest(-rows))
        scale = np.maximum(scale, largest / PAIR)
    found: Array = np.maximum(scale, _LEAST).astype(np.float32)
    return found


def bounds_pairs(layer: Layer, method: str) -> bool:
    """Whether sums of two of `layer`'s weights must stay below the bound."""
    return method == "pairs" and not layer.is_depthwise and layer.rows.shape[-1] > 1


def fit_pairs(rounded: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """`rounded` with its largest weights brought down until no pair of one sign passes the bound.

    Rounding moves a weight by a step or two past what the scale was chosen for.

    Args:
        rounded: Shape (groups, outputs / groups, terms); two terms at least.
    """
    found = rounded.astype(np.int32)
    for sign in (1, -1):
        while True:
            signed = np.maximum(found * sign, 0)
            over = _two_largest(signed) > PAIR
            if not over.any():
                break
            top = signed.argmax(axis=-1)[..., None]
            lowered = np.take_along_axis(found, top, -1) - sign * over
            np.put_along_axis(found, top, lowered, -1)
    return found.astype(np.int8)


def _two_largest(values: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    """Sum of the two largest of each row, where they are positive."""
    top = np.partition(values, -2, axis=-1)[..., -2:]
    total: npt.NDArray[np.number] = np.maximum(top, 0).sum(axis=-1, keepdims=True)
    return total
