"""What the firmware of a Raspberry Pi says, asked by its own program.

Written after Raspberry Pi's documentation; none of it was taken from a board.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Dict, Optional

PROGRAM = "usr/bin/vcgencmd"
TIMEOUT_S = 5.0
_THROTTLED = re.compile("(?:throttled=)?(?:0x)?([0-9a-f]{1,8})", re.IGNORECASE)
_TEMPERATURE = re.compile(r"temp=(-?[0-9]{1,3}(?:\.[0-9]{1,3})?)'C")
_CLOCK = re.compile(r"frequency\([0-9]{1,3}\)=([0-9]{1,11})")
# "VDD_CORE_A current(7)=2.01428000A" or "VDD_CORE_A=2.01428000A"; volts alike.
_ADC = re.compile(
    r"^\s*(\w+)_([AV])(?:\s+\w+\(\d+\))?=(\d{1,6}(?:\.\d{1,12})?)[AV]?\s*$", re.MULTILINE
)


def ask(root: Path, question: str) -> str:
    """What `vcgencmd` answers; empty where there is no such program, or it doesn't answer.

    Args:
        root: Where the system's files are.
        question: `get_throttled`, `measure_temp`, `measure_clock arm`, `pmic_read_adc`.
    """
    program = root / PROGRAM
    if not program.exists():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed program of the system, no shell
            [str(program), *question.split()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def throttled(text: str) -> Optional[int]:
    """The bits of `get_throttled`, or of its file in /sys, which has no prefix.

    Bit 0 is under-voltage, 1 a capped clock, 2 throttling, 3 the soft temperature limit: now.
    Bit n + 16 says that bit n was set since somebody last asked.

    Returns:
        The bits; None where the firmware answers with words.
    """
    found = _THROTTLED.fullmatch(text.strip())
    return int(found.group(1), 16) if found else None


def temperature_mc(text: str) -> Optional[int]:
    """Millidegrees that `measure_temp` tells; None if it tells none."""
    found = _TEMPERATURE.fullmatch(text.strip())
    return round(1000 * float(found.group(1))) if found else None


def clock_hz(text: str) -> Optional[int]:
    """The clock that `measure_clock` measured; None if it tells none, or 0, which is no clock."""
    found = _CLOCK.fullmatch(text.strip())
    return (int(found.group(1)) or None) if found else None


def pmic_uw(text: str) -> Optional[int]:
    """Power, in microwatts, of all rails of which `pmic_read_adc` tells both parts.

    Two inputs have a voltage and no current: they aren't among them.

    Returns:
        The sum; None if there is no such rail.
    """
    found: Dict[str, Dict[str, float]] = {"A": {}, "V": {}}
    for rail, unit, value in _ADC.findall(text):
        found[unit][rail] = float(value)
    both = found["A"].keys() & found["V"].keys()
    if not both:
        return None
    return round(1e6 * sum(found["A"][rail] * found["V"][rail] for rail in both))
