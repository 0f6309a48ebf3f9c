"""Devices, for people. Scripts get the records themselves."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records.devices import DeviceCheck, DeviceEntry, DeviceFacts
from edgekit.reports import table

_GIB = 2**30


def listed(entries: Sequence[DeviceEntry]) -> str:
    """A table of the inventory."""
    if not entries:
        return "no devices; `edgekit devices add jetson user@host` adds one"
    columns = ("name", "reached by", "address", "host key", "notes", "file")
    rows = [_entry(entry) for entry in entries]
    return table.render(columns, rows, left=columns)


def checked(found: DeviceCheck) -> str:
    """What a device is, what runs there, and what would disturb."""
    facts = table.render((found.name, ""), _facts(found.facts), left=("",))
    rows = [
        (
            part.name,
            f"missing {', '.join(part.missing)}" if part.missing else "ready",
            ", ".join(f"{name} {version}" for name, version in part.versions.items())
            or table.NO_VALUE,
            part.install or table.NO_VALUE,
        )
        for part in found.runtimes
    ]
    columns = ("runtime", "state", "packages", "to get it")
    return "\n\n".join((facts, table.render(columns, rows, left=columns), _disturbed(found)))


def _entry(entry: DeviceEntry) -> tuple[str, ...]:
    return (
        entry.name,
        entry.transport,
        entry.address,
        entry.fingerprint or ("in known_hosts" if entry.transport == "ssh" else table.NO_VALUE),
        "emulated" if entry.emulated else table.NO_VALUE,
        entry.file,
    )


def _facts(facts: DeviceFacts) -> list[tuple[str, str]]:
    rows = [
        ("model", facts.model),
        ("system", " ".join(filter(None, (facts.l4t, facts.system, facts.kernel)))),
        (
            "architecture",
            facts.machine + (f", Python of {facts.bits} bits" if facts.python else ""),
        ),
        ("python", facts.python),
        ("C library", facts.glibc),
        ("CPUs", f"{facts.cpus}" + (f", {facts.big_cpus} big" if facts.big_cpus else "")),
        ("memory", _gib(facts.memory_bytes)),
        ("memory free", _gib(facts.available_bytes)),
        ("disk free", _gib(facts.disk_free_bytes)),
        ("governor", facts.governor),
        (
            "thermal status",
            "" if facts.thermal_status is None else f"{facts.thermal_status} of 6",
        ),
        ("battery", facts.battery),
        ("programs", ", ".join(facts.programs)),
    ]
    rows += [(zone, f"{value:.1f} °C") for zone, value in facts.temperatures_c.items()]
    return [(name, value) for name, value in rows if value]


def _gib(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / _GIB:.1f} GiB"


def _disturbed(found: DeviceCheck) -> str:
    if not found.disturbances:
        return "nothing that would disturb a measurement was found"
    lines = [f"- {one.what}\n  mend: {one.mend}" for one in found.disturbances]
    return "\n".join(("what would disturb a measurement:", *lines))
