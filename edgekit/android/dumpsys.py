"""Heat and battery, from `dumpsys thermalservice` and `dumpsys battery`."""

from __future__ import annotations

import re

from edgekit.text import one_line

_STATUS = re.compile(r"^Thermal Status: ([0-6])\s*$", re.MULTILINE)
_NOW = "Current temperatures from HAL:"
_NUMBER = r"-?[0-9]{1,4}(?:\.[0-9]{1,9})?"
_TEMPERATURE = re.compile(
    rf"Temperature\{{mValue=({_NUMBER}), mType=(-?[0-9]{{1,2}}), mName=([^,{{}}\n]{{1,60}}), "
    r"mStatus=[0-6]\}"
)
# Kinds of Android's `Temperature`: CPU, GPU, BATTERY, SKIN, ..., NPU. The others are of screens,
# plugs and batteries' limits, of which some are no temperatures.
_KINDS = {"0": "cpu", "1": "gpu", "2": "battery", "3": "skin", "9": "npu"}
# A sensor that is off reads 0, or what no phone is ever at.
_COLDEST_C, _HOTTEST_C = -40.0, 200.0
_FIELD = re.compile(r"^ {2}([A-Za-z ]{1,40}): (\S{1,40})\s*$", re.MULTILINE)
# Of `BatteryManager`.
_BATTERY = {"1": "Unknown", "2": "Charging", "3": "Discharging", "4": "Not charging", "5": "Full"}
_PLUGS = ("AC powered", "USB powered", "Wireless powered", "Dock powered")


def thermalservice(text: str) -> dict[str, str]:
    """Android's own account of heat.

    Returns:
        `android.thermal_status`, from 0 (none) over 1 (light) to 6 (shutdown);
        `temperature_mc.KIND.NAME` of CPU, GPU, NPU, battery and skin: those of the moment where
        they are told, else the last that the service was told of.
    """
    facts = {}
    if status := _STATUS.search(text):
        facts["android.thermal_status"] = status.group(1)
    last, _, now = text.partition(_NOW)
    for celsius, kind, name in _TEMPERATURE.findall(now) or _TEMPERATURE.findall(last):
        value = float(celsius)
        if kind in _KINDS and value != 0.0 and _COLDEST_C < value < _HOTTEST_C:
            facts[f"temperature_mc.{_KINDS[kind]}.{one_line(name)}"] = str(round(1000 * value))
    return facts


def battery(text: str) -> dict[str, str]:
    """The battery.

    Returns:
        `power.battery`, its status; `power.mains`, 1 where the phone is plugged in;
        `power.level_percent`; `temperature_mc.battery`.
    """
    told = {name.strip(): value for name, value in _FIELD.findall(text)}
    plugs = [told[name] for name in _PLUGS if told.get(name) in {"true", "false"}]
    level, scale = _count(told.get("level")), _count(told.get("scale"))
    tenths = _count(told.get("temperature"))
    facts = {
        "power.battery": _BATTERY.get(told.get("status", ""), ""),
        "power.mains": str(int("true" in plugs)) if plugs else "",
        "power.level_percent": str(round(100 * level / scale)) if level and scale else "",
        "temperature_mc.battery": str(tenths * 100) if tenths else "",
    }
    return {name: value for name, value in facts.items() if value}


def _count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch("-?[0-9]{1,9}", text) else None
