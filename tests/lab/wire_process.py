"""A cable between two network namespaces, as a program: it can be long, narrow, lossy and cut.

The kernels of CI machines seldom have netem; a TUN device they have. Run as
`python -m tests.lab.wire_process NETWORK INTERFACE NETWORK INTERFACE`. Each line on its
standard input is a JSON object with some of the fields of `Settings`; each is answered by a line
that counts the packets. It ends with its standard input.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import select
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import kernel

_PACKET_BYTES = 65_536
# More than the interface holds: what was sent before a change of the cable is under its old rules.
_BATCH = 1000
# How many packets wait in each direction before the next is dropped: a router's buffer.
_QUEUE = 1000


@dataclass
class Settings:
    """What the cable does to a packet; each way."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    mbit_per_s: float = 0.0
    cut: bool = False


@dataclass
class Counts:
    """Packets so far."""

    passed: int = 0
    lost: int = 0
    cut: int = 0
    overflowed: int = 0


class Cable:
    """Packets on their way, in the order in which they arrive."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.settings = Settings()
        self.counts = Counts()
        self._ends = ends
        self._flying: list[tuple[float, int, int, bytes]] = []
        self._waiting = [0, 0]
        self._free_s = [0.0, 0.0]
        self._number = 0
        # Seeded: what a lossy line loses is the same in each run.
        self._random = random.Random(1)

    def change(self, settings: dict[str, object]) -> None:
        """Set fields of `Settings`. What is on its way in a cable that is cut is gone."""
        for name, value in settings.items():
            setattr(self.settings, name, value)
        if self.settings.cut:
            self.counts.cut += len(self._flying)
            self._flying.clear()
            self._waiting = [0, 0]

    def wait_s(self, now_s: float) -> float | None:
        """How long until the next packet arrives; None if there is none."""
        return max(0.0, self._flying[0][0] - now_s) if self._flying else None

    def take(self, end: int, now_s: float) -> None:
        """Read what was sent at one end."""
        for _ in range(_BATCH):
            try:
                packet = os.read(self._ends[end], _PACKET_BYTES)
            except BlockingIOError:
                return
            self._send(end, packet, now_s)

    def _send(self, end: int, packet: bytes, now_s: float) -> None:
        settings = self.settings
        if settings.cut:
            self.counts.cut += 1
        elif self._random.random() < settings.loss:
            self.counts.lost += 1
        elif self._waiting[end] >= _QUEUE:
            self.counts.overflowed += 1
        else:
            gone_s = max(now_s, self._free_s[end])
            if settings.mbit_per_s:
                gone_s += len(packet) * 8 / (settings.mbit_per_s * 1e6)
                self._free_s[end] = gone_s
            delay_ms = settings.delay_ms + self._random.uniform(0, settings.jitter_ms)
            self._number += 1
            self._waiting[end] += 1
            heapq.heappush(self._flying, (gone_s + delay_ms / 1e3, self._number, end, packet))

    def give(self, now_s: float) -> None:
        """Write what has arrived at the other end."""
        while self._flying and self._flying[0][0] <= now_s:
            _, _, end, packet = heapq.heappop(self._flying)
            self._waiting[end] -= 1
            try:
                os.write(self._ends[1 - end], packet)
                self.counts.passed += 1
            except OSError:  # the interface is down, or its buffer is full
                self.counts.lost += 1


def main(near: str, near_name: str, far: str, far_name: str) -> None:
    """Move packets until standard input ends."""
    kernel.die_with_parent()
    ends = (kernel.tunnel(Path(near), near_name), kernel.tunnel(Path(far), far_name))
    cable = Cable(ends)
    print("ready", flush=True)
    said = b""
    while True:
        ready, _, _ = select.select([*ends, 0], [], [], cable.wait_s(time.monotonic()))
        for end in (0, 1):
            cable.take(end, time.monotonic())
        if 0 in ready:
            read = os.read(0, _PACKET_BYTES)
            if not read:
                return
            *lines, said = (said + read).split(b"\n")
            for line in lines:
                cable.change(json.loads(line))
                print(json.dumps(asdict(cable.counts)), flush=True)
        cable.give(time.monotonic())


if __name__ == "__main__":
    main(*sys.argv[1:])
