"""Why a verdict is what it is, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from edgekit.quantization.coverage import listed
from edgekit.quantization.facts import Case
from edgekit.quantization.target import has_int8_dot
from edgekit.records import Format, Precision, Ship
from edgekit.text import percent

MANY_CONVERSIONS = 0.1  # of all time
MOSTLY = 0.5  # of operators and of time


def reasons(case: Case, choice: Ship) -> Iterable[str]:
    """One reason a sentence: of what is shipped, then of int8, then of float16."""
    chosen = {Ship.INT8: Precision.INT8, Ship.FP16: Precision.FP16}.get(choice)
    if chosen:
        yield _merit(case, chosen)
    for precision in (Precision.INT8, Precision.FP16):
        if precision in case.sides:
            yield from () if precision is chosen else _shortcomings(case, precision)
            yield from _of_int8(case) if precision is Precision.INT8 else ()


def _merit(case: Case, precision: Precision) -> str:
    saved = f"at {percent(case.size(precision))} of the size"
    if case.is_faster(precision):
        return f"{precision} runs at {_speed(case, precision)}, {saved}"
    return f"{precision} is as fast as float32 ({_range(case, precision)}), {saved}"


def _of_int8(case: Case) -> Iterable[str]:
    """What explains the speed of int8, whatever it is."""
    if _goes_as_size(case):
        yield "bound by memory: the latencies go as the sizes of the files"
    int8 = case.sides[Precision.INT8].int8
    if int8 and int8.fallbacks:
        count = sum(kind.count for kind in int8.fallbacks)
        yield (
            f"{count} of {int8.computing_ops} operators of the int8 file fell back to float: "
            f"{listed(int8.fallbacks)}"
        )
    yield from _foreignness(case)
    converting = (int8.conversion_time if int8 else None) or 0.0
    if converting >= MANY_CONVERSIONS:
        yield f"conversions take {percent(converting)} of the int8 file's time"


def _foreignness(case: Case) -> Iterable[str]:
    made_for, target = case.facts[Precision.INT8].made_for, case.setting.target
    if made_for is None or case.setting.format is Format.TENSORRT:
        return
    facts = [(each.arch, has_int8_dot(each)) for each in (made_for, target)]
    if facts[0] != facts[1]:
        yield f"the int8 file was made for {made_for.name}; this machine is another"


def _shortcomings(case: Case, precision: Precision) -> Iterable[str]:
    """What speaks against a precision that isn't shipped, or not yet."""
    if case.is_within_noise(precision):
        yield f"{precision} is within noise of float32: {_range(case, precision)}"
    elif case.is_slower(precision):
        yield _slowness(case, precision)
    elif not case.is_faster(precision):
        word = "may gain" if case.may_be_faster(precision) else "gains"
        yield f"{precision} {word} too little to be worth it: {_speed(case, precision)}"
    elif case.is_right(precision):
        yield f"{precision} runs at {_speed(case, precision)}, which is not the fastest"
    else:
        yield f"{precision} runs at {_speed(case, precision)}, but is not right"
    if case.wrong[precision]:
        yield f"{precision}: {case.wrong[precision]}"


def _slowness(case: Case, precision: Precision) -> str:
    speed, runtime = _speed(case, precision), case.setting.runtime
    lacking = _lacking(case, precision)
    if not lacking:
        return f"{precision} is slower than float32 here: {speed}"
    if precision is Precision.INT8:
        return f"{lacking}: {runtime}'s int8 kernels are slower than its float ones: {speed}"
    return f"{lacking}: {runtime} converts float16 to float32 to compute: {speed}"


def _lacking(case: Case, precision: Precision) -> str:
    """What the CPU doesn't have that this precision would need; empty if nothing."""
    target = case.setting.target
    if case.setting.format is Format.TENSORRT:
        return ""
    is_x86 = target.arch.startswith("x86")
    if precision is Precision.INT8:
        int8 = case.sides[precision].int8
        # What ran in float isn't slow for want of an int8 instruction.
        if has_int8_dot(target) or (int8 and int8.least < MOSTLY):
            return ""
        return "no VNNI" if is_x86 else "no dot product in int8"
    has_half = {"avx512_fp16", "amx_fp16", "asimdhp"}.intersection(target.features)
    return "" if has_half else "no float16 arithmetic"


def _goes_as_size(case: Case) -> bool:
    low, high = case.interval(Precision.INT8)
    return low <= 1.0 / case.size(Precision.INT8) <= high


def _speed(case: Case, precision: Precision) -> str:
    return f"{case.sides[precision].speed:.2f} times float32's speed ({_range(case, precision)})"


def _range(case: Case, precision: Precision) -> str:
    interval = case.sides[precision].interval
    return f"{interval[0]:.2f}-{interval[1]:.2f}" if interval else "too few launches to say"
