"""Network namespaces, and the cable between two of them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from tests.lab import kernel
from tests.lab.machine import ROOT

_PROGRAM = [sys.executable, "-m", "tests.lab.wire_process"]
_DEADLINE_S = 10


class Namespace:
    """A network namespace without a name: it is gone with the process that holds it."""

    def __init__(self) -> None:
        # `cat` ends with this process, whatever ends it.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"up\n":
            raise RuntimeError("a network namespace could not be made")
        self.path = Path(f"/proc/{self._holder.pid}/ns/net")

    def ip(self, *arguments: str) -> None:
        """Run the command `ip` in it."""
        subprocess.run(["nsenter", f"--net={self.path}", "ip", *arguments], check=True)

    def inside(self) -> AbstractContextManager[None]:
        """Have this thread, and those it starts, open its sockets there."""
        return kernel.inside(self.path)

    def close(self) -> None:
        """Let go of it."""
        _end(self._holder)


class Wire:
    """The cable between two namespaces.

    Args:
        near: One end.
        far: The other.
        subnet: Third number of its addresses: 10.77.SUBNET.1 is near, 10.77.SUBNET.2 far.
    """

    def __init__(self, near: Namespace, far: Namespace, subnet: int) -> None:
        self._process = subprocess.Popen(
            [*_PROGRAM, str(near.path), f"wire{subnet}", str(far.path), "wire0"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()
        self.address = f"10.77.{subnet}.2"
        for end, name, address in (
            (near, f"wire{subnet}", f"10.77.{subnet}.1"),
            (far, "wire0", self.address),
        ):
            end.ip("addr", "add", f"{address}/24", "dev", name)
            end.ip("link", "set", name, "up")

    def set(
        self,
        *,
        delay_ms: float = 0,
        jitter_ms: float = 0,
        loss: float = 0,
        mbit_per_s: float = 0,
    ) -> None:
        """Make it another cable, whole again if it was cut.

        Args:
            delay_ms: How long a packet takes, each way.
            jitter_ms: Up to how much longer; it changes the order of packets.
            loss: Share of the packets that is lost, each way.
            mbit_per_s: What goes through it, each way; 0 is as much as it can.
        """
        self._say(
            delay_ms=delay_ms, jitter_ms=jitter_ms, loss=loss, mbit_per_s=mbit_per_s, cut=False
        )

    def cut(self) -> None:
        """Lose every packet from now on, and those on their way; neither end is told."""
        self._say(cut=True)

    def mend(self) -> None:
        """Undo `cut`."""
        self._say(cut=False)

    def counts(self) -> dict[str, int]:
        """Packets so far that `passed`, were `lost`, met a `cut` cable, or `overflowed`."""
        return self._say()

    def close(self) -> None:
        """Take it away."""
        _end(self._process)

    def _say(self, **settings: float | bool) -> dict[str, int]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._read())
        return counts

    def _read(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the cable's process ended")
        return line


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
