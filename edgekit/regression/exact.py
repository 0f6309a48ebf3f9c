"""What is compared without a statistic: sizes, memory, what a runtime runs.

A file's size and the operators that run are the same in every process. Memory hardly is:
allocators take what they take. So memory got worse only where the least of head's processes is
above the greatest of base's, and by more than is allowed.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from edgekit.metrics import memory
from edgekit.quantization.coverage import by_kind, int8_share
from edgekit.records import BenchPlan, Check, GatePlan, Outcome, Precision
from edgekit.text import percent
from edgekit.wire import Op, Samples

SLACK_BYTES = 2**20
# What the gate calls each, what is behind it. The peak is that of loading and of the first
# inference over what the runtime alone takes, which is no model's fault and would hide its growth.
MEMORY = {
    "memory_load": "memory_load_bytes",
    "memory_steady": "memory_steady_bytes",
    "memory_peak": "memory_model_bytes",
}
_KIB = 1024
# What is shown as 0.0 % is no change.
_SHOWN = 0.0005


def exact_checks(
    plan: GatePlan, base: Sequence[Samples], head: Sequence[Samples]
) -> tuple[Check, ...]:
    """What of head is larger, or runs less in int8, than is allowed.

    What a side doesn't tell is not checked: marks of memory, operators.

    Args:
        plan: What is compared, and how much worse head may be.
        base: Samples of each process of base.
        head: Samples of each process of head.

    Returns:
        `file_size` always; `memory_load`, `memory_steady` and `memory_peak` where the system
        keeps marks; `int8_share` where either side holds int8; `ops` where the runtime tells and
        both are of one precision.
    """
    executed = _executed(base), _executed(head)
    told = all(executed)
    # Another precision is another graph: conversions are operators too.
    alike = _precision(plan.base) == _precision(plan.head)
    return (
        _file_size(plan),
        *_memory(plan, base, head),
        *(_int8(plan, *executed) if told else ()),
        *((_ops(plan, *executed),) if told and alike else ()),
    )


def _precision(plan: BenchPlan) -> Precision | None:
    return plan.subject.artifact.precision if plan.subject.artifact else None


def _file_size(plan: GatePlan) -> Check:
    sizes = plan.base.subject.size_bytes, plan.head.subject.size_bytes
    return _lower("file_size", "bytes", sizes, plan.limits.size_growth)


def _ops(plan: GatePlan, base: Sequence[Op], head: Sequence[Op]) -> Check:
    return _lower("ops", "count", (len(base), len(head)), plan.limits.ops_growth)


def _lower(metric: str, unit: str, values: tuple[int, int], growth: float) -> Check:
    """The check of what is the same in every process and better if it is lower."""
    base, head = values
    allowed = base * (1.0 + growth)
    reason = f"{_amount(head, unit)}, {_change(base, head)}"
    if head > allowed:
        reason += f"; {percent(growth)} more is allowed"
    outcome = Outcome.FAIL if head > allowed else Outcome.PASS
    ratio = head / base if base else None
    return Check(metric, unit, "lower", base, head, ratio, None, allowed, outcome, reason)


def _amount(value: float, unit: str) -> str:
    if unit != "bytes":
        return f"{value:.0f} operators"
    small = abs(value) < SLACK_BYTES
    return f"{value / _KIB:.1f} KiB" if small else f"{value / SLACK_BYTES:.1f} MiB"


def _change(base: float, head: float) -> str:
    if abs(head - base) <= _SHOWN * abs(base):
        return "as base"
    word = "more" if head > base else "less"
    if base <= 0:
        return f"{word} than base"
    return f"{100 * abs(head / base - 1.0):.1f} % {word} than base"


def _memory(plan: GatePlan, base: Sequence[Samples], head: Sequence[Samples]) -> list[Check]:
    found = {
        metric: (_values(plan.base, base, name), _values(plan.head, head, name))
        for metric, name in MEMORY.items()
    }
    return [
        _memory_check(metric, bases, heads, plan.limits.memory_growth)
        for metric, (bases, heads) in found.items()
        if bases and heads
    ]


def _values(plan: BenchPlan, launches: Sequence[Samples], name: str) -> list[float]:
    """The metric `name` of each launch, in bytes; none where a launch has no marks for it."""
    metrics = [one for launch in launches for one in memory.measure(plan, [launch])]
    found = [one.value for one in metrics if one.name == name]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []


def _memory_check(
    metric: str, bases: Sequence[float], heads: Sequence[float], growth: float
) -> Check:
    base, head = statistics.median(bases), statistics.median(heads)
    allowed = max(0.0, *bases) * (1.0 + growth) + SLACK_BYTES
    worse = min(heads) > allowed
    count = f"median of {len(heads)} processes" if len(heads) > 1 else "one process"
    reason = f"{_amount(head, 'bytes')} ({count}), {_change(base, head)}"
    if worse:
        reason += (
            f"; no process is below base's largest, {_amount(max(bases), 'bytes')}, with "
            f"{percent(growth)} and 1 MiB more"
        )
    elif head > allowed:
        reason += f"; but one process takes {_amount(min(heads), 'bytes')} only"
    outcome = Outcome.FAIL if worse else Outcome.PASS
    ratio = head / base if base > 0 else None
    return Check(metric, "bytes", "lower", base, head, ratio, None, allowed, outcome, reason)


def _executed(launches: Sequence[Samples]) -> list[Op]:
    """What the runtime ran; of the launches one at least was profiled, if it tells."""
    return next((launch.execution for launch in launches if launch.execution), [])


def _int8(plan: GatePlan, base: Sequence[Op], head: Sequence[Op]) -> tuple[Check, ...]:
    shares = [int8_share(by_kind(ops)) for ops in (base, head)]
    if not any(shares):
        return ()
    # A side of which nothing is int8 has a share all the same: none.
    own, other = (share.ops if share else 0.0 for share in shares)
    drop = plan.limits.int8_drop
    allowed = max(0.0, own - drop)
    outcome = Outcome.FAIL if other < allowed else Outcome.PASS
    reason = f"{percent(other)} of the operators run in int8, {percent(own)} of base's"
    if outcome is Outcome.FAIL:
        reason += f"; {100 * drop:g} points fewer are allowed"
    ratio = other / own if own else None
    check = Check(
        "int8_share", "share", "higher", own, other, ratio, None, allowed, outcome, reason
    )
    return (check,)
