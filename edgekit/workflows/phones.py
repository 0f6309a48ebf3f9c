"""Phones of the inventory, looked at over adb."""

from __future__ import annotations

from pathlib import Path

from edgekit import inventory
from edgekit.android import elf
from edgekit.errors import DataError
from edgekit.records import Device
from edgekit.records.devices import DeviceCheck, DeviceFacts
from edgekit.records.devicespec import DeviceSpec
from edgekit.records.findings import Disturbance, Part
from edgekit.transports import TRANSPORTS, Remote

_MIB = 2**20
_TO_GET_IT = (
    "here: LiteRT's releases have benchmark_model for Android; give its path as "
    "`benchmark_model` in devices.toml"
)


def check(device: Device) -> DeviceCheck:
    """Reach a phone and look at it.

    Raises:
        DeviceError: It can't be reached, or can't be used.
    """
    transport = TRANSPORTS.get(device.transport)
    assert isinstance(transport, Remote)  # noqa: S101 -- phones are
    facts = transport.probe(device)
    runtime = _runtime(inventory.find(device.name), facts)
    return DeviceCheck(device.name, facts, (runtime,), tuple(_disturbances(facts)))


def _runtime(spec: DeviceSpec, facts: DeviceFacts) -> Part:
    program = Path(spec.benchmark_model)
    versions: dict[str, str] = {}
    missing = "benchmark_model"
    if spec.benchmark_model:
        try:
            abi = elf.abi(program)
            size_bytes = program.stat().st_size
        except DataError as error:
            missing = f"benchmark_model: {error}"
        else:
            versions["benchmark_model"] = f"{abi or 'script'}, {size_bytes / _MIB:.1f} MiB"
            fits = abi in ("", facts.machine)
            missing = "" if fits else f"benchmark_model for {facts.machine}"
    return Part(
        "runtime",
        "litert",
        versions,
        (missing,) if missing else (),
        _TO_GET_IT if missing else "",
    )


def _disturbances(facts: DeviceFacts) -> list[Disturbance]:
    found = []
    if facts.thermal_status:
        found.append(
            Disturbance(
                f"Android's thermal status is {facts.thermal_status} of 6: clocks are held down",
                "let it cool down first; `[NAME.cooldown]` in devices.toml waits for it",
            )
        )
    if "discharging" in facts.battery:
        found.append(
            Disturbance(
                f"it runs on its battery ({facts.battery})", "plug it in: clocks follow it"
            )
        )
    return found
