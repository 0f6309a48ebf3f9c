"""Whether two lists of numbers put things in the same order."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgekit.errors import DataError


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation: Pearson's, of ranks; equal numbers share their mean rank.

    Args:
        first: Numbers.
        second: As many.

    Returns:
        From -1 to 1; None where one list has no order, as when all its numbers are equal.

    Raises:
        DataError: The lists differ in length, or hold what is no number.
    """
    pair = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if pair[0].shape != pair[1].shape or not all(np.isfinite(values).all() for values in pair):
        message = f"{len(pair[0])} and {len(pair[1])} values can't be ranked beside each other"
        raise DataError(message, hint="give two lists of numbers, one for each pair")
    ranks = [_ranks(values) for values in pair]
    centred = [each - each.mean() for each in ranks if each.size]
    if len(centred) < len(ranks):
        return None
    scale = float(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    return float(centred[0] @ centred[1]) / scale if scale else None


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return means
