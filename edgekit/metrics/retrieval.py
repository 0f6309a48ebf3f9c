"""How well vectors find others of their class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgekit.metrics.worst import worst
from edgekit.records.scores import Image, Part, Score

RANKS = (1, 5, 10)
_CHUNK = 1024  # rows of the table of cosines that are in memory at once


def score(
    vectors: npt.NDArray[np.float32],
    right: npt.NDArray[np.int64],
    names: Sequence[str],
    files: Sequence[str],
) -> Score:
    """Recall@k: the share of images with another of their class among the k nearest others.

    An image that is alone in its class can't find another, and counts for nothing.

    Args:
        vectors: A vector of each image, shape (N, values); compared by their cosine.
        right: Class of each, shape (N,).
        names: Names of the classes.
        files: Names of the images.
    """
    counts = np.bincount(right, minlength=len(names))
    asked = np.flatnonzero(counts[right] > 1)
    ranks = _first_ranks(vectors, right, asked)
    each = [ranks[right[asked] == index] for index in range(len(names))]
    return Score(
        metric="recall1",
        value=_share(ranks, 1),
        others={f"recall{rank}": _share(ranks, rank) for rank in RANKS[1:]},
        classes=tuple(
            Part(name, len(found), _share(found, 1))
            for name, found in zip(names, each, strict=True)
        ),
        worst=worst(
            Image(files[index], 1.0 / rank, f"first of its class at {rank}")
            for index, rank in zip(asked.tolist(), ranks.tolist(), strict=True)
        ),
        images=len(asked),
    )


def _share(ranks: npt.NDArray[np.int64], rank: int) -> float | None:
    return float(np.mean(ranks <= rank)) if ranks.size else None


def _first_ranks(
    vectors: npt.NDArray[np.float32], right: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Place of the nearest other of the same class, from 1; a tie counts against it."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    found = np.zeros(len(asked), np.int64)
    for start in range(0, len(asked), _CHUNK):
        rows = asked[start : start + _CHUNK]
        # What is no number is near to nothing, and finds nothing.
        cosines = np.nan_to_num(units[rows] @ units.T, nan=-np.inf)
        same = right[rows][:, None] == right[None, :]
        itself = rows[:, None] == np.arange(len(units))[None, :]
        best = np.where(same & ~itself, cosines, -np.inf).max(axis=1, keepdims=True)
        found[start : start + _CHUNK] = 1 + ((cosines >= best) & ~same).sum(axis=1)
    return found
