"""What a phone is and in which state, from what edgekit's script there prints."""

from __future__ import annotations

import re

from edgekit.android import dumpsys, properties
from edgekit.text import one_line

_PART = re.compile(r"^== ([a-z]{1,20})\r?$", re.MULTILINE)
_CLOCK = re.compile(
    r"^/sys/devices/system/cpu/cpu([0-9]{1,3})/cpufreq/"
    r"(scaling_cur_freq|scaling_max_freq|cpuinfo_max_freq|scaling_governor):(\S{1,20})\r?$",
    re.MULTILINE,
)
# As `edgekit.measure.clocks` calls them.
_CLOCKS = {
    "cpu.khz": "scaling_cur_freq",
    "cpu.cap_khz": "scaling_max_freq",
    "cpu.max_khz": "cpuinfo_max_freq",
}
_COUNT = re.compile(r"^count ([0-9]{1,3})\r?$", re.MULTILINE)
_MEMORY = re.compile(r"^Mem(Total|Available): +([0-9]{1,12}) kB\r?$", re.MULTILINE)
_DISK = re.compile(r"^\S+ +[0-9]+ +[0-9]+ +([0-9]{1,15}) ", re.MULTILINE)
_KERNEL = re.compile(r"^[0-9]{1,12} (\S{1,80})\r?$", re.MULTILINE)
_KIB = 1024


def phone(text: str) -> dict[str, str]:
    """What stays as it is: what `properties.phone` tells, and `cpu.logical`."""
    parts = _parts(text)
    count = _COUNT.search(parts.get("cpus", ""))
    cpus = {"cpu.logical": count.group(1)} if count else {}
    return {**properties.phone(parts.get("properties", "")), **cpus}


def state(text: str) -> dict[str, str]:
    """What changes: heat, battery, and clocks, named as `edgekit.measure.state` names them."""
    parts = _parts(text)
    return {
        **clocks(parts.get("cpus", "")),
        **dumpsys.battery(parts.get("battery", "")),
        **dumpsys.thermalservice(parts.get("thermal", "")),
    }


def clocks(text: str) -> dict[str, str]:
    """Governors and clocks, as `edgekit.measure.clocks` gives them, of each CPU.

    Args:
        text: `PATH:VALUE` a line, of the files of cpufreq.
    """
    told: dict[str, dict[int, str]] = {}
    for cpu, name, value in _CLOCK.findall(text):
        told.setdefault(name, {})[int(cpu)] = value
    governors = {one_line(value) for value in told.get("scaling_governor", {}).values()}
    found = {
        fact: " ".join(
            f"{cpu}:{value}"
            for cpu, value in sorted(told.get(name, {}).items())
            if value.isdecimal()
        )
        for fact, name in _CLOCKS.items()
    }
    found["cpu.governor"] = " ".join(sorted(governors))
    return {name: value for name, value in found.items() if value}


def strengths(text: str) -> dict[int, float]:
    """How strong each core is, as `properties.strengths` has it."""
    return properties.strengths(_parts(text).get("cpus", ""))


def kernel(text: str) -> str:
    """Release of its kernel; empty if it isn't told."""
    found = _KERNEL.search(_parts(text).get("uptime", ""))
    return one_line(found.group(1)) if found else ""


def sizes(text: str) -> dict[str, int]:
    """Bytes of memory, `Total` and `Available`, and `Free` on the disk of edgekit's folder."""
    parts = _parts(text)
    found = {name: int(kib) * _KIB for name, kib in _MEMORY.findall(parts.get("memory", ""))}
    if disk := _DISK.search(parts.get("disk", "")):
        found["Free"] = int(disk.group(1)) * _KIB
    return found


def _parts(text: str) -> dict[str, str]:
    _, *rest = _PART.split(text)
    return dict(zip(rest[::2], rest[1::2], strict=True))
