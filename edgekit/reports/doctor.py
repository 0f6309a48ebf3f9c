"""A machine as doctor sees it, for people and for scripts."""

from typing import Any

import msgspec

from edgekit.records.findings import Diagnosis, Part
from edgekit.reports import table

_GIB = 2**30


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The documented object of `edgekit doctor --json`: a `Diagnosis`."""
    found: dict[str, Any] = msgspec.to_builtins(diagnosis)
    return found


def render(diagnosis: Diagnosis) -> str:
    """The machine, its adapters, and what would disturb a measurement."""
    facts = table.render(("this machine", ""), _facts(diagnosis), left=("",))
    parts = table.render(
        ("part", "name", "state", "packages", "to get it"),
        [_row(part) for part in diagnosis.parts],
        left=("name", "state", "packages", "to get it"),
    )
    return "\n\n".join((facts, parts, _disturbances(diagnosis)))


def _facts(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    target = diagnosis.target
    rows = list(diagnosis.machine.items())
    rows += [
        ("int8 kernels add up in int32", "yes" if diagnosis.int8_dot else "no: pairs in int16"),
        ("features for a recipe", " ".join((target.arch, *target.features))),
        ("GPU", ", ".join(diagnosis.gpus) or "none"),
        ("disk free", f"{diagnosis.disk_free_bytes / _GIB:.1f} GiB"),
    ]
    rows += [(name, _amount(name, value)) for name, value in diagnosis.state.items()]
    return rows


def _amount(name: str, value: str) -> str:
    return f"{int(value) / _GIB:.1f} GiB" if name.endswith("_bytes") else value


def _row(part: Part) -> tuple[str, str, str, str, str]:
    state = f"missing {', '.join(part.missing)}" if part.missing else "ready"
    packages = ", ".join(f"{name} {version}" for name, version in part.versions.items())
    return part.kind, part.name, state, packages or table.NO_VALUE, part.install or table.NO_VALUE


def _disturbances(diagnosis: Diagnosis) -> str:
    if not diagnosis.disturbances:
        return "nothing that would disturb a measurement was found"
    lines = [f"- {found.what}\n  mend: {found.mend}" for found in diagnosis.disturbances]
    return "\n".join(("what would disturb a measurement:", *lines))
