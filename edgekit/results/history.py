"""A history on disk: a folder of JSON lines to which each job adds a file of its own.

No file is ever changed, so two jobs at once lose nothing and two branches merge without conflict.
What a line may hold is said by the types of `edgekit.records.history`; a line that is something
else is named and left out.
"""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from edgekit import publishing, storage
from edgekit.errors import DataError
from edgekit.records.history import HISTORY_SCHEMA, Acceptance, Line, Measurement, Past, Pin

OPTION = "--into"
SUFFIX = ".jsonl"
_KINDS: dict[str, type[Line]] = {
    "measurement": Measurement,
    "pin": Pin,
    "acceptance": Acceptance,
}
# A line has some 2 kB, of which the machine's facts are most.
_MOST_LINE_BYTES = 2**16
_MOST_BYTES = 2**24
_MOST_FILES = 10**6
_DIGITS = 8


class Place(Protocol):
    """Where a history is kept."""

    def past(self) -> Past:
        """All that it holds."""
        ...

    def keep(self, lines: Sequence[Line], position: int, name: str) -> str:
        """Add `lines` in a file of their own; says where that is."""
        ...


@dataclass(frozen=True, slots=True)
class Directory:
    """A history in a folder.

    Attributes:
        folder: The folder; made when something is written.
    """

    folder: Path

    def past(self) -> Past:
        """All that it holds.

        Raises:
            DataError: The folder can't be read.
        """
        return read(self.folder)

    def keep(self, lines: Sequence[Line], position: int, name: str) -> str:
        """Add `lines` in a file of their own; gives its path.

        Raises:
            DataError: It can't be written.
        """
        return str(append(self.folder, lines, position, name))


def append(folder: Path, lines: Sequence[Line], position: int, name: str) -> Path:
    """Write `lines` into a new file of `folder`; gives the file.

    Args:
        folder: The history; made if it isn't there.
        lines: What to keep.
        position: Place of the commit, with which the file's name begins.
        name: What stands next in its name, such as the commit.

    Raises:
        DataError: It can't be written.
    """
    with publishing.disk_errors(folder, OPTION):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(position, name)
    publishing.write_file(path, encoded(lines), OPTION)
    return path


def file_name(position: int, name: str) -> str:
    """A name that no other job takes: files stand in the order of commits."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:12] or "commit"
    return f"{position:0{_DIGITS}}-{words}-{secrets.token_hex(6)}{SUFFIX}"


def encoded(lines: Sequence[Line]) -> bytes:
    """The content of the file with `lines`."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read(folder: Path) -> Past:
    """All that `folder` holds; what can't be read is named in `faults`.

    Raises:
        DataError: The folder can't be read, or holds more files than any history.
    """
    lines: list[Line] = []
    faults: list[str] = []
    for path in _files(folder):
        for where, text in _lines(path, faults):
            try:
                lines.append(_decoded(text))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                faults.append(f"{where}: {error}")
    return Past(
        tuple(line for line in lines if isinstance(line, Measurement)),
        _once([line for line in lines if isinstance(line, Pin)]),
        tuple(line for line in lines if isinstance(line, Acceptance)),
        tuple(faults),
    )


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage.unreadable(folder, error) from error
    if len(found) > _MOST_FILES:
        raise DataError(f"{folder} has {len(found)} files", hint="name the folder of one history")
    # What is being written lies aside under a hidden name.
    return [path for path in found if not path.name.startswith(".")]


def _lines(path: Path, faults: list[str]) -> Iterator[tuple[str, bytes]]:
    """Each line with its place; what is wrong with the file as a whole goes to `faults`."""
    try:
        # A pipe would have the reader wait for ever, and a link may lead anywhere.
        if not stat.S_ISREG(path.lstat().st_mode):
            faults.append(f"{path}: it is no file")
            return
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        faults.append(f"{path}: it can't be read: {error.strerror or error}")
        return
    if len(content) > _MOST_BYTES:
        faults.append(f"{path}: it has more than {_MOST_BYTES} bytes")
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield f"{path}:{number}", line


def _decoded(text: bytes) -> Line:
    """The line's record.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    if len(text) > _MOST_LINE_BYTES:
        raise ValueError(f"it has {len(text)} bytes, more than any line of a history")
    found = msgspec.json.decode(text)
    if not isinstance(found, dict):
        raise TypeError("it is no JSON object")
    if (version := found.get("schema_version")) != HISTORY_SCHEMA:
        raise ValueError(f"it has schema {version!r}; this edgekit reads {HISTORY_SCHEMA}")
    kind = _KINDS.get(str(found.get("record")))
    if kind is None:
        raise ValueError(f"it is a record of {found.get('record')!r}")
    _check_words(found)
    line: Line = msgspec.convert(found, kind)
    return line


def _check_words(value: Any) -> None:
    """Refuse text that could steer a terminal.

    Raises:
        ValueError: There is some.
    """
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("it holds control characters")
    if isinstance(value, dict):
        _check_words([*value, *value.values()])
    if isinstance(value, list):
        for item in value:
            _check_words(item)


def _once(pins: Sequence[Pin]) -> tuple[Pin, ...]:
    """Each reference once, as it was pinned first, in the order of numbers."""
    ordered = sorted(pins, key=lambda pin: (pin.number, pin.position, pin.sha256))
    return tuple({pin.sha256: pin for pin in reversed(ordered)}.values())[::-1]
