"""Whether the machine let a launch be measured: its state before and after, compared.

Everything here comes from a device and may be any text: what is no number is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from edgekit.text import one_line
from edgekit.wire import Samples
from edgekit.workflows.stretches import Stretch, gpus, number, values

MachineClass = Literal["quiet", "noisy", "hostile", "unknown"]

# Shares of the timed stretch from 0 to 1 in which some task waited for a CPU (Linux's PSI), and of
# the CPUs' time that the hypervisor gave away. Above the first of each pair medians move by some
# percent; above the second they are another machine's.
_WAITED = (0.05, 0.50)
_STOLEN = (0.01, 0.10)
# Of the CPU time that was used: with less by other processes, who waited was our own threads, as
# where there are more of them than cores.
_OTHERS = 0.05
# Of a clock. Steps of cpufreq and the sampling of the hardware's counters are within it.
_CLOCK_DROP = 0.05
# Of the time in which the worker's threads could have run. Tasks of low
# priority wait all the time themselves and take less from it.
_KEPT_WAITING = 0.10
# Governors that hold the clock, so that a lower one isn't just a rest between two inferences.
_FIXED_GOVERNORS = {"performance", "userspace"}
# Millidegrees below a trip point: sensors and governors work in steps of 1 to 5 C.
_TRIP_MARGIN_MC = 5_000
# Of cooling devices, those that slow down what computes. Fans, screens and modems don't.
_COMPUTES = re.compile("cpu|gpu|npu|processor|devfreq|powerclamp", re.IGNORECASE)
# Of the stretch; a quota that stopped the group for less moves no median.
_GROUP_STOPPED = 0.01
# Of the worker. Some code is read at its first use; more are pages that something pushed out.
_MAJOR_FAULTS = 10
_SWAPPED_IN_PAGES = 256  # 1 MiB where pages are of 4 KiB
# Raspberry Pi's `get_throttled`: bit n holds now, bit n + 16 has held since it was last asked.
_PI_BITS = ("under-voltage", "clock capped", "throttled", "soft temperature limit")
# Of a name that a device gives to something, in characters.
_NAME_LENGTH = 60
# NVML's clock event reasons that hold the clock down, as `edgekit.measure.nvml` calls them.
_GPU_REASONS = ("sw_power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "power_brake")


def disturbed(samples: Samples) -> tuple[str, ...]:
    """What throttled or disturbed the machine during the timed inferences; empty if nothing."""
    stretch = Stretch.of(samples.environment)
    return throttled(stretch) + tuple(word for check in _OTHER_CHECKS for word in check(stretch))


def throttled(stretch: Stretch) -> tuple[str, ...]:
    """What held the clocks down, or was about to."""
    return tuple(word for check in _THROTTLE_CHECKS for word in check(stretch))


def machine_class(samples: Samples) -> MachineClass:
    """How much else went on during the timed inferences."""
    stretch = Stretch.of(samples.environment)
    return class_of(_waited(stretch), stretch.stolen)


def class_of(waited: float | None, stolen: float | None) -> MachineClass:
    """How much else goes on.

    Args:
        waited: Share of the time, from 0 to 1, in which some task waited for a CPU; None where
            the system doesn't tell.
        stolen: Share of the CPUs' time that the hypervisor gave to other machines, likewise.

    Returns:
        The worse of what the two say; `unknown` where there is neither.
    """
    known = [
        (share, limits)
        for share, limits in ((waited, _WAITED), (stolen, _STOLEN))
        if share is not None
    ]
    if not known:
        return "unknown"
    if any(share > hostile for share, (_, hostile) in known):
        return "hostile"
    return "noisy" if any(share >= noisy for share, (noisy, _) in known) else "quiet"


def _waited(stretch: Stretch) -> float | None:
    """Share of the time in which some task waited for a CPU that others held."""
    others = stretch.others
    return 0.0 if others is not None and others < _OTHERS else stretch.waited("cpu")


def _cooling(stretch: Stretch) -> Iterator[str]:
    cooled_ms = stretch.rises("cooled_ms.")
    for name, time_ms in cooled_ms.items():
        if _COMPUTES.search(name) and time_ms > 0:
            yield f"throttled: {name} was slowed down for {time_ms:.0f} ms to cool it"
    # Many kernels keep no such times: then the state itself tells.
    for name, level in values(stretch.after, "cooling.").items():
        if _COMPUTES.search(name) and level > 0 and name not in cooled_ms:
            yield f"throttled: {name} is slowed down to cool it (state {level:.0f})"


def _counted(stretch: Stretch) -> Iterator[str]:
    count = stretch.rise("throttled")
    if count:
        yield f"throttled: the CPU's thermal throttle counters rose by {count:.0f}"


def _overcurrent(stretch: Stretch) -> Iterator[str]:
    count = stretch.rise("overcurrent")
    if count:
        yield f"throttled: the power supply was too weak {count:.0f} times"


def _mode(stretch: Stretch) -> Iterator[str]:
    first, last = (
        one_line(facts.get("jetson.power_mode", ""))[:_NAME_LENGTH]
        for facts in (stretch.before, stretch.after)
    )
    if first and last and first != last:
        yield f"the power mode was changed from {first} to {last}"


def _status(stretch: Stretch) -> Iterator[str]:
    worst = max(
        number(facts.get("android.thermal_status")) or 0.0
        for facts in (stretch.before, stretch.after)
    )
    if worst > 0:
        yield f"throttled: Android's thermal status is {worst:.0f} of 6"


def _capped(stretch: Stretch) -> Iterator[str]:
    first, last = (
        _clocks(facts.get("cpu.cap_khz", "")) for facts in (stretch.before, stretch.after)
    )
    lowered = {cpu: cap for cpu, cap in last.items() if 0 < cap < first.get(cpu, cap)}
    if lowered:
        # The one that was lowered furthest, in place of a line for each of many.
        cpu = min(lowered, key=lambda cpu: lowered[cpu] / first[cpu])
        yield (
            f"throttled: the highest clock of CPU {cpu} was lowered "
            f"from {first[cpu] / 1000:.0f} to {lowered[cpu] / 1000:.0f} MHz"
        )


def _slower(stretch: Stretch) -> Iterator[str]:
    for facts in (stretch.before, stretch.after):
        if not set(facts.get("cpu.governor", "any").split()) <= _FIXED_GOVERNORS:
            return
    # The fastest CPU's: one that has nothing to do may tell any clock.
    first, last = (
        max(_clocks(facts.get("cpu.khz", "")).values(), default=0.0)
        for facts in (stretch.before, stretch.after)
    )
    if 0 < last < first * (1 - _CLOCK_DROP):
        yield f"the clock fell from {first / 1000:.0f} to {last / 1000:.0f} MHz"


def _hot(stretch: Stretch) -> Iterator[str]:
    trips_mc = values(stretch.after, "trip_mc.")
    for zone, now_mc in values(stretch.after, "temperature_mc.").items():
        if zone in trips_mc and now_mc >= trips_mc[zone] - _TRIP_MARGIN_MC:
            yield (
                f"{zone} is at {now_mc / 1000:.0f} C, "
                f"and throttled from {trips_mc[zone] / 1000:.0f} C on"
            )


def _pi(stretch: Stretch) -> Iterator[str]:
    bits = [number(facts.get("pi.throttled"), 16) for facts in (stretch.before, stretch.after)]
    last = int(bits[1] or 0)
    first = last if bits[0] is None else int(bits[0])
    for bit, name in enumerate(_PI_BITS):
        since = bit + 16
        if (first | last) >> bit & 1 or (last & ~first) >> since & 1:
            yield f"throttled: the Raspberry Pi tells of {name} ({last:#x})"


def _alarms(stretch: Stretch) -> Iterator[str]:
    for name, raised in values(stretch.after, "alarm.").items():
        if raised:
            yield f"the power supply's alarm {name} is raised"


def _gpu(stretch: Stretch) -> Iterator[str]:
    for gpu, text in gpus(stretch.after, "clock_reasons").items():
        words = [word for word in _GPU_REASONS if word in text.split()]
        if words and stretch.after.get("self.uses_gpu"):
            yield f"throttled: {gpu}: {', '.join(words)}"


def _gpu_users(stretch: Stretch) -> Iterator[str]:
    # Whoever was there before may be a screen's server, or this process by its number on the host.
    before = gpus(stretch.before, "processes")
    for gpu, text in gpus(stretch.after, "processes").items():
        new = {*text.split()} - {*before.get(gpu, "").split()}
        if new and stretch.after.get("self.uses_gpu"):
            yield f"processes that began to use {gpu} meanwhile: {len(new)}"


def _group(stretch: Stretch) -> Iterator[str]:
    count, time_us = stretch.rise("group.throttled"), stretch.rise("group.throttled_us")
    if count and time_us and stretch.seconds and time_us / 1e6 > _GROUP_STOPPED * stretch.seconds:
        yield (
            f"the control group's quota stopped the worker {count:.0f} times, "
            f"for {time_us / 1000:.0f} ms in all"
        )


def _paging(stretch: Stretch) -> Iterator[str]:
    faults, pages = stretch.rise("self.major_faults"), stretch.rise("swapped_in_pages")
    if faults is not None and faults > _MAJOR_FAULTS:
        yield f"the worker waited {faults:.0f} times for a page from a disk"
    if pages is not None and pages > _SWAPPED_IN_PAGES:
        yield f"{pages:.0f} pages were swapped in"


def _steal(stretch: Stretch) -> Iterator[str]:
    stolen = stretch.stolen
    if stolen is not None and stolen > _STOLEN[1]:
        yield f"the hypervisor gave {stolen:.0%} of the CPU time to other machines"


def _busy(stretch: Stretch) -> Iterator[str]:
    waited, kept = _waited(stretch), stretch.kept_waiting
    if waited is not None and waited > _WAITED[1] and (kept is None or kept > _KEPT_WAITING):
        own = "" if kept is None else f", the worker's own threads {kept:.0%} of theirs"
        yield f"other processes: some task waited for a CPU {waited:.0%} of the time{own}"


def _unplugged(stretch: Stretch) -> Iterator[str]:
    first, last = stretch.before, stretch.after
    battery = [facts.get("power.battery") == "Discharging" for facts in (first, last)]
    mains = [facts.get("power.mains") == "0" for facts in (first, last)]
    if battery == [False, True] or mains == [False, True]:
        yield "the machine went on its battery"


def _clocks(text: str) -> dict[str, float]:
    """Clock in kHz by the first CPU of its policy, from `0:1800000 4:2400000`."""
    found = {}
    for word in text.split():
        cpu, _, khz = word.partition(":")
        value = number(khz)
        if re.fullmatch("[0-9]{1,5}", cpu) and value is not None:
            found[cpu] = value
    return found


_Check = Callable[[Stretch], Iterator[str]]
_THROTTLE_CHECKS: tuple[_Check, ...] = (
    _cooling,
    _counted,
    _overcurrent,
    _status,
    _capped,
    _slower,
    _hot,
    _pi,
    _alarms,
    _gpu,
)
_OTHER_CHECKS: tuple[_Check, ...] = (
    _group,
    _paging,
    _steal,
    _busy,
    _unplugged,
    _gpu_users,
    _mode,
)
