"""Feature vectors of length 1: they are compared by their angle."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np


class Vectors:
    """One vector an image."""

    float_end = False

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """The vectors, each scaled to length 1: 8 bits leave them a little longer or shorter."""
        del size
        vectors = np.asarray(outputs[0], np.float32)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        return list(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))

    def agreement(self, found: Sequence[Any], expected: Sequence[Any]) -> float:
        """The mean cosine, none below zero."""
        cosines = np.sum(np.asarray(found) * np.asarray(expected), axis=-1)
        return float(np.clip(np.mean(cosines), 0.0, 1.0))

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """As they are."""
        return list(outputs), list(references)


TASK = Vectors()
