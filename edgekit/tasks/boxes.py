"""Boxes: overlap, suppression of duplicates, and which found boxes are the expected ones.

Boxes are (left, top, right, bottom) in pixels of the network's input, float32, the origin at the
upper left corner of the upper left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np

# Less sure boxes are left out; torchvision's detectors use the same number.
LEAST_SCORE = 0.05
# What is thinner is no box: cut off at an edge of the image, nothing is left of it.
LEAST_EDGE = 0.01  # pixels
# Of two boxes of one class that overlap by more, the surer one stays.
MOST_OVERLAP = 0.5
# Boxes that go into the suppression, and that come out of it, the surest first.
CANDIDATES, MOST = 400, 100
# From this overlap on two boxes show the same thing.
SAME = 0.5


@dataclass(frozen=True)
class Detections:
    """What was found in one image, the surest first.

    Attributes:
        boxes: Shape (M, 4), in pixels of the input.
        scores: Shape (M,), from 0 to 1.
        classes: Shape (M,), int64.
    """

    boxes: Any
    scores: Any
    classes: Any

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.scores)


def overlaps(boxes: Any, others: Any) -> Any:
    """Intersection over union of each of `boxes` (M, 4) with each of `others` (K, 4): (M, K)."""
    top = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    width, height = np.moveaxis(np.maximum(bottom - top, 0), -1, 0)
    shared = width * height
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _areas(boxes: Any) -> Any:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def suppressed(boxes: Any, scores: Any, classes: Any, most_overlap: float = MOST_OVERLAP) -> Any:
    """Indices of the boxes that stay, the surest first: greedy suppression within each class.

    What `torchvision.ops.batched_nms` gives; of equal scores the first comes first.

    Args:
        boxes: Shape (M, 4).
        scores: Shape (M,).
        classes: Shape (M,).
        most_overlap: Of two boxes that overlap by more, the less sure one goes.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, classes = boxes[order], classes[order]
    rivals = classes[:, None] == classes[None]
    # Compared as torchvision does it: a float32 ratio with a float64 bound.
    rivals &= overlaps(boxes, boxes).astype(np.float64) > most_overlap
    stays = np.ones(len(order), bool)
    for index in range(len(order)):
        if stays[index]:
            stays[index + 1 :] &= ~rivals[index, index + 1 :]
    return order[stays]


def surest(boxes: Any, scores: Any) -> Detections:
    """What stays of all candidates of one image.

    Args:
        boxes: Shape (A, 4), or (A, C, 4) where each class has its own.
        scores: Shape (A, C), from 0 to 1.
    """
    count, kinds = scores.shape
    flat = scores.reshape(-1)
    per_class = np.broadcast_to(boxes.reshape(count, -1, 4), (count, kinds, 4))
    edges = (per_class[..., 2:] - per_class[..., :2]).min(axis=-1)
    chosen = np.flatnonzero((flat >= LEAST_SCORE) & (edges.reshape(-1) >= LEAST_EDGE))
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")[:CANDIDATES]]
    picked = per_class[chosen // kinds, chosen % kinds]
    left = suppressed(picked, flat[chosen], chosen % kinds)[:MOST]
    return Detections(picked[left], flat[chosen][left], (chosen % kinds)[left].astype(np.int64))


def clipped(boxes: Any, size: Tuple[int, int]) -> Any:
    """`boxes` cut off at the edges of an image of `size` (height, width)."""
    height, width = size
    return np.clip(boxes, 0, np.asarray([width, height, width, height], np.float32))


def partners(found: Detections, expected: Detections) -> List[Tuple[int, int]]:
    """Pairs (found, expected) of one class that overlap by `SAME` or more, each used once.

    The best overlap is paired first.
    """
    if not len(found) or not len(expected):
        return []
    shared = overlaps(found.boxes, expected.boxes)
    shared = np.where(found.classes[:, None] == expected.classes[None], shared, 0.0)
    pairs: List[Tuple[int, int]] = []
    for place in np.argsort(-shared, axis=None, kind="stable"):
        row, column = divmod(int(place), len(expected))
        if shared[row, column] < SAME:
            break
        if all(row != r and column != c for r, c in pairs):
            pairs.append((row, column))
    return pairs


def harmony(found: Sequence[Detections], expected: Sequence[Detections]) -> float:
    """Mean over images of the F1 score of found boxes against the expected ones.

    An image in which neither has any counts as 1.
    """
    shares = [
        2 * len(partners(ours, theirs)) / (len(ours) + len(theirs))
        if len(ours) + len(theirs)
        else 1.0
        for ours, theirs in zip(found, expected)
    ]
    return float(np.mean(shares))
