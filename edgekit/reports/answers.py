"""The answer that a report begins with: which file to ship, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Device, Ship, ShipVerdict
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import NO_VALUE, agreed, counted, short, shown, spread
from edgekit.text import one_line

_NS_PER_MS = 1e6
_P50 = "latency_p50_ms"


def answers(legs: Sequence[Leg], verdicts: Sequence[ShipVerdict]) -> tuple[str, ...]:
    """One sentence a verdict; without verdicts, the fastest valid leg of each model.

    Never empty: where nothing was measured, it says that.
    """
    if verdicts:
        return tuple(_verdict(found) for found in verdicts)
    valid = [leg for leg in legs if leg.result.valid and leg.value(_P50) is not None]
    if not valid:
        return ("No leg gave numbers that may be used.",)
    groups: dict[tuple[str, Device, int], list[Leg]] = {}
    for leg in valid:
        groups.setdefault((leg.family, leg.result.plan.device, leg.batch), []).append(leg)
    return tuple(_fastest(group) for group in groups.values())


def _verdict(verdict: ShipVerdict) -> str:
    where = f"{one_line(verdict.model)} as {verdict.format} by {one_line(verdict.runtime)}"
    if verdict.choice is Ship.TOO_CLOSE:
        return f"{where}: too close to call. {_first(verdict.reasons)}".rstrip()
    chosen = next(side for side in verdict.sides if verdict.choice.endswith(side.precision))
    words = f"{short(chosen.p50_ns / _NS_PER_MS)} ms"
    if chosen.interval:
        low, high = chosen.interval
        words += f", {chosen.speed:.2f} times fp32's speed ({low:.2f} to {high:.2f})"
    if chosen.agreement is not None:
        words += _near(agreed(chosen.agreement, chosen.images))
    return f"{where}: {verdict.choice}. {words[0].upper()}{words[1:]}."


def _first(reasons: Sequence[str]) -> str:
    return f"{one_line(reasons[0]).rstrip('.')}." if reasons else ""


def _fastest(legs: Sequence[Leg]) -> str:
    if legs[0].result.emulated:
        device = one_line(legs[0].result.plan.device.name)
        return f"{device} is emulated: what its legs compute is checked, how fast nobody knows."
    best = min(legs, key=lambda leg: leg.value(_P50) or 0.0)
    metric = best.metric(_P50)
    head = f"{best.label}: "
    if len(legs) > 1:
        model = f" of {best.model}" if best.model else ""
        head = f"Fastest of {counted(len(legs), 'leg')}{model}: {best.label}, "
    interval = f" ({spread(metric)})" if spread(metric) else ""
    return f"{head}{shown(metric)} ms{interval}{_near(best.agreement)}."


def _near(agreement: str) -> str:
    """How near it is to float, in words, from `5/6` or from a share."""
    if agreement == NO_VALUE:
        return ""
    if "/" not in agreement:
        return f"; it agrees with float by {agreement}"
    return f"; the best class of {agreement.replace('/', ' of ')} samples is float's"
