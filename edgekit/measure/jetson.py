"""What the tools and files of a Jetson say.

Written after NVIDIA's descriptions and published listings; none of it was taken from a board.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Dict, Sequence, Tuple

from edgekit.errors import UsageError

NVPMODEL = "usr/sbin/nvpmodel"
TIMEOUT_S = 5.0
# To switch cores off and on takes seconds.
_CHANGE_S = 20.0
# Releases of Jetson Linux by the JetPack that brought them.
_JETPACKS = {"32": "4", "34": "5", "35": "5", "36": "6", "38": "7"}
_RELEASE = re.compile(r"# R([0-9]{1,3}) \(release\), REVISION: ([0-9]{1,3}(?:\.[0-9]{1,3})?)\b")
_MODE = re.compile(r"^NV Power Mode: *(\S{1,60})\s+([0-9]{1,3})\s*$", re.MULTILINE)
# A sensor whose rail is off reads -256.
_COLDEST_C = -40.0
_TEMPERATURE = re.compile(r"(?<!\S)(\w{1,40})@(-?[0-9]{1,3}(?:\.[0-9]{1,6})?)C(?!\S)")
_RAIL = re.compile(r"(?<!\S)([A-Z]\w{1,40}) ([0-9]{1,7})(?:mW)?/[0-9]{1,7}(?:mW)?(?!\S)")
_MEMORY = re.compile(r"(?<!\S)(RAM|SWAP) ([0-9]{1,9})/([0-9]{1,9})MB(?!\S)")
_LOAD = re.compile(r"(?<!\S)GR3D_FREQ ([0-9]{1,3})%")
_CPUS = re.compile(r"(?<!\S)CPU \[([^\]]{0,2000})\]")
_CPU = re.compile(r"([0-9]{1,3})%@[0-9]{1,6}")
_MIB = 2**20
_LINE = 200  # characters


def l4t(text: str) -> str:
    """The release of Jetson Linux, as in `36.4.3`; empty if `/etc/nv_tegra_release` tells none."""
    found = _RELEASE.search(text)
    return ".".join(found.groups()) if found else ""


def jetpack(release: str) -> str:
    """The major version of JetPack that `release` of Jetson Linux belongs to; empty if unknown."""
    return _JETPACKS.get(release.partition(".")[0], "")


def power_mode(root: Path) -> Dict[str, str]:
    """The mode that caps clocks and switches cores off.

    Args:
        root: Where the system's files are.

    Returns:
        `jetson.power_mode`, as in `15W (1)`, name and number; nothing where there is none.
    """
    name, number = _mode(root)
    return {"jetson.power_mode": f"{name} ({number})"} if name else {}


def mode_number(root: Path) -> str:
    """The number of that mode.

    Raises:
        UsageError: There is none.
    """
    _, number = _mode(root)
    if not number:
        raise UsageError(
            "--tune: a power_mode is wanted, and there is no nvpmodel that tells one",
            hint="it is for Jetsons: take `power_mode` out of the device's entry",
        )
    return number


def set_power_mode(root: Path, wanted: str) -> None:
    """Go to another mode, unless that takes a reboot: its question is answered with no.

    The system keeps the mode over a reboot, so whoever changes it has to change it back.

    Args:
        root: Where the system's files are.
        wanted: The mode's number.

    Raises:
        UsageError: It can't be changed, and why; it is as it was.
    """
    before = mode_number(root)
    if before == wanted:
        return
    said = _asked(root / NVPMODEL, ["-m", wanted], "no\n", _CHANGE_S)
    if _mode(root)[1] != wanted:
        why = "it asks for a reboot" if "reboot" in said.lower() else _last_line(said)
        raise UsageError(
            f"--tune: nvpmodel does not go from mode {before} to {wanted}: {why}",
            hint=f"once by hand: `sudo nvpmodel -m {wanted}`, with a reboot where it asks for one",
        )


def nvpmodel(text: str) -> Tuple[str, str]:
    """Name and number of the mode that `nvpmodel -q` tells of; empty where it tells none."""
    found = _MODE.search(text)
    return (found.group(1), found.group(2)) if found else ("", "")


def tegrastats(line: str) -> Dict[str, str]:
    """One line of `tegrastats`, in the words of `state`.

    Returns:
        `temperature_mc.SENSOR`; `rail_mw.RAIL`, power now; `memory.used_bytes`,
        `memory.total_bytes`, `swap.used_bytes`, `swap.total_bytes`; `gpu.load_percent`;
        `cpu.load_percent`, of each CPU that is on. What isn't in the line is left out.
    """
    facts: Dict[str, str] = {}
    for sensor, celsius in _TEMPERATURE.findall(line):
        if float(celsius) > _COLDEST_C:
            facts[f"temperature_mc.{sensor}"] = str(round(1000 * float(celsius)))
    for rail, milliwatts in _RAIL.findall(line):
        facts[f"rail_mw.{rail}"] = str(int(milliwatts))
    for kind, used, total in _MEMORY.findall(line):
        name = "memory" if kind == "RAM" else "swap"
        facts[f"{name}.used_bytes"] = str(int(used) * _MIB)
        facts[f"{name}.total_bytes"] = str(int(total) * _MIB)
    load, cpus = _LOAD.search(line), _CPUS.search(line)
    if load:
        facts["gpu.load_percent"] = str(int(load.group(1)))
    if cpus:
        facts["cpu.load_percent"] = " ".join(_CPU.findall(cpus.group(1)))
    return {name: value for name, value in facts.items() if value}


def _mode(root: Path) -> Tuple[str, str]:
    program = root / NVPMODEL
    return nvpmodel(_asked(program, ["-q"])) if program.exists() else ("", "")


def _asked(
    program: Path, words: Sequence[str], answer: str = "", timeout_s: float = TIMEOUT_S
) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed program of the system, no shell
            [str(program), *words],
            input=answer.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout.decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = text.split("\n") if text.strip() else ["it doesn't say why"]
    return next(line.strip() for line in reversed(lines) if line.strip())[:_LINE]
