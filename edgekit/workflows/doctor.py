"""What this machine has, and what would disturb a measurement on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from edgekit.exporters import EXPORTERS
from edgekit.graphs import GRAPHS
from edgekit.measure import environment
from edgekit.models import FAMILIES
from edgekit.publishing import nearest_existing
from edgekit.quantization.target import detect, gpus, has_int8_dot
from edgekit.quantizers import QUANTIZERS
from edgekit.records.findings import Diagnosis, Part
from edgekit.registry import Registry
from edgekit.runtimes import RUNTIMES
from edgekit.storage import unreadable
from edgekit.workflows.disturbances import disturbances
from edgekit.workflows.parts import part

_REGISTRIES: tuple[Registry[Any], ...] = (RUNTIMES, EXPORTERS, QUANTIZERS, FAMILIES, GRAPHS)

_KIB = 1024


def doctor(out: Path, root: Path = environment.ROOT) -> Diagnosis:
    """Look at this machine.

    Args:
        out: The folder that artifacts are published in; its disk is looked at.
        root: Where the system's files are.

    Raises:
        DataError: `out` lies where this user may not look.
    """
    machine = environment.machine(root)
    state = {**environment.state(root), **_memory(root), **_power(root)}
    target = detect()
    return Diagnosis(
        machine=machine,
        state=state,
        target=target,
        int8_dot=has_int8_dot(target),
        gpus=tuple(f"{name} (compute capability {sm // 10}.{sm % 10})" for sm, name in gpus()),
        disk_free_bytes=_disk_free_bytes(out),
        parts=parts(),
        disturbances=disturbances(machine, state),
    )


def parts() -> tuple[Part, ...]:
    """Every registered adapter."""
    return tuple(part(registry, name) for registry in _REGISTRIES for name in registry.names())


def _disk_free_bytes(out: Path) -> int:
    try:
        return shutil.disk_usage(nearest_existing(out)).free
    except OSError as error:  # a folder above it may not be looked into
        raise unreadable(out, error) from error


def _memory(root: Path) -> dict[str, str]:
    fields = {}
    for line in environment.read(root / "proc/meminfo").splitlines():
        name, _, amount = line.partition(":")
        fields[name] = int(amount.split()[0]) * _KIB
    if not fields:
        return {}
    return {
        "memory.total_bytes": str(fields["MemTotal"]),
        "memory.available_bytes": str(fields["MemAvailable"]),
        "swap.used_bytes": str(fields.get("SwapTotal", 0) - fields.get("SwapFree", 0)),
    }


def _power(root: Path) -> dict[str, str]:
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        if environment.read(supply / "type") == "Battery":
            return {"power.battery": environment.read(supply / "status")}
    return {}
