"""The one-stage head: at each place the distances to a box's four edges, and scores of classes.

FCOS' boxes (Tian et al. 2019, arXiv:1904.01355) without its centerness.
"""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np

from edgekit.tasks import boxes
from edgekit.tasks.boxes import Detections

STRIDES = (8, 16, 32)


def places(size: Tuple[int, int], strides: Sequence[int] = STRIDES) -> Tuple[Any, Any]:
    """Where the head looks: the centre of each cell of each map, the finest map first.

    Args:
        size: Height and width of the input, in pixels.
        strides: Pixels of the input between two cells of each map.

    Returns:
        Centres (A, 2) as (x, y), and the stride of each, (A,); both float32, in pixels.
    """
    centres, steps = [], []
    for stride in strides:
        rows, columns = (-(-edge // stride) for edge in size)
        y, x = np.mgrid[:rows, :columns].reshape(2, -1)
        centres.append((np.stack([x, y], axis=1) + 0.5) * stride)
        steps.append(np.full(len(x), stride))
    return (
        np.concatenate(centres).astype(np.float32),
        np.concatenate(steps).astype(np.float32),
    )


def to_boxes(distances: Any, size: Tuple[int, int]) -> Any:
    """Boxes in pixels, cut off at the image's edges.

    Args:
        distances: Shape (..., A, 4): left, top, right, bottom, in strides.
        size: Height and width of the input, in pixels.
    """
    centres, steps = places(size)
    reach = np.maximum(distances, 0) * steps[:, None]
    corners = np.concatenate([centres - reach[..., :2], centres + reach[..., 2:]], axis=-1)
    return boxes.clipped(corners, size)


class Distances:
    """Raw outputs `boxes` (N, A, 4), in strides, and `scores` (N, A, C), before the sigmoid."""

    float_end = True  # each map has scales of its own; put together they would share one

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """The `Detections` of each image."""
        distances, logits = (np.asarray(output, np.float32) for output in outputs)
        corners = to_boxes(distances, size)
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-logits))
        return [boxes.surest(*one) for one in zip(corners, scores)]

    def agreement(self, found: Sequence[Detections], expected: Sequence[Detections]) -> float:
        """Mean F1 of the boxes over images, at an overlap of one half."""
        return boxes.harmony(found, expected)

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """As they are: each row is a place."""
        return list(outputs), list(references)


TASK = Distances()
