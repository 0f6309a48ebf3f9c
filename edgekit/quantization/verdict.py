"""Which precision is worth shipping: a judgement of measured facts, and nothing else.

The rules, in order. A precision is *right* where nothing is known to be wrong with it and its
agreement with the float model was measured and is what is required. It is *faster* where the whole
interval of its speed lies above float32's and the speed itself by what is worth shipping.

1. int8 that is right and faster is shipped; float16 in its place where that is faster still.
2. Else float16 that is right and faster is shipped.
3. int8 that is right, and whose interval holds float32's speed, is too close to call.
4. float16 that is right and as fast as float32 is shipped where it saves a fourth of the size or
   more. If the interval is too wide to say "as fast", it is too close to call.
5. Else float32 is shipped.

int8 has no rule 4: its numbers are other ones, so speed is what has to pay for them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from edgekit.quantization.coverage import listed
from edgekit.quantization.target import has_int8_dot
from edgekit.records import (
    Format,
    Int8Share,
    Precision,
    Ship,
    ShipSide,
    ShipVerdict,
    Target,
)
from edgekit.stats import ratio
from edgekit.text import percent
from edgekit.wire import Closeness

WORTH = 1.03  # times float32's speed: less isn't worth another file's numbers
AS_FAST = 0.95  # times float32's speed at the low end of the interval: the price of half the size
SMALLER = 0.75  # times float32's size
REQUIRED_AGREEMENT = 0.9
# Of fewer samples than this an agreement says nothing. From here on one sample may differ, however
# much that is of so few.
LEAST_SAMPLES = 5
MANY_CONVERSIONS = 0.1  # of all time
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


def judge(
    measured: Sequence[Measured], setting: Setting, required: float = REQUIRED_AGREEMENT
) -> ShipVerdict:
    """The verdict on what was measured.

    Args:
        measured: Float32 and one or two others, each precision once, of the same launches.
        setting: What was the same for all of them.
        required: Least agreement with the float model, from 0 to 1.
    """
    facts = {each.precision: each for each in measured}
    case = _Case(facts, setting, required)
    choice = case.choice()
    return ShipVerdict(
        choice=choice,
        reasons=tuple(case.reasons(choice)),
        sides=tuple(case.sides[each] for each in Precision if each in case.sides),
        model=setting.model,
        format=setting.format,
        runtime=setting.runtime,
        threads=setting.threads,
        batch=setting.batch,
        launches=len(facts[FLOAT32].launches_ns),
    )


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


class _Case:
    """The facts with what follows from them."""

    def __init__(
        self, facts: Mapping[Precision, Measured], setting: Setting, required: float
    ) -> None:
        self._facts = facts
        self._setting = setting
        base = facts[FLOAT32]
        self.sides = {each: _side(fact, base) for each, fact in facts.items()}
        self._wrong = {each: wrong(fact, required) for each, fact in facts.items()}

    def choice(self) -> Ship:
        """The rules of this module."""
        int8, fp16 = Precision.INT8, Precision.FP16
        if self._pays(int8):
            return Ship.FP16 if self._pays(fp16) and self._fp16_is_faster_still() else Ship.INT8
        if self._pays(fp16):
            return Ship.FP16
        if self._is_right(int8) and self._is_within_noise(int8):
            return Ship.TOO_CLOSE
        if self._is_right(fp16) and self._is_smaller(fp16) and not self._is_slower(fp16):
            return Ship.FP16 if self._interval(fp16)[0] >= AS_FAST else Ship.TOO_CLOSE
        return Ship.FP32

    def _is_right(self, precision: Precision) -> bool:
        return precision in self.sides and not self._wrong[precision]

    def _pays(self, precision: Precision) -> bool:
        return self._is_right(precision) and self._is_faster(precision)

    def _is_faster(self, precision: Precision) -> bool:
        return self._interval(precision)[0] > 1.0 and self.sides[precision].speed >= WORTH

    def _is_slower(self, precision: Precision) -> bool:
        return self._interval(precision)[1] < 1.0

    def _is_within_noise(self, precision: Precision) -> bool:
        low, high = self._interval(precision)
        return low <= 1.0 <= high

    def _is_smaller(self, precision: Precision) -> bool:
        return self._size(precision) <= SMALLER

    def _size(self, precision: Precision) -> float:
        return self.sides[precision].size_bytes / max(1, self.sides[FLOAT32].size_bytes)

    def _interval(self, precision: Precision) -> tuple[float, float]:
        return self.sides[precision].interval or (0.0, math.inf)

    def _fp16_is_faster_still(self) -> bool:
        int8, fp16 = self._facts[Precision.INT8], self._facts[Precision.FP16]
        _, interval = ratio(int8.launches_ns, fp16.launches_ns)
        return interval is not None and interval[0] > 1.0

    def reasons(self, choice: Ship) -> Iterable[str]:
        """Why, one sentence each: of what is shipped, then of int8, then of float16."""
        chosen = {Ship.INT8: Precision.INT8, Ship.FP16: Precision.FP16}.get(choice)
        if chosen:
            yield self._merit(chosen)
        if Precision.INT8 in self.sides:
            yield from self._of_int8(chosen is Precision.INT8)
        if Precision.FP16 in self.sides and chosen is not Precision.FP16:
            yield from self._shortcomings(Precision.FP16)

    def _merit(self, precision: Precision) -> str:
        saved = f"at {percent(self._size(precision))} of the size"
        if self._is_faster(precision):
            return f"{precision} runs at {self._speed(precision)}, {saved}"
        return f"{precision} is as fast as float32 ({self._range(precision)}), {saved}"

    def _of_int8(self, shipped: bool) -> Iterable[str]:  # noqa: FBT001
        if not shipped:
            yield from self._shortcomings(Precision.INT8)
        elif self._goes_as_size():
            yield "bound by memory: the latencies go as the sizes of the files"
        int8 = self.sides[Precision.INT8].int8
        if int8 and int8.fallbacks:
            count = sum(kind.count for kind in int8.fallbacks)
            yield (
                f"{count} of {int8.computing_ops} operators of the int8 file fell back to float: "
                f"{listed(int8.fallbacks)}"
            )
        yield from self._foreignness()
        converting = (int8.conversion_time if int8 else None) or 0.0
        if converting >= MANY_CONVERSIONS:
            yield f"conversions take {percent(converting)} of the int8 file's time"

    def _foreignness(self) -> Iterable[str]:
        made_for, target = self._facts[Precision.INT8].made_for, self._setting.target
        if made_for is None or self._setting.format is Format.TENSORRT:
            return
        facts = [(each.arch, has_int8_dot(each)) for each in (made_for, target)]
        if facts[0] != facts[1]:
            yield f"the int8 file was made for {made_for.name}; this machine is another"

    def _shortcomings(self, precision: Precision) -> Iterable[str]:
        """What speaks against a precision that isn't shipped, or not yet."""
        if self._is_within_noise(precision):
            yield f"{precision} is within noise of float32: {self._range(precision)}"
        elif self._is_slower(precision):
            yield self._slowness(precision)
        elif not self._is_faster(precision):
            yield f"{precision} gains too little to be worth it: {self._speed(precision)}"
        elif self._is_right(precision):
            yield f"{precision} runs at {self._speed(precision)}, which is not the fastest"
        else:
            yield f"{precision} runs at {self._speed(precision)}, but is not right"
        if self._wrong[precision]:
            yield f"{precision}: {self._wrong[precision]}"

    def _slowness(self, precision: Precision) -> str:
        speed, runtime = self._speed(precision), self._setting.runtime
        lacking = self._lacking(precision)
        if not lacking:
            return f"{precision} is slower than float32 here: {speed}"
        if precision is Precision.INT8:
            return f"{lacking}: {runtime}'s int8 kernels are slower than its float ones: {speed}"
        return f"{lacking}: {runtime} converts float16 to float32 to compute: {speed}"

    def _lacking(self, precision: Precision) -> str:
        """What the CPU doesn't have that this precision would need; empty if nothing."""
        target = self._setting.target
        if self._setting.format is Format.TENSORRT:
            return ""
        is_x86 = target.arch.startswith("x86")
        if precision is Precision.INT8:
            words = "no VNNI" if is_x86 else "no dot product in int8"
            return "" if has_int8_dot(target) else words
        has_half = {"avx512_fp16", "amx_fp16", "asimdhp"}.intersection(target.features)
        return "" if has_half else "no float16 arithmetic"

    def _goes_as_size(self) -> bool:
        low, high = self._interval(Precision.INT8)
        return low <= 1.0 / self._size(Precision.INT8) <= high

    def _speed(self, precision: Precision) -> str:
        return (
            f"{self.sides[precision].speed:.2f} times float32's speed ({self._range(precision)})"
        )

    def _range(self, precision: Precision) -> str:
        interval = self.sides[precision].interval
        return f"{interval[0]:.2f}-{interval[1]:.2f}" if interval else "too few launches to say"


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
