"""The inventory of devices: added with their host key, looked at, taken out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgekit import inventory
from edgekit.android import elf
from edgekit.errors import HostKeyChanged, UsageError
from edgekit.records import Device
from edgekit.records.devices import DeviceCheck, DeviceEntry, DeviceFacts, HostKey
from edgekit.records.devicespec import DeviceSpec
from edgekit.records.findings import Disturbance, Part
from edgekit.text import one_line
from edgekit.transports import TRANSPORTS, Remote
from edgekit.transports.phone import HOME
from edgekit.workflows import phones

# By runtime: distributions of which one must be there, and the one to install.
_RUNTIMES = {
    "onnxruntime": (("onnxruntime", "onnxruntime_gpu"), "onnxruntime"),
    "litert": (("ai_edge_litert", "tflite_runtime"), "ai-edge-litert"),
    "openvino": (("openvino",), "openvino"),
    "tensorrt": (("tensorrt",), ""),
}
_HOT_C = 70.0
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
    """Reach a device and look at it.

    Raises:
        UsageError: There is none of that name.
        DeviceError: It can't be reached, or can't be used.
    """
    device: Device = inventory.device(name)
    if device.transport == "adb":
        return phones.check(device)
    facts = _remote(device.transport).probe(device)
    runtimes = tuple(_runtime(runtime, facts) for runtime in _RUNTIMES)
    return DeviceCheck(name, facts, runtimes, tuple(_disturbances(facts)))


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


def _runtime(name: str, facts: DeviceFacts) -> Part:
    builds, brought = _RUNTIMES[name]
    versions = {
        build: one_line(facts.packages[build])
        for build in ("numpy", *builds)
        if build in facts.packages
    }
    missing = [] if "numpy" in versions else ["numpy"]
    if not any(build in versions for build in builds):
        missing.append(" or ".join(builds))
    return Part("runtime", name, versions, tuple(missing), _install(missing, brought))


def _install(missing: list[str], brought: str) -> str:
    if not missing:
        return ""
    if not brought:
        return "there: `sudo apt install nvidia-jetpack`, on a Jetson"
    wanted = [brought] if missing != ["numpy"] else ["numpy"]
    return f"there: `python3 -m pip install --user {' '.join(wanted)}`"


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
