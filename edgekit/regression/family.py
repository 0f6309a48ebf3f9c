"""Several pairs judged together: one that fails by chance shall stay as rare as with one pair."""

from __future__ import annotations

from collections.abc import Sequence


def holm(probabilities: Sequence[float], error: float) -> list[bool]:
    """Which hypotheses are rejected, so that any of them is wrongly with at most `error`.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979): the smallest probability is held against error / n, the next one against
    error / (n - 1), and so on, up to the first that is larger.

    Args:
        probabilities: P-value of each hypothesis.
        error: From 0 to 1.
    """
    rejected = [False] * len(probabilities)
    for rank, index in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        if probabilities[index] > error / (len(probabilities) - rank):
            break
        rejected[index] = True
    return rejected
