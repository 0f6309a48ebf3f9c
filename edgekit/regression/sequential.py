"""Is head slower than it may be? Looked at again and again, with one bound on the error.

A launch is one value: the logarithm of the ratio of head's time to base's, the median over its
rounds. Its two processes share no luck with those of another launch, and which of both comes first
is drawn, so the launches are independent, and as far from the truth on one side as on the other:
Student's t is over them. Where single launches are wild it errs towards no decision (Y. Benjamini,
"Is the t test really conservative when the parent distribution is long-tailed?", JASA 78, 1983);
from eight launches on the wildest are trimmed (J. W. Tukey and D. H. McLaughlin, "Less vulnerable
confidence and significance procedures for location based on a single sample", Sankhya A 25, 1963).

Whoever looks whether it is clear by now, and goes on if it isn't, is wrong more often than at one
look. So each look has its equal part of the error that may be made, which bounds their sum
(Bonferroni), however they depend on each other.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit import stats

# Launches at which to look. Beyond the last one nothing is decided any more.
LOOKS = (4, 6, 8, 11, 15, 20, 27, 36)
# A pass of what is too slow, or a fail of what isn't, at most: each of both.
ERROR = 0.025
# Launches for one to be trimmed at each end.
_TRIMMED = 8
# With this probability a file passes against itself where the limit is `Evidence.resolution`.
_POWER = 0.9


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some launches say.

    Attributes:
        count: How many.
        ratio: Of head's time to base's.
        interval: Of `ratio`, at the confidence of one look: what lies outside is decided.
        p_slower: How probable it is that any look so far found head as slow as it did, if head is
            within the limit; at most 1.
        p_within: Likewise as fast as it did, if head is beyond the limit.
        resolution: The least limit, as a share, within which so many launches would find a file
            that is no slower, in nine of ten runs.
    """

    count: int
    ratio: float
    interval: tuple[float, float] | None
    p_slower: float
    p_within: float
    resolution: float | None


def weigh(logs: Sequence[float], slowdown: float) -> Evidence:
    """What launches say of head, with the looks on the way to them counted.

    Args:
        logs: The logarithm of each launch's ratio, in their order; at least one.
        slowdown: How much slower head may be, as a share.
    """
    limit = math.log1p(slowdown)
    looks = [count for count in LOOKS if count < len(logs)] + [len(logs)]
    seen = [_Mean.of(logs[:count]) for count in looks[: len(LOOKS)]]
    last = _Mean.of(logs)
    known = len(logs) >= LOOKS[0]
    reach, power = last.reach(ERROR / len(LOOKS)), last.reach(1.0 - _POWER)
    return Evidence(
        count=len(logs),
        ratio=math.exp(last.value),
        interval=(math.exp(last.value - reach), math.exp(last.value + reach)) if known else None,
        p_slower=_corrected([mean.p_above(limit) for mean in seen]),
        p_within=_corrected([1.0 - mean.p_above(limit) for mean in seen]),
        resolution=math.expm1(reach + power) if known else None,
    )


def _corrected(probabilities: Sequence[float]) -> float:
    return min(1.0, min(probabilities) * len(LOOKS))


@dataclass(frozen=True, slots=True)
class _Mean:
    """A trimmed mean, its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: int

    @classmethod
    def of(cls, logs: Sequence[float]) -> _Mean:
        ordered = sorted(logs)
        count = len(ordered)
        cut = count // _TRIMMED
        kept = ordered[cut : count - cut]
        if count < LOOKS[0]:
            return cls(statistics.median(logs), math.inf, 1)
        winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
        error = statistics.stdev(winsorized) / ((1.0 - 2.0 * cut / count) * math.sqrt(count))
        return cls(statistics.fmean(kept), error, len(kept) - 1)

    def p_above(self, limit: float) -> float:
        """How probable a mean so high is, if the truth is `limit`."""
        if math.isinf(self.error):
            return 0.5
        apart = self.value - limit
        if not self.error:
            return 0.5 if not apart else float(apart < 0.0)
        return stats.t_tail(apart / self.error, self.freedom)

    def reach(self, error: float) -> float:
        """How far the truth may be on one side, at that error."""
        return stats.t_quantile(1.0 - error, self.freedom) * self.error
