"""Numbers with units, as people write them on a command line."""

from __future__ import annotations

import re

from edgekit.errors import UsageError

_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(%|ms|s|min|m|h)?", re.ASCII)
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def share(text: str, option: str) -> float:
    """A share from what people write: `3%` and `0.03` are both 0.03.

    Args:
        text: What was written.
        option: The option that it was given for, as in `--max-slowdown`.

    Raises:
        UsageError: It is neither, or the share is above 1.
    """
    number, unit = _parts(text)
    if number is None or unit not in ("", "%"):
        raise UsageError(f"{option} {text!r} is no share", hint=f"write `{option} 3%`, or 0.03")
    if unit == "" and number > 1.0:
        raise UsageError(
            f"{option} {text!r} is a share above 1",
            hint=f"for {number:g} percent write `{option} {number:g}%`",
        )
    value = number / 100.0 if unit == "%" else number
    if value > 1.0:
        raise UsageError(f"{option} {text!r} is above 100 %", hint=f"write `{option} 3%`, or 0.03")
    return value


def duration_s(text: str, option: str) -> float:
    """Seconds from what people write: `60s`, `2m`, `500ms`, or `60` for seconds.

    Args:
        text: What was written.
        option: The option that it was given for, as in `--budget`.

    Raises:
        UsageError: It is no time, or zero.
    """
    number, unit = _parts(text)
    if number is None or unit not in _SECONDS or number <= 0.0:
        raise UsageError(f"{option} {text!r} is no time", hint=f"write `{option} 60s`, or 2m")
    return number * _SECONDS[unit]


def _parts(text: str) -> tuple[float | None, str]:
    found = _NUMBER.fullmatch(text.strip())
    return (float(found[1]), found[2] or "") if found else (None, "")
