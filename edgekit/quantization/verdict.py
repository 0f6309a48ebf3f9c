"""Which precision is worth shipping: a judgement of measured facts, and nothing else.

The rules, in order. A precision is *right* where nothing is known to be wrong with it and its
agreement with the float model was measured and is what is required. It is *faster* where the whole
interval of its speed lies above float32's by what is worth shipping.

1. int8 that is right and faster is shipped; float16 in its place where that is faster still.
2. Else float16 that is right and faster is shipped.
3. int8 that is right, and whose interval holds float32's speed or what is worth shipping, is too
   close to call.
4. float16 that is right and not slower than float32 for certain is shipped where it saves a fourth
   of the size or more; but if the interval is so wide that it may be 5 % slower, it is too close
   to call.
5. Else float32 is shipped.

int8 has no rule 4: its numbers are other ones, so speed is what has to pay for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.quantization.facts import FLOAT32, REQUIRED_AGREEMENT, Case, Measured, Setting
from edgekit.quantization.reasons import reasons
from edgekit.records import Precision, Ship, ShipVerdict

AS_FAST = 0.95  # times float32's speed at the low end of the interval: the price of half the size


def judge(
    measured: Sequence[Measured], setting: Setting, required: float = REQUIRED_AGREEMENT
) -> ShipVerdict:
    """The verdict on what was measured.

    Args:
        measured: Float32 and one or two others, each precision once, of the same launches.
        setting: What was the same for all of them.
        required: Least agreement with the float model, from 0 to 1.
    """
    case = Case(measured, setting, required)
    choice = _choice(case)
    return ShipVerdict(
        choice=choice,
        reasons=tuple(reasons(case, choice)),
        sides=tuple(case.sides[each] for each in Precision if each in case.sides),
        model=setting.model,
        format=setting.format,
        runtime=setting.runtime,
        threads=setting.threads,
        batch=setting.batch,
        launches=len(case.facts[FLOAT32].launches_ns),
    )


def _choice(case: Case) -> Ship:
    """The rules of this module."""
    int8, fp16 = Precision.INT8, Precision.FP16
    if case.pays(int8):
        return Ship.FP16 if case.pays(fp16) and case.fp16_is_faster_still() else Ship.INT8
    if case.pays(fp16):
        return Ship.FP16
    if case.is_right(int8) and (case.is_within_noise(int8) or case.may_be_faster(int8)):
        return Ship.TOO_CLOSE
    if case.is_right(fp16) and case.is_smaller(fp16) and not case.is_slower(fp16):
        return Ship.FP16 if case.interval(fp16)[0] >= AS_FAST else Ship.TOO_CLOSE
    return Ship.FP32
