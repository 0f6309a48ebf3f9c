"""Energy of inferences, by the machine's own sensors, in windows of their own.

Nothing is timed meanwhile: reading a sensor takes time, and energy. Without a sensor there is no
number: what a table of typical powers says is no measurement.
"""

from __future__ import annotations

import itertools
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence

from edgekit.measure.loop import Run
from edgekit.measure.meters import NS, PERIODS, Clock, Outcome, Sensor
from edgekit.measure.sensors import Found
from edgekit.wire import EnergyWindow, Profile

# Threads of runtimes wait busily for a while before they sleep: Intel's OpenMP for 0.2 s.
SETTLE_S = 0.5
NO_SENSOR = (
    "no sensor: neither RAPL (Intel, AMD), nor an NVIDIA GPU that the model runs on, nor an "
    "INA3221 (Jetson), nor a Raspberry Pi 5"
)
NO_WINDOWS = "the profile has no windows for it"

Sleep = Callable[[float], Any]


class Energy(NamedTuple):
    """What was measured.

    Attributes:
        windows: Of each sensor that could be used: the idle window, then the busy ones.
        facts: `energy.missing.SENSOR`: why a sensor that is there wasn't used; `energy.none`:
            why there are no windows at all.
    """

    windows: List[EnergyWindow]
    facts: Dict[str, str]


def measure_energy(
    run: Run,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    found: Found,
    clock: Clock = time.perf_counter_ns,
    sleep: Sleep = time.sleep,
) -> Energy:
    """Measure one window without inferences, then `profile.energy_windows` full of them.

    Args:
        run: One inference.
        feeds: Inputs, taken in turn.
        profile: How many windows, and how long.
        found: The sensors. If none of them can be used, nothing is run and no time passes.
        clock: Monotonic time, in ns.
        sleep: Lets seconds pass.
    """
    missing = dict(found.missing)
    sensors = [sensor for sensor in found.sensors if not _too_slow(sensor, profile, missing)]
    if not profile.energy_windows:
        return Energy([], {"energy.none": NO_WINDOWS})
    windows: Dict[str, List[EnergyWindow]] = {sensor.name: [] for sensor in sensors}
    if sensors:
        sleep(SETTLE_S)
        turns = itertools.cycle(feeds)
        length_ns = int(profile.energy_window_s * NS)
        for number in range(1 + profile.energy_windows):
            stops = [sensor.start(clock) for sensor in sensors]
            if number == 0:
                sleep(profile.energy_window_s)
                runs = 0
            else:
                runs = _keep_busy(run, turns, length_ns, clock)
            for sensor, outcome in zip(sensors, [stop() for stop in stops]):
                _note(sensor, outcome, runs, windows[sensor.name], missing)
    used = [windows[sensor.name] for sensor in sensors if sensor.name not in missing]
    return Energy([window for of_sensor in used for window in of_sensor], _facts(used, missing))


def _too_slow(sensor: Sensor, profile: Profile, missing: Dict[str, str]) -> bool:
    least_s = PERIODS * sensor.period_s
    if profile.energy_window_s >= least_s:
        return False
    missing[sensor.name] = (
        f"windows of {profile.energy_window_s:g} s are too short for it: it needs {least_s:g} s"
    )
    return True


def _keep_busy(run: Run, feeds: Any, length_ns: int, clock: Clock) -> int:
    """Inferences, one after another, until the time is over; how many there were."""
    runs = 0
    start = clock()
    while True:
        run(next(feeds))
        runs += 1
        if clock() - start >= length_ns:
            return runs


def _note(
    sensor: Sensor,
    outcome: Outcome,
    runs: int,
    windows: List[EnergyWindow],
    missing: Dict[str, str],
) -> None:
    """Keep a window; one that came to nothing, or an inference for nothing, rules a sensor out."""
    if isinstance(outcome, str):
        missing[sensor.name] = outcome
    elif runs and not outcome.energy_uj:
        missing[sensor.name] = "it stands still"
    else:
        idle = runs == 0
        windows.append(
            EnergyWindow(
                sensor.name, sensor.scope, idle, outcome.energy_uj, outcome.duration_ns, runs
            )
        )


def _facts(used: Sequence[Any], missing: Dict[str, str]) -> Dict[str, str]:
    facts = {f"energy.missing.{name}": reason for name, reason in missing.items()}
    if not used:
        reasons = [f"{name}: {reason}" for name, reason in missing.items()]
        facts["energy.none"] = "; ".join(reasons) or NO_SENSOR
    return facts
