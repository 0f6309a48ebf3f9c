"""The state that a machine is in: what changes while it runs, and disturbs a measurement.

Facts are text by name. A name that begins with `counter.` is a count that only rises: what it
rose by between two looks is what happened meanwhile. What can't be read is left out.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Dict, List, Optional

from edgekit.measure import nvml
from edgekit.measure.clocks import clocks
from edgekit.measure.environment import ROOT, cpu_groups, number, read, table
from edgekit.measure.heat import heat
from edgekit.measure.jetson import power_mode

_KIB = 1024
_PRESSURES = ("cpu", "memory", "io")
_SWAPPED = {"pswpin": "counter.swapped_in_pages", "pswpout": "counter.swapped_out_pages"}
# Fields of /proc/stat's first line: user, nice, system, idle, iowait, irq, softirq, steal. The
# next two, of guests, are in the first two already.
_TICK_FIELDS = 8
_IDLE, _IOWAIT, _STEAL = 3, 4, 7


def state(root: Path = ROOT) -> Dict[str, str]:
    """Clocks, heat, waiting, stolen time, memory, power, and this process's own part in it.

    Args:
        root: Where the system's files are.

    Returns:
        What `clocks`, `heat` and `power_mode` give, and

        * `load_1min`; `pressure.KIND_some_avg10`, percent of the last 10 s in which some task
          waited for `cpu`, `memory` or `io`, and `counter.pressure.KIND_us`, all such time;
        * `counter.cpu.total_ms`, `.busy_ms`, `.stolen_ms`: time of all CPUs together, the part
          in which they worked, and the part that a hypervisor gave to other machines;
        * `memory.total_bytes`, `memory.available_bytes`, `swap.used_bytes`,
          `counter.swapped_in_pages`, `counter.swapped_out_pages`;
        * `power.battery`, its status, and `power.mains`, 1 where it is plugged in;
        * `counter.group.throttled`, `counter.group.throttled_us`: how often and how long the
          control groups' quota stopped this process or its neighbours in the group;
        * what `nvml.gpu_state` tells of NVIDIA GPUs;
        * `counter.self.cpu_ns`, `.waited_ns`, in which its threads waited for a CPU,
          `.major_faults`, `.involuntary_switches` of this process; `self.uses_gpu`, 1 if it does;
          and `counter.clock_ns`, the time of the look. Those are always the real ones.
    """
    return {
        **clocks(root),
        **heat(root),
        **power_mode(root),
        **_waiting(root),
        **_cpu_time(root),
        **_memory(root),
        **_power(root),
        **_groups(root),
        **nvml.gpu_state(),
        **_own(),
    }


def _waiting(root: Path) -> Dict[str, str]:
    facts = {"load_1min": (read(root / "proc/loadavg").split() or [""])[0]}
    for kind in _PRESSURES:
        # A line reads: some avg10=0.19 avg60=0.46 avg300=0.83 total=2138361076
        for line in read(root / "proc/pressure" / kind).splitlines():
            words = dict(word.partition("=")[::2] for word in line.split())
            if "some" in words:
                facts[f"pressure.{kind}_some_avg10"] = words.get("avg10", "")
                facts[f"counter.pressure.{kind}_us"] = words.get("total", "")
    return {name: value for name, value in facts.items() if value}


def _cpu_time(root: Path) -> Dict[str, str]:
    words = (read(root / "proc/stat").splitlines() or [""])[0].split()[1 : 1 + _TICK_FIELDS]
    ticks = [value for value in map(number, words) if value is not None]
    if len(ticks) < _TICK_FIELDS:
        return {}
    tick_ms = 1000 // os.sysconf("SC_CLK_TCK")
    idle = ticks[_IDLE] + ticks[_IOWAIT] + ticks[_STEAL]
    return {
        "counter.cpu.total_ms": str(sum(ticks) * tick_ms),
        "counter.cpu.busy_ms": str((sum(ticks) - idle) * tick_ms),
        "counter.cpu.stolen_ms": str(ticks[_STEAL] * tick_ms),
    }


def _memory(root: Path) -> Dict[str, str]:
    kib = table(root / "proc/meminfo")
    facts = {
        "memory.total_bytes": _bytes(kib.get("MemTotal")),
        "memory.available_bytes": _bytes(kib.get("MemAvailable")),
    }
    if "SwapTotal" in kib and "SwapFree" in kib:
        facts["swap.used_bytes"] = _bytes(kib["SwapTotal"] - kib["SwapFree"])
    counts = table(root / "proc/vmstat")
    facts.update({fact: str(counts[name]) for name, fact in _SWAPPED.items() if name in counts})
    return {name: value for name, value in facts.items() if value}


def _bytes(kib: Optional[int]) -> str:
    return "" if kib is None else str(kib * _KIB)


def _power(root: Path) -> Dict[str, str]:
    batteries: List[str] = []
    mains: List[str] = []
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        kind = read(supply / "type")
        if read(supply / "scope") == "Device":  # a mouse's
            continue
        if kind == "Battery":
            batteries.append(read(supply / "status"))
        elif kind == "Mains":
            mains.append(read(supply / "online"))
    discharging = [status for status in batteries if status == "Discharging"]
    facts = {
        "power.battery": (discharging or batteries or [""])[0],
        "power.mains": max(mains, default=""),
    }
    return {name: value for name, value in facts.items() if value}


def _groups(root: Path) -> Dict[str, str]:
    counts: List[int] = []
    times_us: List[int] = []
    for version, folder in cpu_groups(root):
        stat = table(folder / "cpu.stat")
        if "nr_throttled" in stat:
            counts.append(stat["nr_throttled"])
            in_us = version != 1
            times_us.append(stat.get("throttled_usec" if in_us else "throttled_time", 0))
            if not in_us:
                times_us[-1] //= 1000  # from ns
    if not counts:
        return {}
    return {
        "counter.group.throttled": str(sum(counts)),
        "counter.group.throttled_us": str(sum(times_us)),
    }


def _own() -> Dict[str, str]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    waits_ns = [_waited_ns(thread) for thread in Path("/proc/self/task").glob("*")]
    known = [wait_ns for wait_ns in waits_ns if wait_ns is not None]
    return {
        **({"counter.self.waited_ns": str(sum(known))} if known else {}),
        **({"self.uses_gpu": "1"} if nvml.uses_cuda() else {}),
        "counter.self.cpu_ns": str(time.process_time_ns()),
        "counter.self.major_faults": str(usage.ru_majflt),
        "counter.self.involuntary_switches": str(usage.ru_nivcsw),
        "counter.clock_ns": str(time.monotonic_ns()),
    }


def _waited_ns(thread: Path) -> Optional[int]:
    """Time in which a thread could have run and had no CPU: the second of schedstat's numbers."""
    words = read(thread / "schedstat").split()
    return number(words[1]) if len(words) > 1 else None
