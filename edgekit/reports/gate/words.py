"""What the reports of a gate share: its numbers and sentences in words.

A ratio that was measured never stands without its interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from edgekit.records import Check, GatePair, GateVerdict, Outcome, Resolution, Timing
from edgekit.reports import titles
from edgekit.reports.numbers import MIB, NO_VALUE, counted, short
from edgekit.text import one_line

_KIB = 2**10
_TITLES = {
    "file_size": "file size",
    "memory_load": "memory, loaded",
    "memory_steady": "memory, steady",
    "memory_peak": "memory, peak",
    "int8_share": "share of int8",
    "ops": "operators",
    "missing": "missing file",
}


def title(metric: str) -> str:
    """What people call a check's metric."""
    return _TITLES.get(metric, titles.title(one_line(metric)))


def amount(value: float | None, unit: str) -> str:
    """A value in its unit: `9.81 ms`, `3.00 MiB`, `97.2 %`; `-` where there is none."""
    if value is None:
        return NO_VALUE
    if unit == "bytes":
        return _bytes(value)
    if unit == "share":
        # What isn't all of it is never rounded up to all.
        return "100 %" if value == 1 else f"{min(100 * value, 99.9):.1f} %"
    if unit == "count":
        return f"{value:.0f}"
    return f"{short(value)} {unit}"


def _bytes(value: float) -> str:
    if value >= MIB:
        return f"{short(value / MIB)} MiB"
    return f"{short(value / _KIB)} KiB" if value >= _KIB else f"{value:.0f} bytes"


def ratio(value: float | None, interval: tuple[float, float] | None) -> str:
    """A ratio as a change in per cent, with its interval: `+1.2 % (0.4 to 2.1 %)`."""
    if value is None:
        return NO_VALUE
    words = f"{_signed(100 * (value - 1))} %"
    if interval is None:
        return words
    low, high = (_fixed(100 * (end - 1)) for end in interval)
    return f"{words} ({low} to {high} %)"


def change(check: Check) -> str:
    """What became of base's value: in per cent, of a share in points, else as a difference."""
    if check.base is None or check.head is None:
        return ratio(check.ratio, check.interval)
    if check.unit == "share":
        return f"{_signed(100 * (check.head - check.base))} points"
    if check.ratio is None:
        more = check.head - check.base
        return f"{more:+.0f}" if check.unit == "count" else f"{_signed(more)} {check.unit}"
    if is_measured(check) and check.interval is None:
        return f"{ratio(check.ratio, None)} (too few launches for an interval)"
    return ratio(check.ratio, check.interval)


def allowed(check: Check) -> str:
    """What may be: the worst change of what is measured with noise, else the worst value."""
    if check.allowed is None:
        return NO_VALUE
    if is_measured(check):
        return f"{100 * (check.allowed - 1):+g} %"
    higher = check.better == "higher"
    # What is counted is whole, and so is the worst that passes.
    whole = math.ceil(check.allowed) if higher else math.floor(check.allowed)
    value = whole if check.unit == "count" else check.allowed
    return f"{'at least' if higher else 'at most'} {amount(value, check.unit)}"


def row(check: Check, outcome: str) -> tuple[str, ...]:
    """A check as cells: what, base, head, change, allowed, `outcome`, reason."""
    return (
        title(check.metric),
        amount(check.base, check.unit),
        amount(check.head, check.unit),
        change(check),
        allowed(check),
        outcome,
        check.reason,
    )


def is_measured(check: Check) -> bool:
    """Whether it is judged by an interval: a time is, also where no interval came of it."""
    return check.interval is not None or check.unit == "ms"


def sentence(check: Check) -> str:
    """A check in one line, without its outcome."""
    if check.metric == "missing" or check.head is None:
        return f"{title(check.metric)}: {one_line(check.reason)}"
    words = f"{title(check.metric)} "
    words += f"{amount(check.base, check.unit)} to " if check.base is not None else ""
    words += amount(check.head, check.unit)
    words += f", {change(check)}" if change(check) != NO_VALUE else ""
    words += f", allowed {allowed(check)}" if check.allowed is not None else ""
    return f"{words}: {one_line(check.reason)}" if check.reason else words


def turns(timing: Timing) -> str:
    """How latency was measured, and what else than the wall time was seen, in one line."""
    cpu = "CPU time not measured"
    if timing.cpu_ratio is not None:
        cpu = f"CPU time {ratio(timing.cpu_ratio, timing.cpu_interval)}"
    words = [
        f"{counted(timing.rounds, 'round')} in {_launches(timing)}, {timing.seconds:.1f} s",
        f"wall time {ratio(timing.ratio, timing.interval)}",
        cpu,
        f"shortest {ratio(timing.floor_ratio, None)}",
        f"p90 {ratio(timing.tail_ratio, None)}",
        f"machine {one_line(timing.machine)}",
    ]
    if timing.confirmed is not None:
        words.append(f"fresh launches {'' if timing.confirmed else 'do not '}say the same")
    return "; ".join([*words, *map(one_line, timing.disturbed)])


def _launches(timing: Timing) -> str:
    amount = len(timing.launches)
    return f"{amount} launch{'es' * (amount != 1)}"


def setting(pair: GatePair) -> str:
    """What ran the files, and how."""
    plan = pair.plan.head
    words = [f"by {one_line(plan.runtime)}"] if plan.runtime else []
    words += [counted(plan.threads, "thread")]
    words += [f"batch {plan.batch}"] if plan.batch not in {None, 1} else []
    words += [] if plan.device.is_here else [f"on {one_line(plan.device.name)}"]
    return ", ".join(words)


def paths(verdict: GateVerdict) -> str:
    """What was compared: `exported/a against exported/b`."""
    return f"{one_line(verdict.head)} against {one_line(verdict.base)}"


def headline(verdict: GateVerdict) -> str:
    """The verdict in one line: the outcome, and which checks made it."""
    if verdict.outcome is Outcome.PASS:
        checks = sum(len(pair.checks) for pair in verdict.pairs)
        return f"pass: {counted(checks, 'check')} of {counted(len(verdict.pairs), 'pair')}"
    failed = [pair for pair in verdict.pairs if pair.failure]
    words = [f"{one_line(pair.plan.name)} could not be compared" for pair in failed]
    for pair, check in troubled(verdict):
        if check.outcome is verdict.outcome:
            shown = change(check)
            words.append(
                f"{one_line(pair.plan.name)}: {title(check.metric)}"
                + (f" {shown}" if shown != NO_VALUE else "")
            )
    return f"{verdict.outcome}: {'; '.join(words)}"


def troubled(verdict: GateVerdict) -> Iterator[tuple[GatePair, Check]]:
    """The checks that don't pass, each with its pair."""
    for pair in verdict.pairs:
        for check in pair.checks:
            if check.outcome is not Outcome.PASS:
                yield pair, check


def resolved(resolution: Resolution) -> str:
    """What slowdown can be told from none here, in one line."""
    plan, timing = resolution.plan, resolution.timing
    verb = "meets" if resolution.attainable else "does not meet"
    return (
        f"{one_line(plan.name)}: in {plan.budget_s:g} s this machine tells a slowdown of "
        f"{100 * resolution.slowdown:.1f} % from none, which {verb} the "
        f"{100 * plan.limits.slowdown:g} % asked for; the file against itself came out at "
        f"{ratio(timing.ratio, timing.interval)}"
    )


def _signed(value: float) -> str:
    fixed = _fixed(value)
    return fixed if fixed.startswith("-") or not fixed.strip("0.") else f"+{fixed}"


def _fixed(value: float) -> str:
    """One digit after the point, and no minus before zero."""
    return f"{round(value, 1) + 0.0:.1f}"
