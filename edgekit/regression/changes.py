"""Where a series of ratios changes its level, and where it does not.

A search proposes changes and two votes must agree. The search is PELT (R. Killick, P. Fearnhead
and I. A. Eckley, JASA 107 (2012)) with a squared loss, by `ruptures`, over the logarithms in units
of their own noise. Before it, what lies far off its neighbours is pulled in, so that one wild
value is no change. The votes, on the values as they are, are the rank test of H. B. Mann and D. R.
Whitney on both sides, and half of the slowdown that is allowed.

The penalty is calibrated by `benchmarks/history.py`: of 60 values without a change, normal, with
heavy tails, or with a lag-1 correlation of 0.3, at most 5 % of series show one.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import MissingDependency
from edgekit.records.trends import State
from edgekit.registry import install_command

# Points on each side, and further ones that confirm.
LEAST = 3
_CONFIRMING = 3
# In units of the noise's variance: a change must explain that much of the squares.
_PENALTY = 13.5
_MOST_P = 0.005
_LEAST_FOR_SHORT = 12
# Further than that from its neighbours' median a value counts as that far.
_REACH = 3.0
_NEIGHBOURS = 2
# Widths of the blocks whose differences show the noise: what lasts for some commits is noise too.
_BLOCKS = (1, 2, 3)
# The median of |z| of a standard normal z is 1 / 1.4826.
_MAD = 1.4826
# Below this two builds of one file differ: a series of equal numbers has some noise all the same.
_LEAST_NOISE = 2e-4
_Z = 1.959964
# Twice the log of a likelihood ratio of 20 to 1, which a boundary within the range stays below.
_SUSPICION = 6.0
# The rule at commit time: looks back that far, and says nothing before so many points.
_WINDOW = 30
_LEAST_BEFORE = 10
_SIGMAS, _SIGMAS_AGAIN = 4.0, 2.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """A change of level.

    Attributes:
        index: Place of the first value of the new level.
        first: The earliest place where the new level may begin.
        last: The latest.
        ratio: The new level to the old one.
        interval: Its 95 % interval.
        p: Of the rank test, two-sided.
        state: New, confirmed, or resolved by a later one.
    """

    index: int
    first: int
    last: int
    ratio: float
    interval: tuple[float, float]
    p: float
    state: State


def check() -> None:
    """See that changes can be searched, before anything else is done for it.

    Raises:
        MissingDependency: ruptures isn't installed.
    """
    _libraries()


def changes(ratios: Sequence[float], max_slowdown: float) -> tuple[Found, ...]:
    """The changes of level in `ratios`, in their order.

    Args:
        ratios: Positive, in the order of commits.
        max_slowdown: What is allowed, as a share; a change of less than half of it is none.

    Raises:
        MissingDependency: ruptures isn't installed.
    """
    logs = np.log(np.asarray(ratios, np.float64))
    if len(logs) < 2 * LEAST:
        return ()
    cuts = _standing(logs, _proposed(logs), math.log1p(max_slowdown) / 2.0)
    ends = [0, *cuts, len(logs)]
    levels = [float(np.median(logs[a:b])) for a, b in itertools.pairwise(ends)]
    return tuple(
        _found(logs, ends[place : place + 3], _state(levels, place, ends, max_slowdown))
        for place in range(len(cuts))
    )


def noise(logs: Array) -> float:
    """Standard deviation of values around their level, whether or not that changes.

    From the differences of neighbouring blocks of one, two and three values, by their median, so
    that neither a change nor a wild value counts; the largest of the three, since with a
    correlation from commit to commit longer blocks differ by more.
    """
    found = [_LEAST_NOISE]
    for width in _BLOCKS:
        means = np.convolve(logs, np.ones(width) / width, "valid")
        apart = np.abs(means[width:] - means[:-width])
        if len(apart):
            found.append(_MAD * float(np.median(apart)) * math.sqrt(width / 2.0))
    return max(found)


def _proposed(logs: Array) -> list[int]:
    ruptures, _ = _libraries()
    scale = noise(logs)
    middle = np.array(
        [
            np.median(logs[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1])
            for place in range(len(logs))
        ]
    )
    near = np.clip(logs, middle - _REACH * scale, middle + _REACH * scale) / scale
    search = ruptures.KernelCPD(kernel="linear", min_size=LEAST).fit(near.reshape(-1, 1))
    return [int(place) for place in search.predict(pen=_PENALTY)[:-1]]


def _standing(logs: Array, cuts: list[int], least: float) -> list[int]:
    """The cuts that both votes agree to; one that falls joins its sides, so it is voted again."""
    # With few values not even the noise is known.
    far = _REACH * noise(logs) if len(logs) >= _LEAST_FOR_SHORT else math.inf
    while cuts:
        votes = [_vote(*_sides(logs, cuts, place), least, far) for place in range(len(cuts))]
        worst = max(range(len(cuts)), key=votes.__getitem__)
        if votes[worst] < _MOST_P:
            break
        cuts = [*cuts[:worst], *cuts[worst + 1 :]]
    return cuts


def _sides(logs: Array, cuts: Sequence[int], place: int) -> tuple[Array, Array]:
    ends = [0, *cuts, len(logs)]
    return logs[ends[place] : ends[place + 1]], logs[ends[place + 1] : ends[place + 2]]


def _vote(before: Array, after: Array, least: float, far: float) -> float:
    """The p-value of the rank test; 1 or more where the medians differ by less than `least`.

    Two short sides have no small p-value, however far apart they are: 0 for those that don't
    overlap and whose medians differ by `far`. Else a slowdown that is undone after four commits,
    or follows a gain after as many, would be seen much later, or never.
    """
    apart = abs(float(np.median(after)) - float(np.median(before)))
    if apart < least:
        return 2.0 - apart / least
    smallest = 2.0 / math.comb(len(before) + len(after), len(before))
    parted = before.max() < after.min() or after.max() < before.min()
    if smallest >= _MOST_P and parted and apart >= far:
        return 0.0
    return _rank_p(before, after)


def _rank_p(before: Array, after: Array) -> float:
    _, ranks = _libraries()
    return float(ranks.mannwhitneyu(before, after, alternative="two-sided").pvalue)


def _found(logs: Array, ends: Sequence[int], state: State) -> Found:
    start, cut, end = ends
    before, after = logs[start:cut], logs[cut:end]
    shift, low, high = _shift(before, after)
    first, last = _range(logs[start:end], cut - start, noise(logs))
    return Found(
        index=cut,
        first=start + first,
        last=start + last,
        ratio=math.exp(shift),
        interval=(math.exp(low), math.exp(high)),
        p=_rank_p(before, after),
        state=state,
    )


def _shift(before: Array, after: Array) -> tuple[float, float, float]:
    """How far the values after lie from those before, with a 95 % interval.

    The median of all differences (J. L. Hodges and E. L. Lehmann, 1963); the interval is that of
    P. A. Moses by the normal approximation (M. Hollander and D. A. Wolfe, Nonparametric
    Statistical Methods, 3rd ed., section 4.3).
    """
    n, m = len(before), len(after)
    apart = np.sort(np.subtract.outer(after, before), axis=None)
    cut = math.floor(n * m / 2.0 - _Z * math.sqrt(n * m * (n + m + 1) / 12.0))
    cut = min(max(cut, 1), (n * m + 1) // 2)
    return float(np.median(apart)), float(apart[cut - 1]), float(apart[n * m - cut])


def _range(logs: Array, cut: int, scale: float) -> tuple[int, int]:
    """The earliest and the latest place where the change at `cut` may be, by the likelihood.

    What lies far off both levels says nothing of the place, so no value counts for more than one
    at the reach.
    """
    ends = [
        place
        for place in range(1, len(logs))
        if _misfit(logs, place, scale) <= _misfit(logs, cut, scale) + _SUSPICION
    ]
    # What hangs together with the cut itself.
    first = last = cut
    while first - 1 in ends:
        first -= 1
    while last + 1 in ends:
        last += 1
    return first, last


def _misfit(logs: Array, cut: int, scale: float) -> float:
    """Squares about the medians of both sides, in units of the noise's variance."""
    sides = (logs[:cut], logs[cut:])
    far = [np.minimum(np.abs(side - np.median(side)) / scale, _REACH) for side in sides]
    return float(sum(np.sum(side**2) for side in far))


def _state(levels: Sequence[float], place: int, ends: Sequence[int], max_slowdown: float) -> State:
    old, new = levels[place], levels[place + 1]
    tolerance = math.log1p(max_slowdown) / 2.0
    # Undone: some later level is back where it was, or beyond.
    sign = 1.0 if new > old else -1.0
    if any(sign * (level - old) <= tolerance for level in levels[place + 2 :]):
        return State.RESOLVED
    after = ends[-1] - ends[place + 1]
    return State.CONFIRMED if after >= LEAST + _CONFIRMING else State.NEW


def bound(
    before: Sequence[float], max_slowdown: float, *, again: bool = False
) -> tuple[float, float | None]:
    """What one more ratio may be, by those before it: the rule at commit time.

    Args:
        before: Ratios of the segment, in the order of commits; at least one.
        max_slowdown: What is allowed, as a share.
        again: Whether it was measured again since it was beyond the bound once.

    Returns:
        The median of the last 30, and the bound: the median, and the larger of what is allowed
        and four standard deviations (by the median absolute deviation), or two for what is
        measured again. None instead of the bound for fewer than 10.
    """
    logs = [math.log(ratio) for ratio in before[-_WINDOW:]]
    middle = statistics.median(logs)
    if len(logs) < _LEAST_BEFORE:
        return math.exp(middle), None
    spread = _MAD * statistics.median(abs(log - middle) for log in logs)
    sigmas = _SIGMAS_AGAIN if again else _SIGMAS
    return math.exp(middle), math.exp(middle + max(sigmas * spread, math.log1p(max_slowdown)))


def _libraries() -> tuple[Any, Any]:
    """`ruptures`, and `scipy.stats`, which it brings."""
    try:
        import ruptures
        import scipy.stats
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"searching change points needs the module {error.name!r}",
            hint=install_command("history"),
        ) from error
    return ruptures, scipy.stats
