"""The machine: what doesn't change while it runs. What does is in `state`."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

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
    limits = [
        _quota_v2(folder) if version == 2 else _quota_v1(folder)  # noqa: PLR2004 -- its name
        for version, folder in cpu_groups(root)
    ]
    found = [limit for limit in limits if limit is not None]
    return min(found) if found else None


def cpu_groups(root: Path = ROOT) -> Iterator[Tuple[int, Path]]:
    """The control groups that may limit this process's CPU time, each with its version, 1 or 2."""
    for line in read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            yield from ((2, folder) for folder in _up(root / "sys/fs/cgroup", path))
        elif "cpu" in controllers.split(","):
            yield from ((1, folder) for folder in _up(root / "sys/fs/cgroup/cpu", path))


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
    return _cores(read(folder / "cpu.max").split())


def _quota_v1(folder: Path) -> Optional[float]:
    return _cores([read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us")])


def _cores(quota_and_period: List[str]) -> Optional[float]:
    # No limit is "max" in version 2 and -1 in version 1.
    quota, period = [*map(number, quota_and_period), None, None][:2]
    return quota / period if quota and period and quota > 0 else None


def _cpu_model(root: Path) -> str:
    named = _cpuinfo(root, "model name")
    return named or device_tree(root, "model") or platform.processor()


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


def device_tree(root: Path, name: str) -> str:
    """What a board's device tree says of itself; empty on a machine without one.

    Args:
        root: Where the system's files are.
        name: `model`, or `compatible`, whose words have a NUL between them.
    """
    # The second is a link to the first, which a container may not have.
    folders = ("sys/firmware/devicetree/base", "proc/device-tree")
    texts = (read(root / folder / name).strip("\0") for folder in folders)
    return next(filter(None, texts), "")


def read(path: Path) -> str:
    """The text of a small file; empty where there is none or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):  # ValueError: a path that no system takes
        return ""


def read_number(path: Path) -> Optional[int]:
    """The whole number in a small file; None where there is none."""
    return number(read(path))


def number(text: str) -> Optional[int]:
    """The whole number that `text` is, of 64 bits at most; None if it is none."""
    return int(text) if re.fullmatch("-?[0-9]{1,20}", text) else None


def table(path: Path) -> Dict[str, int]:
    """Numbers by name, from lines such as `MemTotal:  1024 kB` or `pswpin 17`."""
    found = {}
    for line in read(path).splitlines():
        words = line.split()
        value = number(words[1]) if len(words) > 1 else None
        if value is not None:
            found[words[0].rstrip(":")] = value
    return found
