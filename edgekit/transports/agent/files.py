"""Small files that are whole or not there, plain ones, and ones that are bounded."""

import contextlib
import errno
import hashlib
import json
import os
import stat
from pathlib import Path

from edgekit.transports.agent.requests import LINE_BYTES, Fields


def open_own(path: Path, flags: int) -> int:
    """Open a file that is no link, and that no program which is started gets.

    Returns:
        The descriptor.

    Raises:
        OSError: As `os.open` does; also for a link.
    """
    return os.open(str(path), flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)


def put(path: Path, fields: Fields) -> None:
    """Write a small file that is there as a whole or not at all, also after a power cut.

    Raises:
        OSError: It can't be written.
    """
    part = path.with_name(path.name + ".part")
    with os.fdopen(open_own(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as stream:
        json.dump(fields, stream, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def read_text(path: Path) -> str:
    """What a small file says; empty if it can't be read."""
    try:
        with os.fdopen(os.open(str(path), os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            return (stream.read(LINE_BYTES) or b"").decode("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""


def read_fields(path: Path) -> Fields:
    """What `put` wrote; empty if nothing is there."""
    try:
        found = json.loads(read_text(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def piece(path: Path, offset: int, most: int) -> bytes:
    """At most `most` bytes from `offset` on of a plain file; none where it isn't there yet.

    Raises:
        OSError: It is there and isn't plain.
    """
    try:
        opened = _open_plain(path)
    except FileNotFoundError:
        return b""
    with os.fdopen(opened, "rb", buffering=0) as stream:
        stream.seek(offset)
        return stream.read(most)


def measured(path: Path) -> Fields:
    """Size and digest of a plain file.

    Raises:
        OSError: It isn't there, or isn't plain.
    """
    digest, size_bytes = hashlib.sha256(), 0
    with os.fdopen(_open_plain(path), "rb") as stream:
        for part in iter(lambda: stream.read(LINE_BYTES), b""):
            digest.update(part)
            size_bytes += len(part)
    return {"size_bytes": size_bytes, "sha256": digest.hexdigest()}


def _open_plain(path: Path) -> int:
    # A job may leave a link to what isn't its own, or a pipe that nobody writes to.
    opened = open_own(path, os.O_RDONLY)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it isn't a plain file")
    return opened


class Log:
    """A file that takes so many bytes and no more. What comes beyond is counted.

    What is kept is the beginning without a gap, also if the disk was full for a while only.

    Args:
        path: The file.
        most: Bytes that it takes.

    Attributes:
        kept_bytes: Bytes in the file.
        dropped_bytes: Bytes that aren't.
        disk_full: Whether the disk took one of them not.
    """

    def __init__(self, path: Path, most: float) -> None:
        self._opened = open_own(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._most = int(most)
        self.kept_bytes = 0
        self.dropped_bytes = 0
        self.disk_full = False

    def write(self, data: bytes) -> None:
        """Append `data`, or as much of it as there is room for."""
        room = b"" if self.dropped_bytes else data[: self._most - self.kept_bytes]
        written = 0
        with contextlib.suppress(OSError):
            written = os.write(self._opened, room) if room else 0
        self.disk_full = self.disk_full or written < len(room)
        self.kept_bytes += written
        self.dropped_bytes += len(data) - written
