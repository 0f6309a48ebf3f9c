"""Numbers as people read them: few digits, one unit, and never a made-up one."""

from __future__ import annotations

from edgekit.records import Metric

NO_VALUE = "-"
MIB = 2**20
_WHOLE_FROM = 100
_EQUAL = 1e-6


def short(value: float) -> str:
    """Three digits that count, without an exponent: `0.00123`, `1.23`, `123`, `45678`."""
    if value == 0:
        return "0"
    if abs(value) >= _WHOLE_FROM:
        return f"{value:.0f}"
    digits = f"{value:#.3g}"
    return f"{value:.6f}" if "e" in digits else digits.rstrip(".")


def shown(metric: Metric | None, unit: float = 1.0) -> str:
    """A metric's value in `unit`; why there is none where that is short, as in `n<368`."""
    if metric is None or metric.value is None:
        return metric.note if metric and metric.note.startswith("n<") else NO_VALUE
    return short(metric.value / unit)


def spread(metric: Metric | None, unit: float = 1.0) -> str:
    """A metric's 95 % interval in `unit`, as `1.20 to 1.31`; empty if there is none."""
    if metric is None or metric.interval is None:
        return ""
    low, high = metric.interval
    return f"{short(low / unit)} to {short(high / unit)}"


def counted(amount: int, thing: str) -> str:
    """`1 leg`, `2 legs`."""
    return f"{amount} {thing}{'s' * (amount != 1)}"


def share(value: float | None) -> str:
    """A share in percent, or the sign for none."""
    return NO_VALUE if value is None else f"{100 * value:.1f} %"


def agreed(share: float, images: int) -> str:
    """Agreement with the float model: `5/6` where images were counted, else `93.2 %`.

    Of how many as well: six of six are no hundred per cent. Masks and boxes agree in part.
    """
    count = share * images
    whole = abs(count - round(count)) < _EQUAL
    return f"{round(count)}/{images}" if whole else f"{100 * share:.1f} %"
