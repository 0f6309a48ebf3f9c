"""Heat and power supply: how hot it is, and what the system does about it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional

from edgekit.measure import vcgencmd
from edgekit.measure.clocks import CPUS
from edgekit.measure.environment import number, read, read_number

_THERMAL = "sys/class/thermal"
# Where Linux slows the machine down or switches it off; at an `active` one a fan starts.
_TRIPS = ("passive", "critical")
_THROTTLE_COUNTS = ("core_throttle_count", "package_throttle_count")
# Wherever the firmware's node lies in the board's device tree, the driver links to it.
_PI_FIRMWARE = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/bus/platform/drivers/raspberrypi-firmware/*/get_throttled",
)
# Sensors whose alarms mean that the board gets too little power or takes too much: Raspberry Pi's
# supply, Jetson's rails.
_ALARMS = ("rpi_volt", "ina3221")
# Jetson's chip counts how often its supply made it slow down (JetPack 5 and later).
_OVERCURRENT = "soctherm_oc"


def heat(root: Path) -> Dict[str, str]:
    """Temperatures, cooling, and what has throttled.

    Args:
        root: Where the system's files are.

    Returns:
        `temperature_mc.ZONE` and `trip_mc.ZONE`, the lowest temperature at which the zone is
        throttled or switched off; `cooling.DEVICE`, the state of a cooling device, 0 for idle,
        `counter.cooled_ms.DEVICE`, how long it was in another, and `counter.cooling.DEVICE`, how
        often its state changed; `counter.throttled`, an x86 CPU's own count; `pi.throttled`, a
        Raspberry Pi's bits as a hexadecimal number; `alarm.SENSOR.NAME`, 1 where it is raised;
        `counter.overcurrent`, how often a Jetson's supply was too weak or too much was taken.
    """
    return {
        **temperatures(root),
        **_cooling(root),
        **_throttled(root),
        **_pi(root),
        **_alarms(root),
        **_overcurrent(root),
    }


def temperatures(root: Path) -> Dict[str, str]:
    """Of `heat`, the zones' temperatures and limits: files alone, so it may be asked often."""
    facts: Dict[str, str] = {}
    for zone in sorted((root / _THERMAL).glob("thermal_zone*")):
        name = read(zone / "type") or zone.name
        if f"temperature_mc.{name}" in facts:  # several zones of one type
            name = f"{name}.{zone.name}"
        temperature = read_number(zone / "temp")
        if temperature is None:  # a sensor that is switched off
            continue
        facts[f"temperature_mc.{name}"] = str(temperature)
        trips = _trips(zone)
        if trips:
            facts[f"trip_mc.{name}"] = str(min(trips))
    return facts


def _trips(zone: Path) -> List[int]:
    found = []
    for kind in zone.glob("trip_point_*_type"):
        trip = read_number(kind.with_name(kind.name.replace("_type", "_temp")))
        # Zero or less is one that nobody has set.
        if trip is not None and trip > 0 and read(kind) in _TRIPS:
            found.append(trip)
    return found


def _cooling(root: Path) -> Dict[str, str]:
    """What cools, by type: an x86 machine has one `Processor` for each CPU, which count as one."""
    facts: Dict[str, int] = {}
    for device in sorted((root / _THERMAL).glob("cooling_device*")):
        name = read(device / "type") or device.name
        state = read_number(device / "cur_state")
        if state is not None:
            facts[f"cooling.{name}"] = max(state, facts.get(f"cooling.{name}", state))
        counters = {
            f"counter.cooled_ms.{name}": _active_ms(device / "stats/time_in_state_ms"),
            f"counter.cooling.{name}": read_number(device / "stats/total_trans"),
        }
        for counter, value in counters.items():
            if value is not None:
                facts[counter] = value + facts.get(counter, 0)
    return {name: str(value) for name, value in facts.items()}


def _active_ms(path: Path) -> Optional[int]:
    """Time in every state but the first, from lines such as `state1<tab>250`; None without any."""
    found = None
    for line in read(path).splitlines():
        state, _, text = line.partition("\t")
        time_ms = number(text.strip())
        if time_ms is not None:
            found = (found or 0) + (0 if state == "state0" else time_ms)
    return found


def _throttled(root: Path) -> Dict[str, str]:
    counts = [
        read_number(folder / name)
        for folder in (root / CPUS).glob("cpu*/thermal_throttle")
        for name in _THROTTLE_COUNTS
    ]
    known = [count for count in counts if count is not None]
    return {"counter.throttled": str(sum(known))} if known else {}


def _pi(root: Path) -> Dict[str, str]:
    texts = [read(path) for pattern in _PI_FIRMWARE for path in sorted(root.glob(pattern))]
    bits = [vcgencmd.throttled(text) for text in texts or [vcgencmd.ask(root, "get_throttled")]]
    known = [value for value in bits if value is not None]
    return {"pi.throttled": hex(known[0])} if known else {}


def _overcurrent(root: Path) -> Dict[str, str]:
    counts = [
        read_number(path)
        for monitor in (root / "sys/class/hwmon").glob("hwmon*")
        if read(monitor / "name") == _OVERCURRENT
        for path in monitor.glob("oc*_event_cnt")
    ]
    known = [count for count in counts if count is not None]
    return {"counter.overcurrent": str(sum(known))} if known else {}


def _alarms(root: Path) -> Dict[str, str]:
    facts = {}
    for monitor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        name = read(monitor / "name")
        if name in _ALARMS:
            for path in sorted(monitor.glob("*_alarm")):
                facts[f"alarm.{name}.{path.name}"] = read(path)
    return {name: value for name, value in facts.items() if number(value) is not None}
