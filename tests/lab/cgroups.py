"""Control groups: a small device, a frozen one, and a sure end of everything in it.

Version 2 freezes, kills and counts the CPU time of a group whatever controllers it has; limits are
set where the controllers are, and on many machines those are in version 1.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.lab import runs

_PERIOD_US = 100_000
_DEADLINE_S = 10


def tree(kind: str) -> Path | None:
    """Where the groups of version 2 (`cgroup2`) or of a controller of version 1 are mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, system, options, *_ = line.split()
        if system == kind or (system == "cgroup" and kind in options.split(",")):
            return Path(where)
    return None


def _controllers(unified: Path) -> set[str]:
    with suppress(OSError):
        (unified / "cgroup.subtree_control").write_text("+memory +cpu")
    return set((unified / "cgroup.subtree_control").read_text().split())


class Cgroup:
    """A group in version 2's tree, and its counterparts in version 1's where limits are there.

    Args:
        kind: A word for its name.
        memory_bytes: How much its processes may use together; swap is not theirs.
        cpus: How many CPUs' time they get; less than 1 for a slow device.

    Raises:
        OSError: The limits can't be set here.
    """

    def __init__(
        self, kind: str, *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> None:
        unified = tree("cgroup2")
        if unified is None:
            raise OSError("no control groups of version 2 are mounted")
        self._name = runs.fresh(kind)
        self.folder = unified / self._name
        self.folder.mkdir()
        self._folders = [self.folder]
        if memory_bytes is not None:
            self._limit_memory(unified, memory_bytes)
        if cpus is not None:
            self._limit_cpus(unified, cpus)

    @property
    def joins(self) -> list[str]:
        """The files that a process joins by writing its id to them."""
        return [str(folder / "cgroup.procs") for folder in self._folders]

    @property
    def cpu_time_us(self) -> int:
        """CPU time that its processes used so far."""
        lines = (self.folder / "cpu.stat").read_text().splitlines()
        return int(dict(line.split() for line in lines)["usage_usec"])

    def freeze(self) -> None:
        """Stop every process in it where it stands; its sockets stay open."""
        self._set_frozen(1)

    def thaw(self) -> None:
        """Let them go on."""
        self._set_frozen(0)

    def end(self) -> None:
        """Kill what is in it and remove it."""
        for folder in self._folders:
            _remove(folder)

    def _set_frozen(self, frozen: int) -> None:
        (self.folder / "cgroup.freeze").write_text(str(frozen))
        events = self.folder / "cgroup.events"
        _wait_for(lambda: f"frozen {frozen}" in events.read_text(), f"{events}: frozen {frozen}")

    def _limit_memory(self, unified: Path, memory_bytes: int) -> None:
        if "memory" in _controllers(unified):
            (self.folder / "memory.max").write_text(str(memory_bytes))
            with suppress(OSError):  # a kernel without swap has no such file
                (self.folder / "memory.swap.max").write_text("0")
            return
        folder = self._in_version_1("memory")
        (folder / "memory.limit_in_bytes").write_text(str(memory_bytes))
        with suppress(OSError):
            (folder / "memory.memsw.limit_in_bytes").write_text(str(memory_bytes))

    def _limit_cpus(self, unified: Path, cpus: float) -> None:
        quota_us = int(cpus * _PERIOD_US)
        if "cpu" in _controllers(unified):
            (self.folder / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
            return
        folder = self._in_version_1("cpu")
        (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(quota_us))

    def _in_version_1(self, controller: str) -> Path:
        where = tree(controller)
        if where is None:
            raise OSError(f"the controller {controller} of control groups is not here")
        folder = where / self._name
        folder.mkdir()
        self._folders.append(folder)
        return folder


def sweep() -> None:
    """End the groups that dead runs of the tests left behind, and what is in them."""
    for where in filter(None, (tree("cgroup2"), tree("memory"), tree("cpu"))):
        for folder in where.iterdir():
            if runs.is_of_a_dead_run(folder.name):
                _remove(folder)


def _remove(folder: Path) -> None:
    kill = folder / "cgroup.kill"
    if kill.exists():
        kill.write_text("1")
    else:
        for process in _processes(folder):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    _wait_for(lambda: not list(_processes(folder)), f"{folder}: a process doesn't end")
    folder.rmdir()


def _processes(folder: Path) -> Iterator[int]:
    yield from map(int, (folder / "cgroup.procs").read_text().split())


def _wait_for(done, what: str) -> None:
    end_s = time.monotonic() + _DEADLINE_S
    while not done():
        if time.monotonic() > end_s:
            raise TimeoutError(what)
        time.sleep(0.005)
