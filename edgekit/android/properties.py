"""What phone it is, from `getprop`, and which of its cores are the big ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgekit.text import one_line

_PROPERTY = re.compile(r"^\[([\w.:-]{1,200})\]: \[([^\]\r\n]{0,200})\]\r?$", re.MULTILINE)
_FACTS = {
    "android.abi": ("ro.product.cpu.abi",),
    "android.sdk": ("ro.build.version.sdk",),
    "android.release": ("ro.build.version.release",),
    # The second is what older phones have.
    "board.soc": ("ro.soc.model", "ro.board.platform"),
}
_STRENGTH = re.compile(
    r"^/sys/devices/system/cpu/cpu([0-9]{1,3})/(?:cpufreq/)?"
    r"(cpu_capacity|cpuinfo_max_freq):([0-9]{1,9})\r?$",
    re.MULTILINE,
)
# Cores that differ by less are of one kind, as in `edgekit.measure.affinity` for other machines.
_SAME_KIND = 0.8


def phone(text: str) -> dict[str, str]:
    """What phone it is.

    Args:
        text: What `getprop` prints.

    Returns:
        `board.kind`, always `android`; `board.model`, `board.soc`, `android.abi`, as in
        `arm64-v8a`, `android.sdk` and `android.release`. What isn't told is left out.
    """
    told = {name: one_line(value).strip() for name, value in _PROPERTY.findall(text)}
    names = ("ro.product.manufacturer", "ro.product.model")
    facts = {
        "board.kind": "android",
        "board.model": " ".join(filter(None, (told.get(name) for name in names))),
    }
    for fact, sources in _FACTS.items():
        facts[fact] = next(filter(None, (told.get(name) for name in sources)), "")
    return {name: value for name, value in facts.items() if value}


def strengths(text: str) -> dict[int, float]:
    """How strong each core is against the others, by its number; empty where nothing is told.

    Args:
        text: What `grep . /sys/devices/system/cpu/cpu*/cpu_capacity
            /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq` prints: `PATH:VALUE` a line.
    """
    told: dict[str, dict[int, float]] = {}
    for cpu, name, value in _STRENGTH.findall(text):
        told.setdefault(name, {})[int(cpu)] = float(value)
    # Highest clocks of unlike cores don't compare, so they are the second choice.
    return told.get("cpu_capacity") or told.get("cpuinfo_max_freq") or {}


def big_mask(strength: Mapping[int, float], threads: int = 1) -> str:
    """The mask, in hex, that `taskset` takes to keep a program on the strongest cores.

    Args:
        strength: How strong each CPU is against the others, by its number.
        threads: How many of them are needed; weaker kinds are taken in until there are as many.

    Returns:
        As in `f0`; empty where no CPU is told of.
    """
    chosen: list[int] = []
    for least in sorted({value * _SAME_KIND for value in strength.values()}, reverse=True):
        chosen = [cpu for cpu, value in strength.items() if value >= least]
        if len(chosen) >= threads:
            break
    mask = sum(1 << cpu for cpu in chosen)
    return f"{mask:x}" if mask else ""
