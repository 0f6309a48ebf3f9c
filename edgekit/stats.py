"""Order statistics: percentiles by nearest rank, with intervals that assume no distribution."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

CONFIDENCE = 0.95
# Of fewer processes, or stretches of one, nobody can tell how far they scatter.
LEAST_UNITS = 6
# Enough to tell it, each long enough to have its own mood behind it.
_STRETCHES = 20
# For finding a jump: medians of as many stretches, at least so many of them on either side.
_FINE = 200
_LEAST_LEVEL = 8  # five on each side come apart by chance in one of a hundred pieces of noise
_STEP = 0.05


def percentile(values: Sequence[float], share: float) -> float:
    """The value at rank ceil(n * share) of the sorted values.

    Args:
        values: At least one, in any order.
        share: From 0 to 1: 0.5 for the median.
    """
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * share)) - 1]


def interval(
    values: Sequence[float], share: float, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """An interval that holds the true quantile with at least `confidence`.

    Between two order statistics: the number of values below the true quantile is binomial,
    whatever the values' distribution is, if they are independent.

    Args:
        values: At least one, in any order.
        share: From 0 to 1.
        confidence: From 0 to 1.

    Returns:
        The two values; None where there are too few for any such interval.
    """
    n = len(values)
    tail = (1.0 - confidence) / 2.0
    if n < least_count(share, confidence):
        return None
    low, high = binomial_quantile(n, share, tail), binomial_quantile(n, share, 1.0 - tail) + 1
    ordered = sorted(values)
    return ordered[max(low, 1) - 1], ordered[min(high, n) - 1]


def pooled(
    launches: Sequence[Sequence[float]], share: float
) -> tuple[float, tuple[float, float] | None]:
    """A quantile of what several processes measured, and where another run's is expected.

    What is measured one after the other is not independent: a machine has moods, and they have no
    longest one. Medians of runs that lie minutes apart differ about as much as those of processes
    that follow each other, and no more certainty comes from many of either. So the interval is
    not of the mean but Student's prediction interval for one more value like the processes' own
    quantiles (W. Q. Meeker, G. J. Hahn and L. A. Escobar, Statistical Intervals, 2nd ed. (2017),
    section 4.7), from six processes on. Below that the median's is the same over stretches of the
    processes, and that of other quantiles is from the count alone, since a stretch is too short to
    have them.

    Args:
        launches: For each process its values, none below 0, in the order of time.
        share: From 0 to 1.

    Returns:
        The quantile of all values together; the interval that holds that of another run with
        95 %, None where there are too few values.
    """
    every = [value for launch in launches for value in launch]
    value = percentile(every, share)
    if len(launches) >= LEAST_UNITS:
        units = [percentile(launch, share) for launch in launches]
    elif share == 0.5:  # noqa: PLR2004 -- the median
        units = [statistics.median(stretch) for stretch in _stretches(launches)]
    else:
        return value, interval(every, share)
    if len(units) < LEAST_UNITS:
        return value, None
    spread = statistics.stdev(units) * math.sqrt(1.0 + 1.0 / len(units))
    reach = t_quantile((1.0 + CONFIDENCE) / 2.0, len(units) - 1) * spread
    return value, (max(value - reach, 0.0), value + reach)


def _stretches(launches: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """The launches, cut into about `_STRETCHES` stretches together, none empty."""
    each = -(-_STRETCHES // len(launches))
    cuts = []
    for launch in launches:
        count = min(each, len(launch))
        ends = [len(launch) * i // count for i in range(count + 1)]
        cuts += [launch[a:b] for a, b in itertools.pairwise(ends)]
    return cuts


def mean_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Student's interval of the mean, for few values that are each a mean of many.

    It assumes that they are independent and about normal, which means of many are.

    Args:
        values: At least one.
        confidence: From 0 to 1.

    Returns:
        The two ends; None for one value.
    """
    if len(values) == 1:
        return None
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / math.sqrt(len(values))
    reach = t_quantile((1.0 + confidence) / 2.0, len(values) - 1) * error
    return mean - reach, mean + reach


def t_quantile(share: float, freedom: int) -> float:
    """The quantile of Student's t distribution.

    Args:
        share: From 0.5 on, below 1.
        freedom: Degrees of freedom, 1 or more.
    """
    low, high = 0.0, math.pi / 2.0
    for _ in range(60):  # halvings: to the last bit
        angle = (low + high) / 2.0
        below = (1.0 + _t_between(angle, freedom)) / 2.0
        low, high = (angle, high) if below < share else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def t_tail(value: float, freedom: int) -> float:
    """The probability that Student's t is above `value`.

    Args:
        value: Of either sign.
        freedom: Degrees of freedom, 1 or more.
    """
    half = _t_between(math.atan(abs(value) / math.sqrt(freedom)), freedom) / 2.0
    return max(0.0, 0.5 - math.copysign(half, value))


def _t_between(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle)).

    M. Abramowitz and I. Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    if odd:
        return 2.0 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def step(values: Sequence[float]) -> tuple[int, float] | None:
    """Where values jump from one level to another for good, and by what ratio, if they do.

    A jump is where what comes before and what comes after hardly overlap (at most a tenth of
    either reaches into the other) and the medians differ by more than `_STEP`. A short
    disturbance is none: after it the values are what they were.

    Args:
        values: Positive, in the order of time.

    Returns:
        How many values lie before the jump, and the ratio of the median after it to that before;
        of several places the one that explains most. None if there is none.
    """
    count = min(_FINE, len(values))
    ends = [len(values) * i // count for i in range(count + 1)]
    fine = [statistics.median(values[a:b]) for a, b in itertools.pairwise(ends)]
    found = [
        (_explained(fine[:at], fine[at:]), ends[at], ratio)
        for at in range(_LEAST_LEVEL, count - _LEAST_LEVEL + 1)
        if (ratio := _jump(fine[:at], fine[at:]))
    ]
    return max(found)[1:] if found else None


def _explained(before: Sequence[float], after: Sequence[float]) -> float:
    """How much of all variation a jump between the two explains: the CUSUM statistic, of logs."""
    apart = statistics.fmean(map(math.log, after)) - statistics.fmean(map(math.log, before))
    return len(before) * len(after) * apart**2


def _jump(before: Sequence[float], after: Sequence[float]) -> float | None:
    """The ratio of the medians, if there is a jump between the two; None if there is none."""
    ratio = statistics.median(after) / statistics.median(before)
    lower, upper = (before, after) if ratio > 1.0 else (after, before)
    apart = percentile(lower, 0.9) < percentile(upper, 0.1)
    return ratio if apart and abs(ratio - 1.0) > _STEP else None


def outliers(values: Sequence[float]) -> int:
    """How many values lie more than three interquartile ranges above the third quartile.

    What J. W. Tukey, Exploratory Data Analysis (1977), calls "far out".
    """
    low, high = percentile(values, 0.25), percentile(values, 0.75)
    return sum(value > high + 3.0 * (high - low) for value in values)


def ratio(
    numerators: Sequence[Sequence[float]], denominators: Sequence[Sequence[float]]
) -> tuple[float, tuple[float, float] | None]:
    """The ratio of two things that were measured in turn, and its 95 % interval.

    What disturbs a machine for seconds disturbs both of a pair, so it is the ratio of each pair
    that counts, in logarithms, where twice and half are equally far from one. Pairs of one launch
    of a process share its luck (where memory lies, which core it got), so a launch counts once, as
    the median of its pairs. The interval over the launches is that of the sign test (W. J.
    Conover, Practical Nonparametric Statistics, 3rd ed., sections 3.2 and 3.4; the comparison of
    nanobench uses it too): it assumes that launches are independent and nothing of their
    distribution. It exists from six launches on, and from nine on one wild launch can't move it
    far.

    Args:
        numerators: For each launch, positive values; at least one of at least one.
        denominators: As many, in the same order.
    """
    logs = [
        statistics.median(math.log(over / under) for over, under in zip(*launch, strict=True))
        for launch in zip(numerators, denominators, strict=True)
    ]
    found = interval(logs, 0.5)
    middle = math.exp(statistics.median(logs))
    return middle, (math.exp(found[0]), math.exp(found[1])) if found else None


def least_count(share: float, confidence: float = CONFIDENCE) -> int:
    """The least number of values for which `interval` exists.

    Each end needs a chance of no more than half the rest: that all n values lie below the quantile
    has share**n, that none does (1 - share)**n.
    """
    tail = (1.0 - confidence) / 2.0
    return math.ceil(math.log(tail) / math.log(max(share, 1.0 - share)))


def binomial_quantile(n: int, share: float, probability: float) -> int:
    """The least k with P(Binomial(n, share) <= k) >= probability."""
    below = 0.0
    # What lies more than 12 standard deviations off weighs less than rounding does.
    far = 12.0 * math.sqrt(n * share * (1.0 - share))
    for k in range(max(0, math.floor(n * share - far) - 1), n + 1):
        below += math.exp(_log_binomial(n, k, share))
        if below >= probability:
            return k
    return n


def _log_binomial(n: int, k: int, share: float) -> float:
    # In logarithms: the coefficients of a million trials have no float.
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(share) + (n - k) * math.log1p(-share)
