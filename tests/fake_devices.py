"""Devices that are folders: whoever tests plays the device, and writes what its worker sends.

Found as the transport of a third party is, so that it works in any process (`fakes.install`).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from edgekit.errors import DeviceError
from edgekit.records import Device
from edgekit.transports import OWNER
from edgekit.wire import Job, Samples

_PATIENCE_S = 30.0
_LOOK_S = 0.01


class FolderLink:
    """Re-attaches: a job is started once by its id, whoever asks, and its lines stay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped = threading.Event()

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        if (self._folder / BROKEN).exists():
            raise DeviceError("the device is broken", hint="mend it")
        started = self._folder / f"{job_id}{STARTED}"
        if not started.exists():
            started.touch(exist_ok=False)
        with (self._folder / HOLDERS).open("a") as holders:
            holders.write(f"{os.getpid()} {job_id}\n")
        answer = self._folder / ANSWER
        deadline = time.monotonic() + _PATIENCE_S
        while not answer.exists():
            if self._stopped.wait(_LOOK_S):
                raise DeviceError("it was stopped", hint="none")
            if time.monotonic() > deadline:
                raise DeviceError("nobody answered", hint="none")
        yield from answer.read_bytes().splitlines()

    def stop(self) -> None:
        self._stopped.set()
        (self._folder / STOPPED).touch()

    def close(self) -> None:
        pass


class Folder:
    def open(self, device: Device, owner: str = OWNER) -> FolderLink:
        return FolderLink(Path(device.address))


FOLDER = Folder()
ANSWER, BROKEN, HOLDERS, STARTED, STOPPED = "answer", "broken", "holders", ".started", "stopped"


class FakeDevice:
    """The device's own side."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.record = Device(name, "folder", str(folder))
        folder.mkdir()

    def answer(self, samples: Samples) -> None:
        """Send what a worker sends, to all who wait and will."""
        events = [{"event": "phase", "phase": "run"}, {"event": "samples", **asdict(samples)}]
        part = self.folder / "part"
        part.write_text("\n".join(map(json.dumps, events)))
        part.rename(self.folder / ANSWER)

    def break_down(self) -> None:
        (self.folder / BROKEN).touch()

    @property
    def is_stopped(self) -> bool:
        return (self.folder / STOPPED).exists()

    @property
    def started(self) -> list[str]:
        """Ids of the jobs that were started."""
        return sorted(path.stem for path in self.folder.glob(f"*{STARTED}"))

    @property
    def holders(self) -> list[tuple[int, str]]:
        """Who asked for which job, in order: process and id."""
        path = self.folder / HOLDERS
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), job_id) for pid, _, job_id in (line.partition(" ") for line in lines)]

    def waited_for(self, count: int) -> list[tuple[int, str]]:
        """The holders, once there are `count`."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.holders) < count:
            assert time.monotonic() < deadline, f"{len(self.holders)} of {count} came"
            time.sleep(_LOOK_S)
        return self.holders
