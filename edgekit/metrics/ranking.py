"""Whether two lists of numbers put the same things in the same order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]


def spearman(one: Numbers, other: Numbers) -> float | None:
    """Spearman's rank correlation, from -1 (the reverse order) to 1 (the same order).

    Pearson's correlation of the ranks, equal numbers sharing the mean of theirs (Spearman 1904;
    Kendall, "Rank Correlation Methods", chapter 3).

    Args:
        one: Shape (N,).
        other: Shape (N,), of the same things.

    Returns:
        None where either list has no order: all its numbers are equal, or one is none.
    """
    if np.isnan(one).any() or np.isnan(other).any():
        return None
    first, second = (ranks(numbers) - (len(numbers) - 1) / 2 for numbers in (one, other))
    spread = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float(first @ second) / spread if spread else None


def ranks(numbers: Numbers) -> npt.NDArray[np.float64]:
    """Rank of each number from 0, the least first; equal ones share the mean of theirs.

    Args:
        numbers: Shape (N,).
    """
    _, place, count = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(count) - 1
    found: npt.NDArray[np.float64] = (last - (count - 1) / 2)[place]
    return found
