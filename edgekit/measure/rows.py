"""Stored rows of tokens in another length: filled up with zeros that a mask hides, or cut."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

# By layout: the axis of the tokens, and whether a row is filled up and cut in front of its text.
# A cache is, since what is new stands behind it.
_TOKENS: Dict[str, Tuple[int, bool]] = {"NL": (1, False), "NT": (1, True), "NHTD": (2, True)}
_CACHE_AXES = 4


def resized(array: Any, layout: str, sizes: Sequence[Any]) -> Any:
    """`array` with as many tokens as `sizes` say; as it is where its layout has none.

    Args:
        array: Samples first.
        layout: Its layout.
        sizes: Elements along each axis.
    """
    if layout not in _TOKENS or array.ndim != len(sizes):
        return array
    axis, in_front = _TOKENS[layout]
    more = sizes[axis] - array.shape[axis]
    if more <= 0:
        return _cut(array, axis, -more, in_front=in_front)
    pads = [(0, 0)] * array.ndim
    pads[axis] = (more, 0) if in_front else (0, more)
    return np.pad(array, pads)


def fitting(arrays: Sequence[Any], layouts: Sequence[str], sizes: Sequence[Sequence[Any]]) -> Any:
    """Indices of the samples that lose no token where they are cut.

    Args:
        arrays: Each input, samples first.
        layouts: Their layouts.
        sizes: Elements along each of their axes, as they will be fed.
    """
    fits = np.ones(len(arrays[0]), bool)
    for array, layout, shape in zip(arrays, layouts, sizes):
        axis, in_front = _TOKENS.get(layout, (0, False))
        # Of ids and masks: what is cut of a cache is what its mask hides.
        if axis == 1 and array.ndim == len(shape):
            lost = array.shape[1] - min(shape[1], array.shape[1])
            gone = array[:, :lost] if in_front else array[:, array.shape[1] - lost :]
            fits &= ~gone.any(axis=1)
    return np.flatnonzero(fits)


def last_tokens(outputs: Sequence[Any], references: Sequence[Any]) -> List[Any]:
    """Outputs with a cache as long as the reference's: its last tokens are those of the sample."""
    return [
        _cut(output, 2, max(0, output.shape[2] - reference.shape[2]), in_front=True)
        if output.ndim == reference.ndim == _CACHE_AXES
        else output
        for output, reference in zip(outputs, references)
    ]


def _cut(array: Any, axis: int, count: int, *, in_front: bool) -> Any:
    whole = array.shape[axis]
    kept = slice(count, whole) if in_front else slice(0, whole - count)
    return array[(slice(None),) * axis + (kept,)]
