"""Phones of the inventory, looked at over adb."""

from __future__ import annotations

from pathlib import Path

from edgekit import inventory
from edgekit.android import elf
from edgekit.errors import EdgekitError
from edgekit.records import Device
from edgekit.records.devices import DeviceCheck, DeviceFacts, DeviceRuntime
from edgekit.records.devicespec import DeviceSpec
from edgekit.records.findings import Disturbance
from edgekit.transports import TRANSPORTS, Remote, phonefacts

_MIB = 2**20
_NOT_GIVEN = "no benchmark_model is given"
_TO_GET_IT = "set `benchmark_model` to its path on this computer in devices.toml"


def check(device: Device) -> DeviceCheck:
    """Reach a phone and look at it.

    Raises:
        DeviceError: It can't be reached, or can't be used.
    """
    transport = TRANSPORTS.get(device.transport)
    assert isinstance(transport, Remote)  # noqa: S101 -- phones are
    facts = transport.probe(device)
    return DeviceCheck(
        name=device.name,
        facts=facts,
        runtimes=(_runtime(inventory.find(device.name), facts),),
        disturbances=tuple(_disturbances(facts)),
        emulated=device.emulated,
    )


def _runtime(spec: DeviceSpec, facts: DeviceFacts) -> DeviceRuntime:
    if not spec.benchmark_model:
        return DeviceRuntime("litert", "missing", {}, why=_NOT_GIVEN, install=_TO_GET_IT)
    program = Path(spec.benchmark_model)
    try:
        abi = elf.abi(program)
        phonefacts.fit(program, {"android.abi": facts.machine})
    except EdgekitError as error:
        return DeviceRuntime("litert", "missing", {}, why=str(error), install=error.hint)
    words = f"{abi or 'script'}, {program.stat().st_size / _MIB:.1f} MiB"
    return DeviceRuntime("litert", "there", {"benchmark_model": words})


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
