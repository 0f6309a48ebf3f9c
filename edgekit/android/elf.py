"""Which phones a program is for, from its first bytes."""

from __future__ import annotations

import struct
from pathlib import Path

from edgekit.errors import DataError

# ELF's class (32 or 64 bits) and machine, by Android's name for both.
_ABIS = {
    (2, 183): "arm64-v8a",
    (1, 40): "armeabi-v7a",
    (2, 62): "x86_64",
    (1, 3): "x86",
    (2, 243): "riscv64",
}
_HEAD_BYTES = 20
_MACHINE_AT = 18


def abi(path: Path) -> str:
    """Android's name of what the program at `path` runs on; empty for a script.

    Raises:
        DataError: It can't be read, or is no program.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"{path} can't be read: {error.strerror}",
            hint="give the path of LiteRT's benchmark_model, as it is on this machine",
        ) from error
    if head.startswith(b"#!"):
        return ""
    if len(head) < _HEAD_BYTES or not head.startswith(b"\x7fELF"):
        raise DataError(
            f"{path} is no program", hint="LiteRT's benchmark_model for Android is an ELF file"
        )
    (machine,) = struct.unpack_from("<H", head, _MACHINE_AT)
    return _ABIS.get((head[4], machine), f"machine {machine}")
