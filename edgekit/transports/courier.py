"""Runs on a device, by `python3 -I -c`: takes files in. It needs no other file there.

The standard library in Python 3.6's syntax. The one word of its command line is ROOT, the folder
that edgekit works in. It reads one line of JSON from standard input, a list of files as `[place,
size, sha256]`, places being relative to ROOT; answers with a line that holds ROOT's absolute path,
the version of Python, and the numbers of the files that are missing; reads those, one after the
other; and answers `{"received": COUNT}`. A file gets its name once its digest is right. Where
something is wrong the answer is `{"refused": REASON}`.
"""

import hashlib
import json
import os
import stat
import sys
from typing import IO, Any, Callable, Dict, List, Tuple

File = Tuple[str, int, str]  # place, size in bytes, sha256
Say = Callable[[Dict[str, Any]], None]

CHUNK = 2**18
SMALL_BYTES = 2**18  # as the agent is, which nobody else looks at
ROOM_BYTES = 2**24  # that the disk must keep


class RefusedError(Exception):
    """What can't be done, and why."""


def claim(root: str) -> str:
    """The absolute path of the folder that this user's edgekit works in, made if it isn't there.

    In a folder that is theirs, or open to them, others could put what we then run.
    """
    root = os.path.abspath(os.path.expanduser(root))
    os.makedirs(root, 0o700, exist_ok=True)
    found = os.lstat(root)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RefusedError("%s is not a folder of this user" % root)
    if found.st_mode & 0o077:
        raise RefusedError("%s is open to others; chmod 700 it" % root)
    return root


def missing(root: str, files: List[File]) -> List[int]:
    """Numbers of the files that aren't there, or not whole."""
    absent = []
    for number, (place, size, sha256) in enumerate(files):
        path = os.path.join(root, place)
        try:
            found = os.lstat(path)
        except OSError:
            found = None
        is_there = found is not None and stat.S_ISREG(found.st_mode) and found.st_size == size
        if not is_there or (size <= SMALL_BYTES and not is_right(path, sha256)):
            absent.append(number)
    return absent


def is_right(path: str, sha256: str) -> bool:
    """Whether a file has that digest. Of large ones the agent asks that before it starts a job."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() == sha256


def check_room(root: str, needed_bytes: int) -> None:
    """Refuse what the disk has no room for."""
    disk = os.statvfs(root)
    free = disk.f_bavail * disk.f_frsize
    if free < needed_bytes + ROOM_BYTES:
        raise RefusedError(
            "no room: %d MiB are needed below %s, %d MiB are free"
            % ((needed_bytes + ROOM_BYTES) >> 20, root, free >> 20)
        )


def take(source: IO[bytes], path: str, size: int, sha256: str) -> None:
    """Read one file of `size` bytes from `source` into `path`."""
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    # Of this process: a second host may bring the same file at the same time.
    aside = "%s.%d.part" % (path, os.getpid())
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
            left = size
            while left:
                chunk = source.read(min(CHUNK, left))
                if not chunk:
                    raise RefusedError("the upload broke off")
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            raise RefusedError("a file arrived with another digest")
        os.rename(aside, path)
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def receive(source: IO[bytes], say: Say, root: str) -> None:
    """Take in what is missing of a list of files."""
    root = claim(root)
    files = json.loads(source.readline().decode())
    wanted = missing(root, files)
    check_room(root, sum(files[number][1] for number in wanted))
    say({"root": root, "missing": wanted, "python": sys.version_info[:3]})
    for number in wanted:
        place, size, sha256 = files[number]
        take(source, os.path.join(root, place), size, sha256)
    say({"received": len(wanted)})


def main(root: str) -> None:
    """Take in what standard input brings."""

    def say(answer: Dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    os.umask(0o077)
    try:
        receive(sys.stdin.buffer, say, root)
    except (RefusedError, OSError) as error:
        say({"refused": str(error)})


if __name__ == "__main__":
    main(sys.argv[1])
