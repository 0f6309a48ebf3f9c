"""Devices, for people. Scripts get the records themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgekit.records.devices import DeviceCheck, DeviceEntry, DeviceFacts, DeviceRuntime
from edgekit.reports import table
from edgekit.text import printable

_GIB = 2**30
_MIB = 2**20
# Of a look, what the agent tells too.
_TOLD = {
    "system", "python", "arch", "cpu.logical", "cpu.governor", "memory.total_bytes",
    "memory.available_bytes",
}  # fmt: skip


def listed(entries: Sequence[DeviceEntry]) -> str:
    """A table of the inventory."""
    if not entries:
        return "no devices; `edgekit devices add jetson user@host` adds one"
    columns = ("name", "reached by", "address", "host key", "notes", "file")
    rows = [_entry(entry) for entry in entries]
    return table.render(columns, rows, left=columns)


def checked(found: DeviceCheck) -> str:
    """What a device is, what runs there, and what would disturb."""
    name = f"{found.name} (EMULATED)" if found.emulated else found.name
    facts = table.render((name, ""), [*_facts(found.facts), *_seen(found)], left=("",))
    columns = ("runtime", "state", "packages", "to get it")
    runtimes = [_runtime(runtime) for runtime in found.runtimes]
    parts = [facts, table.render(columns, runtimes, left=columns) if runtimes else ""]
    if found.unseen:
        parts.append(f"it was not looked at any closer: {printable(found.unseen)}")
    return "\n\n".join(filter(None, (*parts, _disturbed(found))))


def _runtime(found: DeviceRuntime) -> tuple[str, ...]:
    packages = [f"{name} {version}".strip() for name, version in found.versions.items()]
    size = "" if found.size_bytes is None else f" ({found.size_bytes / _MIB:.0f} MiB)"
    state = {
        "there": "ready",
        "brought": f"edgekit brings it{size}",
        "missing": f"missing: {found.why}",
    }[found.state]
    return (
        found.name,
        state,
        ", ".join(packages) or table.NO_VALUE,
        found.install or table.NO_VALUE,
    )


def _seen(found: DeviceCheck) -> list[tuple[str, str]]:
    """What a look told, beside what the agent did."""
    rows = {**found.machine, **found.state}
    return [(name, _amount(name, rows[name])) for name in rows if name not in _TOLD]


def _amount(name: str, value: str) -> str:
    is_size = name.endswith("_bytes") and re.fullmatch("[0-9]{1,19}", value)
    return _gib(int(value)) if is_size else value


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
        ("in use by", facts.holder),
    ]
    rows += [(zone, f"{value:.1f} °C") for zone, value in facts.temperatures_c.items()]
    return [(name, value) for name, value in rows if value]


def _gib(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / _GIB:.1f} GiB"


def _disturbed(found: DeviceCheck) -> str:
    if not found.disturbances:
        return "nothing that would disturb a measurement was found"
    lines = [f"- {one.what}\n  mend: {one.mend}" for one in found.disturbances]
    return printable("\n".join(("what would disturb a measurement:", *lines)))
