"""What this machine has, and what would disturb a measurement on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from edgekit.exporters import EXPORTERS
from edgekit.graphs import GRAPHS
from edgekit.measure import environment
from edgekit.measure.look import LOOK_S, look
from edgekit.models import FAMILIES
from edgekit.publishing import nearest_existing
from edgekit.quantization.target import detect, gpus, has_int8_dot
from edgekit.quantizers import QUANTIZERS
from edgekit.records.findings import Diagnosis, Part
from edgekit.registry import Registry
from edgekit.runtimes import RUNTIMES
from edgekit.storage import unreadable
from edgekit.wire import Look
from edgekit.workflows.disturbances import disturbances
from edgekit.workflows.parts import part
from edgekit.workflows.stretches import Stretch, counts, number
from edgekit.workflows.validity import class_of

_REGISTRIES: tuple[Registry[Any], ...] = (RUNTIMES, EXPORTERS, QUANTIZERS, FAMILIES, GRAPHS)


def doctor(out: Path, root: Path = environment.ROOT, look_s: float = LOOK_S) -> Diagnosis:
    """Look at this machine, twice: some things show only in what changes.

    Args:
        out: The folder that artifacts are published in; its disk is looked at.
        root: Where the system's files are.
        look_s: Seconds between the two looks.

    Raises:
        DataError: `out` lies where this user may not look.
    """
    target = detect()
    found = parts()
    seen = look(root, look_s)
    return Diagnosis(
        machine=seen.machine,
        state=state_of(seen),
        target=target,
        int8_dot=has_int8_dot(target),
        gpus=tuple(f"{name} (compute capability {sm // 10}.{sm % 10})" for sm, name in gpus()),
        disk_free_bytes=_disk_free_bytes(out),
        parts=found,
        disturbances=disturbances(seen.machine, Stretch(seen.before, seen.after), seen.busy),
    )


def state_of(seen: Look) -> dict[str, str]:
    """What a look tells of a machine's state, with the class that it is in."""
    stretch = Stretch(seen.before, seen.after)
    percent = number(stretch.after.get("pressure.cpu_some_avg10"))
    waited = None if percent is None else percent / 100
    shown = {name: fact for name, fact in stretch.after.items() if not counts(name)}
    return {"machine_class": class_of(waited, stretch.stolen), **shown}


def parts() -> tuple[Part, ...]:
    """Every registered adapter."""
    return tuple(part(registry, name) for registry in _REGISTRIES for name in registry.names())


def _disk_free_bytes(out: Path) -> int:
    try:
        return shutil.disk_usage(nearest_existing(out)).free
    except OSError as error:  # a folder above it may not be looked into
        raise unreadable(out, error) from error
