"""Scores of classes for each pixel: the best class of each pixel is the mask."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np

# What a mask says of pixels that count for nothing, as in Pascal VOC and Cityscapes.
IGNORED = 255


class Masks:
    """One map of scores a class: (N, classes, H, W)."""

    float_end = True  # 8-bit scores tie where they are interpolated between two classes

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """The mask of each image, (H, W), int64 class indices."""
        del size
        return list(np.asarray(outputs[0]).argmax(axis=1))

    def agreement(self, found: Sequence[Any], expected: Sequence[Any]) -> float:
        """Mean over classes of intersection over union, over all pixels of all images.

        A class that covers few pixels counts as much as one that covers many; one that neither
        has doesn't count.
        """
        count = 1 + max(int(mask.max()) for mask in (*found, *expected))
        both, either = np.zeros(count), np.zeros(count)
        for mask, reference in zip(found, expected):
            same = np.bincount(mask[mask == reference], minlength=count)
            sizes = np.bincount(np.ravel(mask), minlength=count)
            both += same
            either += sizes + np.bincount(np.ravel(reference), minlength=count) - same
        there = either > 0
        return float(np.mean(both[there] / either[there]))

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """As they are: pixels have places."""
        return list(outputs), list(references)


TASK = Masks()
