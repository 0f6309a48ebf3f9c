"""Boards that measure their own power: Jetson's INA3221 chips, the Raspberry Pi 5's PMIC.

A sensor's scope is `board` where it sits at the board's input, and `rails` where it is the sum of
what the board's converters give out: their own losses, and whatever takes the input's voltage
directly, is missing from it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from edgekit.measure import vcgencmd
from edgekit.measure.environment import read
from edgekit.measure.meters import Power, Reading

INPUTS = ("VDD_IN", "POM_5V_IN")  # rails that all the others hang on
UNUSED = "NC"
SUM_CHANNEL = 7  # of all shunts' voltages: no rail
INA3221_PERIOD_S = 0.1  # where the driver doesn't tell its own
LEAST_PERIOD_S = 0.01  # a reading goes over a slow bus, and takes power itself

PMIC_PERIOD_S = 0.1


def ina3221(root: Path) -> List[Power]:
    """The power that a Jetson takes: at its input, else the sum of all its rails."""
    folders: List[Path] = []
    for pattern in ("*/hwmon/hwmon*", "*/iio:device*"):
        folders += sorted((root / "sys/bus/i2c/devices").glob(pattern))
    chips = [folder for folder in folders if read(folder / "name").startswith("ina3221")]
    rails: Dict[str, Reading] = {}
    for chip in chips:
        rails.update(_hwmon(chip))
        rails.update(_iio(chip))
    if not rails:
        return []
    period_s = max([_period_s(chip) for chip in chips])
    for name in INPUTS:
        if name in rails:
            return [Power(f"ina3221:{name}", "board", period_s, rails[name])]
    return [Power("ina3221", "rails", period_s, functools.partial(_sum_uw, tuple(rails.values())))]


def _hwmon(chip: Path) -> Iterator[Tuple[str, Reading]]:
    """Rails as the kernel's own driver shows them (JetPack 5 and later): mV and mA."""
    for label in sorted(chip.glob("in*_label")):
        number, name = label.name[len("in") : -len("_label")], read(label)
        if name and UNUSED not in name and number != str(SUM_CHANNEL):
            files = (chip / f"in{number}_input", chip / f"curr{number}_input")
            yield name, functools.partial(_product_uw, *files)


def _iio(chip: Path) -> Iterator[Tuple[str, Reading]]:
    """Rails as NVIDIA's older driver shows them (JetPack 4): mW."""
    for label in sorted(chip.glob("rail_name_*")):
        number, name = label.name[len("rail_name_") :], read(label)
        if name and UNUSED not in name:
            yield name, functools.partial(_milliwatts_uw, chip / f"in_power{number}_input")


def _product_uw(volts: Path, amperes: Path) -> Optional[int]:
    millivolts, milliamperes = _number(volts), _number(amperes)
    if millivolts is None or milliamperes is None:
        return None
    return millivolts * milliamperes


def _milliwatts_uw(path: Path) -> Optional[int]:
    milliwatts = _number(path)
    return None if milliwatts is None else milliwatts * 1000


def _sum_uw(rails: Tuple[Reading, ...]) -> Optional[int]:
    found = [power for power in (rail() for rail in rails) if power is not None]
    return sum(found) if len(found) == len(rails) else None


def _period_s(chip: Path) -> float:
    told_ms = _number(chip / "update_interval")
    return INA3221_PERIOD_S if told_ms is None else max(LEAST_PERIOD_S, told_ms / 1000)


def _number(path: Path) -> Optional[int]:
    text = read(path)
    return int(text) if text.lstrip("-").isdigit() else None


def pmic(root: Path) -> Tuple[List[Power], str]:
    """The power of all rails of a Raspberry Pi 5, and why there is none.

    Older models don't measure currents. What USB devices and anything else at 5 V take isn't in
    it, and neither is what the PMIC itself loses.
    """
    if not (root / vcgencmd.PROGRAM).exists():
        return [], ""
    text = vcgencmd.ask(root, "pmic_read_adc")
    if vcgencmd.pmic_uw(text) is not None:
        return [Power("pmic", "rails", PMIC_PERIOD_S, lambda: _pmic_uw(root))], ""
    said = " ".join(text.split())[:200]
    if "VCHI" in said or "vcio" in said:
        return [], f"vcgencmd says {said!r}: `sudo usermod -aG video $USER` and log in again"
    return [], "this Raspberry Pi doesn't measure its own power: only model 5 does"


def _pmic_uw(root: Path) -> Optional[int]:
    return vcgencmd.pmic_uw(vcgencmd.ask(root, "pmic_read_adc"))
