"""What a phone is, as a record, and what can run on it."""

from __future__ import annotations

from pathlib import Path

from edgekit.android import elf
from edgekit.android import state as states
from edgekit.android.properties import big_mask
from edgekit.errors import Incompatible
from edgekit.records.devices import DeviceFacts


def of(text: str) -> DeviceFacts:
    """What a phone's script printed, as a record."""
    found, now, sizes = states.phone(text), states.state(text), states.sizes(text)
    strengths = states.strengths(text)
    big = int(big_mask(strengths) or "0", 16).bit_count()
    system = [f"Android {found.get('android.release', '')}".strip()]
    system += [f"(API {found['android.sdk']})"] if "android.sdk" in found else []
    battery = [f"{now['power.level_percent']} %"] if "power.level_percent" in now else []
    return DeviceFacts(
        python="",
        machine=found.get("android.abi", ""),
        system=" ".join(system),
        kernel=states.kernel(text),
        model=found.get("board.model", ""),
        cpus=int(found.get("cpu.logical", "1")) or 1,
        big_cpus=big,
        memory_bytes=sizes.get("Total"),
        available_bytes=sizes.get("Available"),
        disk_free_bytes=sizes.get("Free", 0),
        governor=now.get("cpu.governor", ""),
        temperatures_c={
            name.removeprefix("temperature_mc."): int(value) / 1000
            for name, value in now.items()
            if name.startswith("temperature_mc.")
        },
        thermal_status=int(now["android.thermal_status"])
        if "android.thermal_status" in now
        else None,
        battery=", ".join([*battery, *filter(None, [now.get("power.battery", "").lower()])]),
    )


def fit(program: Path, phone: dict[str, str]) -> None:
    """Refuse a program that can't run there.

    Args:
        program: benchmark_model, here.
        phone: With `android.abi`.

    Raises:
        Incompatible: It is for other phones.
        DataError: It can't be read, or is no program.
    """
    theirs, ours = phone.get("android.abi", ""), elf.abi(program)
    if ours and theirs and ours != theirs:
        raise Incompatible(
            f"{program} is for {ours}; the phone is {theirs}",
            hint=f"get benchmark_model for {theirs}, and set `benchmark_model` in devices.toml",
        )
