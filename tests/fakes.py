"""Stand-ins for what tests can't have for real: time, and runtimes that misbehave."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.wire import Op, TensorSpec


class Clock:
    """Time, in ns, that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def after(self, *durations_ns: int) -> Callable[[Mapping[str, Any]], list[Any]]:
        """A `run` that takes the durations in turn, over and over, and gives its feed's values."""
        state = {"calls": 0}

        def run(feed: Mapping[str, Any]) -> list[Any]:
            self.now += durations_ns[state["calls"] % len(durations_ns)]
            state["calls"] += 1
            return list(feed.values())

        return run


class Session:
    """One input of 2x3, given back as it came."""

    def __init__(self, on_run: Callable[[], None]) -> None:
        self.inputs = [TensorSpec("x", (1, 3), "float32")]
        self.outputs = [TensorSpec("y", (1, 3), "float32")]
        self._on_run = on_run

    def run(self, feeds: Mapping[str, Any]) -> list[Any]:
        self._on_run()
        return [np.array(feeds["x"])]

    def settings(self) -> dict[str, str]:
        return {"modules": " ".join(sorted(sys.modules)), "cwd_first": str("" in sys.path)}

    def execution(self, feeds: Mapping[str, Any]) -> list[Op]:
        return []


class Runtime:
    """Reads any file; what happens at each run is given."""

    packages = ("no-such-distribution",)

    def __init__(self, on_run: Callable[[], None]) -> None:
        self._on_run = on_run

    def load(self, model: Path, **_: Any) -> Session:
        return Session(self._on_run)


def _print_a_lot() -> None:
    print("not json", flush=True)
    os.write(1, b"nor this\n")
    os.write(2, b"\x1b[31mred\x1b[0m\n")


def _crash() -> None:
    _print_a_lot()
    os.kill(os.getpid(), signal.SIGSEGV)


def _raise() -> None:
    raise RuntimeError("the kernel has no such operator")


def _hang() -> None:
    # TMPDIR is one of the few things that a worker takes over from whoever started it.
    Path(tempfile.gettempdir(), "hanging").write_text(str(os.getpid()))
    time.sleep(600)


class _Huge(Runtime):
    """Takes more numbers than there is memory for."""

    def load(self, model: Path, **_: Any) -> Session:
        session = Session(lambda: None)
        session.inputs = [TensorSpec("x", (10**14, 3), "float32")]
        return session


CALM = Runtime(lambda: None)
LOUD = Runtime(_print_a_lot)
CRASHING = Runtime(_crash)
RAISING = Runtime(_raise)
HANGING = Runtime(_hang)
HUGE = _Huge(lambda: None)

_ENTRY_POINTS = """\
[edgekit.runtimes]
calm = tests.fakes:CALM
loud = tests.fakes:LOUD
crashing = tests.fakes:CRASHING
raising = tests.fakes:RAISING
hanging = tests.fakes:HANGING
huge = tests.fakes:HUGE
"""


def install(folder: Path) -> str:
    """Write the metadata of a distribution with the runtimes of this module into `folder`.

    Returns:
        The `PYTHONPATH` under which edgekit finds them, as it finds those of any third party.
    """
    metadata = folder / "edgekit_fakes-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: edgekit-fakes\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(_ENTRY_POINTS)
    return os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
