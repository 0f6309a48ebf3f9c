"""Which machines a user's words name."""

from __future__ import annotations

from edgekit.errors import UsageError
from edgekit.measure.environment import ROOT
from edgekit.records import Device
from edgekit.registry import nearest

ALL = "all"


def known() -> dict[str, Device]:
    """Every machine that can be measured on, by its name; this one is one of them."""
    here = Device(root=str(ROOT))
    return {here.name: here}


def named(words: str) -> tuple[Device, ...]:
    """The machines that `--device` names: names by commas, each once, or `all`.

    Raises:
        UsageError: There is no such machine, or no name at all.
    """
    there = known()
    names = [word.strip() for word in words.split(",") if word.strip()]
    if names == [ALL]:
        return tuple(there.values())
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no device named {name!r}", hint=nearest(name, [*there, ALL])
            )
    if not names:
        raise UsageError("--device names no device", hint=f"one of: {', '.join([*there, ALL])}")
    return tuple(there[name] for name in dict.fromkeys(names))


def one(word: str) -> Device:
    """The machine that `word` names, where several mean nothing.

    Raises:
        UsageError: There is no such machine, or several are named.
    """
    found = named(word)
    if len(found) > 1:
        raise UsageError(
            f"{word!r} names {len(found)} devices; files are compared on one",
            hint=f"name one of: {', '.join(device.name for device in found)}",
        )
    return found[0]
