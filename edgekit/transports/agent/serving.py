"""The channel: a line in, a line out, until it ends or nobody asks any more."""

import contextlib
import hashlib
import json
import os
import platform
import signal
import stat
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from edgekit.transports.agent.ops import Agent
from edgekit.transports.agent.requests import LINE_BYTES, Fields

NAME, PROTOCOL = "edgekit-agent", 1
IDLE_S = 600
CHUNK = 2**16


def main(argv: List[str]) -> int:
    """Serve until standard input ends.

    Args:
        argv: This file, and after how many seconds without a request to end.

    Returns:
        The exit status: 3 if the folder around this file isn't safe.
    """
    os.umask(0o077)
    file = Path(argv[0]).resolve()
    agent, refused = _agent(file.parent)
    hello = {
        "hello": NAME,
        "protocol": PROTOCOL,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "refused": refused,
    }
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        _say(hello)
        if agent is None:
            return 3
        for line in _lines(int(argv[1]) if argv[1:] else IDLE_S):
            _say(agent.answer(line))
    return 0


def _agent(root: Path) -> Tuple[Optional[Agent], str]:
    """The agent of the folder `root`, or why there can't be one."""
    facts = root.stat()
    if facts.st_uid != os.getuid():
        return None, "the agent's folder belongs to somebody else"
    if stat.S_IMODE(facts.st_mode) & 0o077:
        return None, "the agent's folder is open to others: it must have mode 0700"
    try:
        return Agent(root), ""
    except OSError as error:  # a full disk, or one that can't be written to
        return None, str(error)


def _lines(idle_s: int) -> Iterator[bytes]:
    """Lines of standard input. One that is too long is the last, since who knows where it ends."""
    rest = b""
    while len(rest) <= LINE_BYTES:
        # Ends this process wherever it hangs: servers keep the session of a vanished client.
        signal.alarm(idle_s)
        data = os.read(0, CHUNK)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
    yield rest


def _say(fields: Fields) -> None:
    data = json.dumps(fields, allow_nan=False).encode("ascii") + b"\n"
    while data:
        data = data[os.write(1, data) :]
