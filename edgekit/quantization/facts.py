"""What was measured of the precisions of one model, and what follows from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from edgekit.records import Format, Int8Share, Precision, ShipSide, Target
from edgekit.stats import ratio
from edgekit.wire import Closeness

WORTH = 1.03  # times float32's speed: less isn't worth another file's numbers
SMALLER = 0.75  # times float32's size
REQUIRED_AGREEMENT = 0.9
# Of fewer samples than this an agreement says nothing. From here on one sample may differ, however
# much that is of so few.
LEAST_SAMPLES = 5
FLOAT32 = Precision.FP32


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one precision.

    Attributes:
        precision: The precision.
        launches_ns: For each launch of a process, the latency of one inference in every round;
            launches and rounds are those of the other precisions.
        size_bytes: Size of the model's files.
        closeness: Closeness to the float model; None if unmeasured.
        int8: How much of it ran in int8; None for float files and where nobody tells.
        fault: What is known to be wrong with its outputs; empty if nothing is.
        made_for: The machine that its recipe is for; None for any.
    """

    precision: Precision
    launches_ns: tuple[tuple[float, ...], ...]
    size_bytes: int
    closeness: Closeness | None = None
    int8: Int8Share | None = None
    fault: str = ""
    made_for: Target | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What was the same for all of them.

    Attributes:
        model: Name of the model.
        format: Format of the files.
        runtime: What ran them.
        threads: Threads that it might use.
        batch: Samples in one inference.
        target: The machine that it was measured on.
    """

    model: str
    format: Format
    runtime: str
    threads: int
    batch: int
    target: Target


class Case:
    """The facts with what follows from them.

    Args:
        measured: Float32 and one or two others, each precision once, of the same launches.
        setting: What was the same for all of them.
        required: Least agreement with the float model, from 0 to 1.

    Attributes:
        setting: As given.
        facts: What was measured, by precision.
        sides: That as a verdict shows it.
        wrong: Why a precision isn't known to be right, by precision; empty if it is.
    """

    def __init__(self, measured: Sequence[Measured], setting: Setting, required: float) -> None:
        self.setting = setting
        self.facts = {each.precision: each for each in measured}
        base = self.facts[FLOAT32]
        self.sides = {each.precision: _side(each, base) for each in measured}
        self.wrong = {each.precision: wrong(each, required) for each in measured}

    def is_right(self, precision: Precision) -> bool:
        """Whether it was compared and nothing is known to be wrong with it."""
        return precision in self.sides and not self.wrong[precision]

    def pays(self, precision: Precision) -> bool:
        """Whether it is right and faster."""
        return self.is_right(precision) and self.is_faster(precision)

    def is_faster(self, precision: Precision) -> bool:
        """Whether its whole interval lies above float32's speed by what is worth it."""
        return self.interval(precision)[0] >= WORTH

    def may_be_faster(self, precision: Precision) -> bool:
        """Whether its interval leaves open if it is faster by what is worth it."""
        low, high = self.interval(precision)
        return low < WORTH <= high

    def is_slower(self, precision: Precision) -> bool:
        """Whether its whole interval lies below float32's speed."""
        return self.interval(precision)[1] < 1.0

    def is_within_noise(self, precision: Precision) -> bool:
        """Whether its interval holds float32's speed."""
        low, high = self.interval(precision)
        return low <= 1.0 <= high

    def is_smaller(self, precision: Precision) -> bool:
        """Whether its file is smaller by what is worth it."""
        return self.size(precision) <= SMALLER

    def size(self, precision: Precision) -> float:
        """Its size, in float32's."""
        return self.sides[precision].size_bytes / max(1, self.sides[FLOAT32].size_bytes)

    def interval(self, precision: Precision) -> tuple[float, float]:
        """That of its speed; anything is possible where there were too few launches."""
        return self.sides[precision].interval or (0.0, math.inf)

    def fp16_is_faster_still(self) -> bool:
        """Whether float16's speed lies above int8's with its whole interval."""
        int8, fp16 = self.facts[Precision.INT8], self.facts[Precision.FP16]
        _, interval = ratio(int8.launches_ns, fp16.launches_ns)
        return interval is not None and interval[0] > 1.0


def wrong(fact: Measured, required: float) -> str:
    """Why a precision isn't known to be right; empty if it is."""
    found = fact.closeness
    if fact.fault:
        return fact.fault
    if found is None or found.images < LEAST_SAMPLES:
        return "its agreement with the float model is unmeasured; `edgekit eval` measures it"
    differing = round((1.0 - found.agreement) * found.images)
    if not found.finite:
        return "its outputs hold NaN or infinity"
    if found.agreement < required and differing > 1:
        return (
            f"agreement {found.agreement:.2f} with the float model is below the bound of "
            f"{required:.2f}"
        )
    return ""


def _side(fact: Measured, base: Measured) -> ShipSide:
    speed, interval = ratio(base.launches_ns, fact.launches_ns)
    found = fact.closeness
    return ShipSide(
        precision=fact.precision,
        p50_ns=median(itertools.chain(*fact.launches_ns)),
        speed=speed,
        interval=None if fact is base else interval,
        size_bytes=fact.size_bytes,
        agreement=found.agreement if found else None,
        images=found.images if found else 0,
        int8=fact.int8,
    )
