"""Which machines a user's words name, and how many CPUs each has."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from edgekit import inventory
from edgekit.errors import EdgekitError, UsageError
from edgekit.measure.environment import ROOT, usable_cores
from edgekit.records import Device
from edgekit.transports import TRANSPORTS, Remote

ALL = "all"


def known() -> dict[str, Device]:
    """Every machine that can be measured on, by its name; this one is one of them.

    Raises:
        DataError: An inventory is broken.
    """
    here = Device(root=str(ROOT))
    return {here.name: here} | {name: inventory.device(name) for name in sorted(inventory.load())}


def named(words: str) -> tuple[Device, ...]:
    """The machines that `--device` names: names by commas, each once, or `all`.

    Raises:
        UsageError: There is no such machine, or no name at all.
        DataError: An inventory is broken.
    """
    there = known()
    names = [word.strip() for word in words.split(",") if word.strip()]
    if names == [ALL]:
        return tuple(there.values())
    if not names:
        raise UsageError(
            "--device names no device", hint="`edgekit devices list` shows those that there are"
        )
    return tuple(there.get(name) or inventory.device(name) for name in dict.fromkeys(names))


def one(word: str) -> Device:
    """The machine that `word` names, where several mean nothing.

    Raises:
        UsageError: There is no such machine, or several are named.
        DataError: An inventory is broken.
    """
    found = named(word)
    if len(found) > 1:
        raise UsageError(
            f"{word!r} names {len(found)} devices; files are compared on one",
            hint=f"name one of: {', '.join(device.name for device in found)}",
        )
    return found[0]


def reached(
    devices: Sequence[Device],
) -> tuple[tuple[Device, ...], dict[Device, EdgekitError]]:
    """Which of `devices` answer, and what is wrong with the others. All are asked at once.

    Raises:
        EdgekitError: There is but one, and it doesn't.
    """
    if len(devices) == 1:
        cpus(devices[0])
        return tuple(devices), {}
    with ThreadPoolExecutor(len(devices)) as pool:
        told = dict(zip(devices, pool.map(_told, devices), strict=True))
    lost = {device: each for device, each in told.items() if isinstance(each, EdgekitError)}
    return tuple(device for device in devices if device not in lost), lost


def cpus(device: Device) -> tuple[int, int]:
    """How many CPUs `device` has, and how many threads make sense there.

    Raises:
        EdgekitError: It can't be reached, or used.
    """
    told = _told(device)
    if isinstance(told, EdgekitError):
        raise told
    return told


@functools.cache
def _told(device: Device) -> tuple[int, int] | EdgekitError:
    # Kept also where it fails: a board that is off is asked once, not for each file.
    try:
        transport = TRANSPORTS.get(device.transport)
        if not isinstance(transport, Remote):
            return os.cpu_count() or 1, usable_cores()
        found = transport.probe(device)
    except EdgekitError as error:
        return error
    return found.cpus, found.big_cpus or found.cpus
