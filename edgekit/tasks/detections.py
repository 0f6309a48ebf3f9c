"""Finished detections, by a file that holds its own decode and suppression of duplicates."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np

from edgekit.tasks import boxes
from edgekit.tasks.boxes import Detections


class Finished:
    """Outputs `boxes` (N, M, 4), `scores` (N, M) and `classes` (N, M); a score of 0 is none."""

    float_end = True

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """The `Detections` of each image."""
        del size
        corners, scores, classes = map(np.asarray, outputs)
        return [
            Detections(b[s > 0], s[s > 0], c[s > 0].astype(np.int64))
            for b, s, c in zip(corners, scores, classes)
        ]

    def agreement(self, found: Sequence[Detections], expected: Sequence[Detections]) -> float:
        """Mean F1 of the boxes over images, at an overlap of one half."""
        return boxes.harmony(found, expected)

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """Boxes and scores of the same things, row by row."""
        ours, theirs = self.decode(outputs, (0, 0)), self.decode(references, (0, 0))
        found: List[List[Any]] = [[np.zeros((0, 4))], [np.zeros(0)]]
        expected: List[List[Any]] = [[np.zeros((0, 4))], [np.zeros(0)]]
        for one, other in zip(ours, theirs):
            pairs = np.asarray(boxes.partners(one, other), np.int64).reshape(-1, 2)
            found[0].append(one.boxes[pairs[:, 0]])
            found[1].append(one.scores[pairs[:, 0]])
            expected[0].append(other.boxes[pairs[:, 1]])
            expected[1].append(other.scores[pairs[:, 1]])
        return [np.concatenate(p) for p in found], [np.concatenate(p) for p in expected]


TASK = Finished()
