"""The gate before a measurement: wait until the machine is cool enough.

The worker waits by itself, so it is the same for every transport: a link that is cut meanwhile
changes nothing, and a phone without a worker is asked by the host with the same function.
"""

from __future__ import annotations

import re
import time
from typing import Callable, Dict, Mapping, Optional, Tuple

from edgekit.errors import DeviceError
from edgekit.wire import Cooldown

_PREFIX = "temperature_mc."
_LOOK_S = 1.0
# Zones of what computes. Others tell of batteries, radios and voltage converters: some of them
# are warm for good, and a converter of the Jetson Nano always tells the same number.
_COMPUTES = re.compile(r"cpu|gpu|npu|soc|core|cluster|\btj\b|x86_pkg|\bap\b", re.IGNORECASE)

COOL, HOT, UNKNOWN = "cool", "hot", "unknown"

Look = Callable[[], Mapping[str, str]]


def hottest(facts: Mapping[str, str]) -> Optional[Tuple[str, float]]:
    """The hottest zone of what computes, of all zones where none is known to.

    Args:
        facts: With `temperature_mc.ZONE`, as `heat` has them.

    Returns:
        Its name and its temperature in degrees; None where nothing is told.
    """
    zones = {
        name[len(_PREFIX) :]: int(text) / 1000
        for name, text in facts.items()
        if name.startswith(_PREFIX) and re.fullmatch("-?[0-9]{1,7}", text)
    }
    computing = {name: value for name, value in zones.items() if _COMPUTES.search(name)}
    chosen = computing or zones
    return max(chosen.items(), key=lambda zone: zone[1]) if chosen else None


def cool_down(
    wanted: Cooldown,
    look: Look,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Dict[str, str]:
    """Wait until the hottest zone is below the limit, or the time is up.

    Args:
        wanted: The limit, and what to do when it isn't reached.
        look: Gives the temperatures, as `heat` has them.
        clock: Monotonic time, in s.
        sleep: Waits for so many seconds.

    Returns:
        `cooldown.outcome`: `cool`, `hot` when the time was up, or `unknown` where no sensor tells
        a temperature; `cooldown.limit_c`, `cooldown.waited_s`, and of the hottest zone
        `cooldown.zone`, `cooldown.before_c` and `cooldown.after_c`.

    Raises:
        DeviceError: It isn't cool, or nothing tells, and that was to be an error.
    """
    start = clock()
    first = last = hottest(look())
    while last is not None and last[1] >= wanted.start_below_c:
        left_s = wanted.max_wait_s - (clock() - start)
        if left_s <= 0:
            break
        sleep(min(_LOOK_S, left_s))
        last = hottest(look())
    facts = {
        "cooldown.limit_c": f"{wanted.start_below_c:g}",
        "cooldown.waited_s": f"{clock() - start:.1f}",
    }
    if first is None or last is None:
        return _judged(wanted, {"cooldown.outcome": UNKNOWN, **facts})
    facts["cooldown.zone"] = last[0]
    facts["cooldown.before_c"] = f"{first[1]:.1f}"
    facts["cooldown.after_c"] = f"{last[1]:.1f}"
    outcome = COOL if last[1] < wanted.start_below_c else HOT
    return _judged(wanted, {"cooldown.outcome": outcome, **facts})


def _judged(wanted: Cooldown, facts: Dict[str, str]) -> Dict[str, str]:
    if wanted.on_timeout != "fail" or facts["cooldown.outcome"] == COOL:
        return facts
    if facts["cooldown.outcome"] == UNKNOWN:
        raise DeviceError(
            "no sensor tells how hot the machine is, so nobody knows when it is cool",
            hint='take `cooldown` out of its entry in devices.toml, or set on_timeout = "warn"',
            stage="cooldown",
        )
    raise DeviceError(
        f"after {facts['cooldown.waited_s']} s {facts['cooldown.zone']} is still at "
        f"{facts['cooldown.after_c']} C; it was to start below {wanted.start_below_c:g} C",
        hint="see to its fan, wait longer (max_wait_s), or start warmer (start_below_c)",
        stage="cooldown",
    )
