"""Clocks, as Linux's cpufreq and devfreq tell them: who decides on them, and where they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from edgekit.measure.environment import number, read

CPUS = "sys/devices/system/cpu"
_DEVFREQ = "sys/class/devfreq"
# Older releases of Jetson Linux call a GPU by its generation.
_COMPUTES = re.compile("gpu|npu|g[pv]1[01]b|ga10b", re.IGNORECASE)
_DEVFREQ_FILES = {
    "hz": "cur_freq",
    "least_hz": "min_freq",
    "cap_hz": "max_freq",
    "governor": "governor",
}
# File, what switches turbo on, what switches it off.
_TURBO = (("intel_pstate/no_turbo", "0", "1"), ("cpufreq/boost", "1", "0"))


def clocks(root: Path) -> Dict[str, str]:
    """Governors, clocks and turbo.

    Args:
        root: Where the system's files are.

    Returns:
        `cpu.governor`: the governors, each once. `cpu.khz`, `cpu.cap_khz`, `cpu.max_khz`: for each
        policy its first CPU and its clock now, the highest that it may take now, and the highest
        that it has, as in `0:1800000 4:2400000`. `cpu.turbo`: `on` or `off`. `devfreq.hz`,
        `devfreq.least_hz`, `devfreq.cap_hz`, `devfreq.governor`: likewise of what else has a
        clock of its own, such as a board's GPU, each by its name: `17000000.gpu:305000000`.
    """
    folders = policies(root)
    governors = {read(folder / "scaling_governor") for folder in folders.values()}
    switch = turbo_switch(root)
    facts = {
        "cpu.governor": " ".join(sorted(filter(None, governors))),
        "cpu.khz": _each(folders, "scaling_cur_freq"),
        "cpu.cap_khz": _each(folders, "scaling_max_freq"),
        "cpu.max_khz": _each(folders, "cpuinfo_max_freq"),
    }
    if switch is not None:
        path, on, _ = switch
        facts["cpu.turbo"] = "on" if read(path) == on else "off"
    facts.update(_others(root))
    return {name: value for name, value in facts.items() if value}


def accelerators(root: Path) -> List[Path]:
    """Folders of the clocks of GPUs and NPUs that devfreq decides on."""
    return [folder for folder in _devfreq(root) if _COMPUTES.search(folder.name)]


def _devfreq(root: Path) -> List[Path]:
    return sorted((root / _DEVFREQ).glob("*"))


def _others(root: Path) -> Dict[str, str]:
    folders = _devfreq(root)
    return {
        f"devfreq.{fact}": " ".join(
            f"{folder.name}:{text}" for folder in folders for text in read(folder / name).split()
        )
        for fact, name in _DEVFREQ_FILES.items()
    }


def policies(root: Path) -> Dict[int, Path]:
    """Folder of each frequency policy, by the number of its first CPU."""
    found = _numbered(root / CPUS, "cpufreq/policy*", lambda path: path.name)
    # Old kernels have one for each CPU.
    return found or _numbered(root / CPUS, "cpu*/cpufreq", lambda path: path.parent.name)


def turbo_switch(root: Path) -> Optional[Tuple[Path, str, str]]:
    """The file that switches turbo, with the values for on and off; None where there is none."""
    for name, on, off in _TURBO:
        path = root / CPUS / name
        if read(path) in (on, off):
            return path, on, off
    return None


def _numbered(folder: Path, pattern: str, name_of: Callable[[Path], str]) -> Dict[int, Path]:
    found = {}
    for path in folder.glob(pattern):
        name = re.fullmatch("(?:policy|cpu)([0-9]+)", name_of(path))
        if name:
            found[int(name.group(1))] = path
    return {cpu: found[cpu] for cpu in sorted(found)}


def _each(folders: Dict[int, Path], name: str) -> str:
    values = {cpu: read(folder / name) for cpu, folder in folders.items()}
    # A driver that doesn't know says "<unknown>".
    return " ".join(f"{cpu}:{value}" for cpu, value in values.items() if number(value))
