"""Which real sensors of energy there are, and why others can't be used."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

from edgekit.measure import nvml
from edgekit.measure.environment import read
from edgekit.measure.meters import Counter, Sensor
from edgekit.measure.rails import ina3221, pmic

RAPL_PERIOD_S = 0.001
NVML_PERIOD_S = 0.1
# What the kernel calls zones, and their scopes. A package's number follows its name.
PLATFORM, PACKAGE = "psys", "package"
PARTS = ("core", "uncore", "dram")
ROOT_ONLY = (
    "only root may read it: `sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj` lets "
    "everybody until the next boot, who can then spy on others' work (CVE-2020-8694)"
)


class Found(NamedTuple):
    """Sensors, those that count first.

    Attributes:
        sensors: Those that can be read.
        missing: Those that are there and can't be used: by their name, why.
    """

    sensors: List[Sensor]
    missing: Dict[str, str]


def find_sensors(root: Path) -> Found:
    """The sensors of energy of this machine.

    Args:
        root: Where the system's files are.
    """
    found = _rapl(root)
    found.sensors.extend(
        Counter(f"nvml:{index}", "gpu", NVML_PERIOD_S, functools.partial(_nvml_uj, read_mj))
        for index, read_mj in nvml.energy_counters().items()
    )
    found.sensors.extend(ina3221(root))
    powers, reason = pmic(root)
    found.sensors.extend(powers)
    if reason:
        found.missing["pmic"] = reason
    return found


def _rapl(root: Path) -> Found:
    """The counters of Intel's and AMD's CPUs (Linux, Documentation/power/powercap).

    A package's parts are in the package too, but for `dram`: they are never added to it.
    """
    found = Found([], {})
    zones = {zone.name: zone for zone in (root / "sys/class/powercap").glob("intel-rapl:*")}
    for key, zone in sorted(zones.items()):
        name, scope = read(zone / "name"), _scope(read(zone / "name"))
        if scope is None:
            continue
        parent = zones.get(key.rpartition(":")[0])
        sensor = f"rapl:{read(parent / 'name')}/{name}" if parent else f"rapl:{name}"
        energy = functools.partial(_integer, zone / "energy_uj")
        if energy() is None:
            found.missing[sensor] = ROOT_ONLY
            continue
        range_uj = _integer(zone / "max_energy_range_uj")
        found.sensors.append(Counter(sensor, scope, RAPL_PERIOD_S, energy, range_uj))
    return found


def _scope(name: str) -> Optional[str]:
    if name == PLATFORM:
        return "platform"
    if name.startswith(PACKAGE):
        return "package"
    return name if name in PARTS else None


def _nvml_uj(read_mj: Callable[[], Optional[int]]) -> Optional[int]:
    millijoules = read_mj()
    return None if millijoules is None else millijoules * 1000


def _integer(path: Path) -> Optional[int]:
    text = read(path)
    return int(text) if text.isdigit() else None
