"""What kind of machine this is: facts that a ratio may hang on, and a digest of them."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from edgekit.measure.boards import board
from edgekit.measure.clocks import clocks
from edgekit.measure.environment import ROOT, machine, read
from edgekit.measure.jetson import power_mode
from edgekit.records import digest
from edgekit.records.history import Fingerprint
from edgekit.runtimes import RUNTIMES
from edgekit.text import one_line
from edgekit.workflows.parts import part

# What firmware calls a machine that is none of its own.
_VIRTUAL = ("kvm", "qemu", "vmware", "virtualbox", "virtual machine", "amazon ec2", "google")
_MOST_CHARACTERS = 300


def fingerprint(runtime: str, root: Path = ROOT) -> Fingerprint:
    """The machine's kind, as `runtime` sees it.

    The release of the kernel isn't in it: hosted runners change it from week to week. The number
    of CPUs and the instructions are: they decide which kernels a runtime takes.

    Args:
        runtime: Name of the runtime.
        root: Where the system's files are.
    """
    told = machine(root)
    versions = part(RUNTIMES, runtime).versions
    facts = {
        "cpu": told.get("cpu.model", ""),
        "features": told.get("cpu.features", ""),
        "cpus": str(os.cpu_count() or 0),
        "arch": platform.machine(),
        "system": platform.system(),
        "virtual": "yes" if _is_virtual(root) else "no",
        "governor": clocks(root).get("cpu.governor", ""),
        "release": board(root).get("board.l4t", ""),
        "power_mode": power_mode(root).get("jetson.power_mode", ""),
        "runtime": " ".join([runtime, *(f"{name} {is_}" for name, is_ in versions.items())]),
    }
    facts = {name: one_line(fact)[:_MOST_CHARACTERS] for name, fact in facts.items() if fact}
    return Fingerprint(digest(facts), facts)


def _is_virtual(root: Path) -> bool:
    if (root / "sys/hypervisor/type").exists():
        return True
    flags = [line for line in read(root / "proc/cpuinfo").splitlines() if line.startswith("flags")]
    if flags and "hypervisor" in flags[0].split():
        return True
    firmware = root / "sys/class/dmi/id"
    named = f"{read(firmware / 'sys_vendor')} {read(firmware / 'product_name')}".lower()
    return any(word in named for word in _VIRTUAL)
