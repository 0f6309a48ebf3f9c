"""The machine and the state that it is in: what a measurement depends on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Dict, List, Optional

# Where `/proc` and `/sys` of the machine lie, if this process sees them elsewhere: in a container,
# or below a made tree in tests.
ROOT = Path(os.environ.get("EDGEKIT_ROOT", "/"))

# Extensions that decide which kernels a runtime picks.
FEATURES = (
    "f16c", "fma", "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx_vnni_int8",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
)  # fmt: skip


def machine(root: Path = ROOT) -> Dict[str, str]:
    """What doesn't change while the machine runs: CPU, cores, limits, kernel.

    Args:
        root: Where the system's files are.
    """
    quota = cpu_quota(root)
    facts = {
        "cpu.model": _cpu_model(root),
        "cpu.features": " ".join(_features(root)),
        "cpu.logical": str(os.cpu_count() or 0),
        "cpu.affinity": " ".join(str(cpu) for cpu in affinity()),
        "cpu.physical": str(physical_cores(root)),
        "cpu.quota_cores": "" if quota is None else f"{quota:g}",
        "arch": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    return {name: value for name, value in facts.items() if value}


def state(root: Path = ROOT) -> Dict[str, str]:
    """What changes, and disturbs: clocks, load, pressure, stolen time, heat."""
    facts: Dict[str, str] = {}
    policy = root / "sys/devices/system/cpu/cpu0/cpufreq"
    for name in ("scaling_governor", "scaling_cur_freq", "cpuinfo_max_freq"):
        facts[f"cpu.{name}"] = read(policy / name)
    facts["load_1min"] = (read(root / "proc/loadavg").split() or [""])[0]
    facts["pressure.cpu_some_avg10"] = _pressure(root)
    facts["cpu.steal_ticks"] = _steal(root)
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        facts[f"temperature_mc.{read(zone / 'type') or zone.name}"] = read(zone / "temp")
    return {name: value for name, value in facts.items() if value}


def affinity() -> List[int]:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def physical_cores(root: Path = ROOT) -> int:
    """Physical cores among the CPUs that this process may run on; siblings count once."""
    cores = set()
    for cpu in affinity():
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        # The set of siblings is one name for the core, whatever its number within a package.
        cores.add(read(topology / "thread_siblings_list") or str(cpu))
    return max(1, len(cores))


def cpu_quota(root: Path = ROOT) -> Optional[float]:
    """Cores' worth of CPU time that the process's control groups allow; None if unlimited."""
    limits = []
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += [_quota_v2(folder) for folder in _up(root / "sys/fs/cgroup", path)]
        elif "cpu" in controllers.split(","):
            limits += [_quota_v1(folder) for folder in _up(root / "sys/fs/cgroup/cpu", path)]
    found = [limit for limit in limits if limit is not None]
    return min(found) if found else None


def usable_cores(root: Path = ROOT) -> int:
    """Threads that make sense here: physical cores, within the control group's quota."""
    quota = cpu_quota(root)
    cores = physical_cores(root)
    return cores if quota is None else max(1, min(cores, int(quota)))


def _up(mount: Path, path: str) -> List[Path]:
    """The group's folder and its parents'; each may have a limit."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _quota_v2(folder: Path) -> Optional[float]:
    words = read(folder / "cpu.max").split()
    if not words or words[0] == "max":
        return None
    return int(words[0]) / int(words[1])


def _quota_v1(folder: Path) -> Optional[float]:
    quota, period = read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us")
    if not quota or not period or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def _cpu_model(root: Path) -> str:
    named = _cpuinfo(root, "model name")
    board = read(root / "proc/device-tree/model").rstrip("\0")
    return named or board or platform.processor()


def _features(root: Path) -> List[str]:
    # x86 calls them flags, Arm Features.
    words = _cpuinfo(root, "flags") or _cpuinfo(root, "Features")
    return [word for word in FEATURES if word in set(words.split())]


def _cpuinfo(root: Path, key: str) -> str:
    for line in read(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _pressure(root: Path) -> str:
    for line in read(root / "proc/pressure/cpu").splitlines():
        if line.startswith("some"):
            return line.split("avg10=")[1].split()[0]
    return ""


def _steal(root: Path) -> str:
    # "cpu  user nice system idle iowait irq softirq steal ..."
    words = read(root / "proc/stat").splitlines()[:1]
    fields = words[0].split() if words else []
    return fields[8] if len(fields) > 8 else ""  # noqa: PLR2004 -- its place in the line


def read(path: Path) -> str:
    """The text of a small file; empty where there is none or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
