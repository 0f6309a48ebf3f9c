"""Boxes in pixels with a score a class, before duplicates are suppressed: SSD and R-CNN."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np

from edgekit.tasks import boxes
from edgekit.tasks.boxes import Detections

# Proposals overlap each other by up to 0.7: those that meet by less may be others.
_PARTNERS = 0.8


class Candidates:
    """Raw outputs `boxes` (N, R, 4) or (N, R, C, 4), in pixels, and `scores` (N, R, C), 0 to 1.

    Args:
        in_order: Whether each row is a place, as SSD's are. A two-stage detector lists its
            proposals by how sure it is, and fills up with rows whose scores are all 0.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order

    float_end = True  # coordinates: 8 bits of 320 pixels are steps of more than one

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """The `Detections` of each image."""
        corners, scores = (np.asarray(output, np.float32) for output in outputs)
        return [boxes.surest(boxes.clipped(b, size), s) for b, s in zip(corners, scores)]

    def agreement(self, found: Sequence[Detections], expected: Sequence[Detections]) -> float:
        """Mean F1 of the boxes over images, at an overlap of one half."""
        return boxes.harmony(found, expected)

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """Each row of the references beside the row of the outputs whose best box is nearest."""
        if self._in_order:
            return list(outputs), list(references)
        ours: List[List[Any]] = [[], []]
        theirs: List[List[Any]] = [[], []]
        for corners, scores, expected, wanted in zip(*outputs, *references):
            given, real = scores.max(axis=1) > 0, wanted.max(axis=1) > 0
            rows, columns = _partners(
                _best(corners[given], scores[given]), _best(expected[real], wanted[real])
            )
            for kept, part in zip(ours, (corners[given], scores[given])):
                kept.append(part[rows])
            for kept, part in zip(theirs, (expected[real], wanted[real])):
                kept.append(part[columns])
        return [np.concatenate(kept) for kept in ours], [np.concatenate(kept) for kept in theirs]


def _best(corners: Any, scores: Any) -> Any:
    """One box a row: that of its best class."""
    if corners.ndim == 2:  # noqa: PLR2004 -- rows and coordinates: one box for all classes
        return corners
    return corners[np.arange(len(corners)), scores.argmax(axis=1)]


def _partners(found: Any, expected: Any) -> Tuple[Any, Any]:
    """Indices of rows of `found` and of `expected` that belong together."""
    shared = boxes.overlaps(found, expected)
    if not shared.size:
        return np.arange(0), np.arange(0)
    rows = shared.argmax(axis=0)
    columns = np.arange(len(expected))
    mutual = shared.argmax(axis=1)[rows] == columns
    columns = columns[mutual & (shared[rows, columns] >= _PARTNERS)]
    return rows[columns], columns


FIXED = Candidates(in_order=True)
LISTED = Candidates(in_order=False)
