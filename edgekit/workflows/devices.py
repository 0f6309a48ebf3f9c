"""The inventory of devices: added with their host key, looked at, taken out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import msgspec

from edgekit import bundles, inventory
from edgekit.android import elf
from edgekit.bundles.wheels import Platform
from edgekit.errors import DeviceBusy, EdgekitError, HostKeyChanged, UsageError
from edgekit.records import Device
from edgekit.records.devices import (
    DeviceCheck,
    DeviceEntry,
    DeviceFacts,
    DeviceRuntime,
    HostKey,
)
from edgekit.records.devicespec import DeviceSpec
from edgekit.records.findings import Disturbance
from edgekit.text import one_line
from edgekit.transports import TRANSPORTS, Remote, linked, outfit
from edgekit.transports.phone import HOME
from edgekit.wire import Job, Look
from edgekit.workflows import phones
from edgekit.workflows.disturbances import disturbances
from edgekit.workflows.doctor import state_of
from edgekit.workflows.jobs import run_job
from edgekit.workflows.stretches import Stretch

# What `check` tells of.
_RUNTIMES = ("onnxruntime", "litert", "openvino", "tensorrt", "torch")
# Of a worker that looks around: starting Python on a small board takes seconds.
_LOOK_S = 120.0
_HOT_C = 70.0
_WAIT = "wait"  # the phase of whoever waits for a device
_STEADY = ("performance", "")  # empty: it doesn't tell, as virtual machines don't


def offered(address: str) -> HostKey:
    """The host key that the machine at `address` offers. Whether it is the right one is unknown.

    Raises:
        UsageError: That is no address.
        LinkLost: It can't be reached.
    """
    return _remote("ssh").host_key(address)


def add(name: str, spec: DeviceSpec, key: HostKey, fingerprint: str = "") -> DeviceEntry:
    """Put a device with its host key into the inventory.

    Args:
        name: Its name.
        spec: All but its host key.
        key: What it offered, and what the user has said yes to.
        fingerprint: What the user expects in place of that; empty for nothing.

    Raises:
        HostKeyChanged: It offered another key than expected.
        UsageError: The name can't be had.
        DataError: The inventory is broken, or can't be written.
    """
    if fingerprint and fingerprint != key.fingerprint:
        raise HostKeyChanged(
            f"{spec.address} has the host key {key.fingerprint}, not {fingerprint}",
            hint="something else may answer at that address; compare with "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the device itself",
        )
    whole = msgspec.structs.replace(spec, host_key=key.public)
    path = inventory.add(name, whole)
    return _entry(name, whole, str(path))


def add_phone(name: str, spec: DeviceSpec) -> DeviceEntry:
    """Put a phone into the inventory. It isn't asked.

    Args:
        name: Its name.
        spec: Its entry.

    Raises:
        UsageError: The name can't be had.
        DataError: Its benchmark_model is no program, or the inventory can't be written.
    """
    if spec.benchmark_model:
        elf.abi(Path(spec.benchmark_model))
    return _entry(name, spec, str(inventory.add(name, spec)))


def listed() -> tuple[DeviceEntry, ...]:
    """Every device, in the order of names.

    Raises:
        DataError: An inventory is broken.
    """
    found = inventory.load()
    return tuple(_entry(name, found[name], str(inventory.file_of(name))) for name in sorted(found))


def remove(name: str) -> str:
    """Take a device out, and give the file that it was in.

    Raises:
        UsageError: There is none of that name.
        DataError: The inventory is broken, or can't be written.
    """
    return str(inventory.remove(name))


def check(name: str) -> DeviceCheck:
    """Reach a device and look at it, as `edgekit doctor` looks at this machine.

    Raises:
        UsageError: There is none of that name.
        DeviceError: It can't be reached, or can't be used.
    """
    device: Device = inventory.device(name)
    if device.transport == "adb":
        return phones.check(device)
    facts = _remote(device.transport).probe(device)
    seen, unseen = Look({}, {}, {}, []), ""
    try:
        seen = _looked(device)
    except EdgekitError as error:
        unseen = f"{error}; {error.hint}\n{error.stderr_tail}".rstrip()
    told = disturbances(seen.machine, Stretch(seen.before, seen.after), seen.busy)
    return DeviceCheck(
        name=name,
        emulated=device.emulated,
        facts=facts,
        machine=seen.machine,
        state=state_of(seen) if seen.after else {},
        unseen=unseen,
        runtimes=_runtimes(facts),
        disturbances=told if seen.after else tuple(_disturbances(facts)),
    )


def _looked(device: Device) -> Look:
    """What a worker there tells.

    Raises:
        EdgekitError: It can't run, or somebody else measures there, who shall not be disturbed.
    """
    job = Job("look", runtime="", model="", precision="", threads=1, root=device.root)
    with linked(device) as link:
        return cast("Look", run_job(link, job, timeout_s=_LOOK_S, on_phase=_wait))


def _wait(phase: str) -> None:
    """Don't.

    Raises:
        DeviceBusy: It would have to be waited for the device.
    """
    if phase == _WAIT:
        raise DeviceBusy("somebody measures on it", hint="look again when it is free")


def _runtimes(facts: DeviceFacts) -> tuple[DeviceRuntime, ...]:
    # Each may ask a registry.
    with ThreadPoolExecutor(len(_RUNTIMES)) as pool:
        return tuple(pool.map(lambda name: _runtime(name, facts), _RUNTIMES))


def _runtime(name: str, facts: DeviceFacts) -> DeviceRuntime:
    """Whether a runtime is there, or what would be brought, or why it can't be."""
    builds = (*outfit.BUILDS[name], outfit.NUMPY)
    there = {build: one_line(facts.packages[build]) for build in builds if build in facts.packages}
    wanted = outfit.lacking(name, facts.packages)
    if not wanted:
        return DeviceRuntime(name, "there", there)
    try:
        platform = Platform.of(facts.python, facts.platform, facts.bits, facts.glibc)
        versions, size_bytes = bundles.foreseen(wanted, platform, outfit.cache())
    except EdgekitError as error:
        return DeviceRuntime(name, "missing", there, why=str(error), install=error.hint)
    brought = {package: versions.get(package, "") for package in bundles.REQUIREMENTS[wanted]}
    return DeviceRuntime(name, "brought", {**there, **brought}, size_bytes)


def _remote(transport: str) -> Remote:
    found = TRANSPORTS.get(transport)
    if not isinstance(found, Remote):
        raise UsageError(
            f"devices reached by {transport} can't be looked at",
            hint="`edgekit doctor` looks at this machine",
        )
    return found


def _entry(name: str, spec: DeviceSpec, file: str) -> DeviceEntry:
    is_phone = spec.transport == "adb"
    return DeviceEntry(
        name=name,
        transport=spec.transport,
        address=spec.address,
        fingerprint=spec.fingerprint,
        work_dir=HOME if is_phone else spec.work_dir,
        python="" if is_phone else spec.python,
        emulated=spec.emulated,
        file=file,
        benchmark_model=spec.benchmark_model,
    )


def _disturbances(facts: DeviceFacts) -> list[Disturbance]:
    found = []
    if facts.governor not in _STEADY:
        found.append(
            Disturbance(
                f"the CPU governor is {one_line(facts.governor)}: clocks follow the load",
                "`edgekit bench --tune` holds them and puts everything back",
            )
        )
    hot = {zone: value for zone, value in facts.temperatures_c.items() if value >= _HOT_C}
    if hot:
        zone = max(hot, key=lambda name: hot[name])
        found.append(
            Disturbance(f"{one_line(zone)} is at {hot[zone]:.0f} °C", "let it cool down first")
        )
    return found
