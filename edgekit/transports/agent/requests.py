"""Requests, checked: they come from the host, but over a channel that may have mangled them."""

import errno
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

Fields = Dict[str, Any]

LINE_BYTES = 2**20
JOB = re.compile(r"[0-9a-f]{32}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
# Of a file that a job gets: in a folder of the job's own, if it must keep its name.
PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,79}){0,3}")
SHA256 = re.compile(r"[0-9a-f]{64}")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
MOST_OUTPUTS = 100
# By name: what holds if the host says nothing, the least, the most.
LIMITS = {
    "timeout_s": (3600.0, 0.1, 604800.0),
    "grace_s": (2.0, 0.0, 60.0),
    "lease_s": (120.0, 1.0, 86400.0),
    "memory_bytes": (0, 0, 2**62),  # of addresses; 0 for all that there are
    "file_bytes": (2**30, 1, 2**62),  # of each file that the job writes
    "stdout_bytes": (2**27, 0, 2**40),
    "stderr_bytes": (2**20, 0, 2**40),
}


class RefusedError(Exception):
    """A request that isn't granted.

    Attributes:
        kind: Why, for programs: `bad-request`, `no-job`, `no-file`, `busy`, `file`, `disk`,
            `system`.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Spec(NamedTuple):
    """What a job is to do.

    Attributes:
        owner: Who has the device.
        argv: The program and its arguments; no shell sees them.
        env: Variables beyond the few that every job gets.
        stdin: What it reads first; its standard input then stays open until it is to end.
        files: SHA-256 of each file that it needs, by its place in the folder where it runs.
        outputs: Names of the files that it writes.
        system: Where the system's files are, which tell of memory that ran out.
        limits: By the names in `LIMITS`.
    """

    owner: str
    argv: List[str]
    env: Dict[str, str]
    stdin: bytes
    files: Dict[str, str]
    outputs: List[str]
    system: Path
    limits: Dict[str, float]


def spec(args: Fields) -> Spec:
    """The job that a `start` asks for.

    Raises:
        RefusedError: Something of it isn't what it must be.
    """
    argv, outputs, env = args.get("argv"), args.get("outputs", []), _texts(args, "env")
    if not isinstance(argv, list) or not argv or not isinstance(outputs, list):
        raise RefusedError("bad-request", "argv and outputs are lists, and argv isn't empty")
    check(all(isinstance(item, str) for item in argv), "argv holds texts")
    check(len(outputs) <= MOST_OUTPUTS, "there are too many outputs")
    return Spec(
        owner=owner(args),
        argv=argv,
        env={matching(name, VARIABLE, "name of a variable"): env[name] for name in env},
        stdin=text(args, "stdin", LINE_BYTES, "").encode(),
        files=files(args),
        outputs=[matching(name, NAME, "name of an output") for name in outputs],
        system=system(args),
        limits={name: number(args, name, LIMITS[name]) for name in LIMITS},
    )


def kind_of(error: Exception) -> str:
    """What a failure is for programs: of the disk that is full, or of the system."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "disk" if full else "system"


def check(right: bool, what: str) -> None:  # noqa: FBT001 -- it reads as a sentence
    """Refuse a request unless `right`.

    Raises:
        RefusedError: It isn't; `what` says how it should be.
    """
    if not right:
        raise RefusedError("bad-request", what)


def number(args: Fields, name: str, bounds: Tuple[float, float, float]) -> float:
    """A number of a request.

    Args:
        args: The request's arguments.
        name: Its name.
        bounds: What it is where the request doesn't say, the least, the most.

    Raises:
        RefusedError: It is none, or out of bounds.
    """
    default, least, most = bounds
    value = args.get(name, default)
    check(type(value) in (int, float), f"{name} is a number")
    check(least <= value <= most, f"{name} is from {least:g} to {most:g}")
    return float(value)


def text(args: Fields, name: str, most: int, default: Optional[str] = None) -> str:
    """A text of a request, of at most `most` characters.

    Raises:
        RefusedError: It is none, or longer.
    """
    value = args.get(name, default)
    if not isinstance(value, str) or len(value) > most:
        raise RefusedError("bad-request", f"{name} is a text of at most {most} characters")
    return value


def matching(value: object, pattern: "re.Pattern[str]", what: str) -> str:
    """A text that is as `pattern` says from end to end.

    Raises:
        RefusedError: It isn't.
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RefusedError("bad-request", f"it has no proper {what}")
    return value


def owner(args: Fields) -> str:
    """Who asks: one line that others will read.

    Raises:
        RefusedError: It is none.
    """
    name = text(args, "owner", 200)
    check(name.isprintable() and bool(name), "owner is one line and not empty")
    return name


def files(args: Fields) -> Dict[str, str]:
    """SHA-256 of each file, by its place.

    Raises:
        RefusedError: One has no proper name or digest.
    """
    return {
        matching(name, PLACE, "name of a file"): matching(sha256, SHA256, "SHA-256")
        for name, sha256 in _texts(args, "files").items()
    }


def system(args: Fields) -> Path:
    """Where the system's files are.

    Raises:
        RefusedError: It is no path.
    """
    path = text(args, "system", 4096, "/")
    check(path.startswith("/") and "\0" not in path, "system is an absolute path")
    return Path(path)


def _texts(args: Fields, name: str) -> Dict[str, str]:
    value = args.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise RefusedError("bad-request", f"{name} is an object of texts")
    return value
