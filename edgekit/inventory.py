"""Devices by name, from `devices.toml` in the current folder or in the user's configuration.

An entry says where a device is and which host key it has. It holds no secret: keys, agents and
jump hosts are in the user's own SSH configuration.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import msgspec

from edgekit import publishing
from edgekit.errors import DataError, UsageError
from edgekit.records import LOCAL, Device
from edgekit.records.devicespec import Address, DeviceSpec
from edgekit.registry import nearest

FILE = "devices.toml"
_MAX_BYTES = 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
# What `--device` means by itself.
_TAKEN = (LOCAL, "all")


def check_name(name: str) -> None:
    """Refuse a name that could be mistaken for anything else.

    Raises:
        UsageError: It is none, or means something already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a device",
            hint="use at most 40 letters, digits, `-` and `_`, as in `jetson-2`",
        )
    if name in _TAKEN:
        raise UsageError(f"{name!r} means something already", hint="choose another name")


def places() -> tuple[Path, Path]:
    """The inventories, the one that wins first: the project's and the user's."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(FILE), Path(configuration).expanduser() / "edgekit" / FILE


def load() -> dict[str, DeviceSpec]:
    """Every device by its name; the project's entry wins over the user's.

    Raises:
        DataError: A file can't be read, or holds what doesn't belong there.
    """
    project, user = places()
    return {**_read(user), **_read(project)}


def find(name: str) -> DeviceSpec:
    """The entry of `name`.

    Raises:
        UsageError: There is none.
        DataError: An inventory is broken.
    """
    known = load()
    if name in known:
        return known[name]
    add = f"`edgekit devices add {name} user@host` adds it"
    if not _NAME.fullmatch(name):
        add = "`edgekit devices add NAME user@host` adds one"
    raise UsageError(
        f"there is no device named {name!r}",
        hint=f"{nearest(name, [LOCAL, *known])}; {add}",
    )


def device(name: str) -> Device:
    """The device of that name, as plans carry it.

    Raises:
        UsageError: There is none.
        DataError: An inventory is broken.
    """
    entry = find(name)
    return Device(
        name,
        entry.transport,
        entry.address,
        entry.root,
        entry.emulated,
        cooldown=entry.cooldown.order if entry.cooldown else None,
        power_mode=entry.power_mode,
    )


def add(name: str, entry: DeviceSpec) -> Path:
    """Write `entry` into the project's inventory if there is one, else into the user's.

    Returns:
        The file.

    Raises:
        UsageError: The name is none, or is taken in that file.
        DataError: The file is broken, or can't be written.
    """
    check_name(name)
    project, user = places()
    path = project if project.is_file() else user
    known = _read(path)
    if name in known:
        raise UsageError(
            f"there is a device named {name!r} in {path}",
            hint=f"`edgekit devices remove {name}` first, or choose another name",
        )
    text = (_text(path) + _table(name, entry)).lstrip("\n")
    _write(path, text, {**known, name: entry})
    return path


def remove(name: str) -> Path:
    """Take the entry of `name` out of the inventory that wins.

    Returns:
        The file that it was in.

    Raises:
        UsageError: There is none.
        DataError: The file is broken, can't be written, or is written in a way that only a
            person can edit.
    """
    path = file_of(name)
    left = _read(path)
    del left[name]
    _write(path, _without(_text(path), name), left)
    return path


def file_of(name: str) -> Path:
    """The inventory that the entry of `name` comes from.

    Raises:
        UsageError: There is none.
        DataError: An inventory is broken.
    """
    find(name)
    return next(path for path in places() if name in _read(path))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b"\0"
        return content.decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, error) from error


def _read(path: Path) -> dict[str, DeviceSpec]:
    return _parsed(path, _text(path))


def _parsed(path: Path, text: str) -> dict[str, DeviceSpec]:
    try:
        entries = msgspec.convert(tomllib.loads(text), dict[str, DeviceSpec])
        for name, entry in entries.items():
            check_name(name)
            if entry.transport == "ssh":
                Address.of(entry.address)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise _broken(path, error) from error
    except UsageError as error:
        raise DataError(f"{path}: {error}", hint=error.hint) from error
    return entries


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is no inventory: {error}",
        hint="`edgekit devices add` writes entries; keys, passwords and jump hosts belong into "
        "~/.ssh/config and the SSH agent",
    )


def _table(name: str, entry: DeviceSpec) -> str:
    # Of the characters that an entry may hold, JSON's strings are TOML's.
    fields = msgspec.to_builtins(entry)
    lines = "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()
    )
    return f"\n[{name}]\n{lines}"


def _without(text: str, name: str) -> str:
    """`text` without the lines of the table `name`; comments of others stay."""
    kept = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            inside = line.strip() == f"[{name}]" or line.strip().startswith(f"[{name}.")
        if not inside:
            kept.append(line)
    return "".join(kept)


def _write(path: Path, text: str, meant: dict[str, DeviceSpec]) -> None:
    # A person may have written the file in any of TOML's ways; what it says must be what is meant.
    if _parsed(path, text) != meant:
        raise DataError(f"{path} can't be changed by a program", hint="edit it by hand")
    with publishing.disk_errors(path, "XDG_CONFIG_HOME"):
        path.parent.mkdir(parents=True, exist_ok=True)
    publishing.write_file(path, text.encode(), "XDG_CONFIG_HOME")
