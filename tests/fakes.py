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
from tests.system_trees import COOLED_MS

SLEEP_NS = 5_000_000
SPIN_NS = 500_000
LEAK_BYTES = 2**20
STEP_AT = 60


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


_eaten: list[Any] = []


def _eat() -> None:
    while True:
        _eaten.append(np.ones(2**21))


_leaked: list[Any] = []


def _leak() -> None:
    _leaked.append(np.ones(LEAK_BYTES // 8))


def _take(duration_ns: int) -> None:
    """Return after exactly that long: `sleep` alone comes back some 60 us late."""
    end_ns = time.perf_counter_ns() + duration_ns
    time.sleep(max(0, duration_ns - SPIN_NS) / 1e9)
    while time.perf_counter_ns() < end_ns:
        pass


_steps = iter(range(10**9))


def _step() -> None:
    """Half as fast from some run on: after the warm-up, which ends before it."""
    _take(SLEEP_NS * (4 if next(_steps) < STEP_AT else 8))


class _NotNumbers(Runtime):
    """Gives numbers at first, and then none."""

    def load(self, model: Path, **_: Any) -> Session:
        session = Session(lambda: None)
        calls = iter(range(10**9))

        def run(feeds: Mapping[str, Any]) -> list[Any]:
            return [np.array(feeds["x"]) * (np.nan if next(calls) > 3 else 1.0)]

        session.run = run  # type: ignore[method-assign]
        return session


def _heat_up() -> None:
    # The root of the made tree is the worker's TMPDIR, which it takes over from the test.
    path = Path(tempfile.gettempdir()) / COOLED_MS
    before_ms = int(path.read_text().split()[-1])
    path.write_text(f"state0\t1000\nstate1\t{before_ms + 10}\n")


class _Huge(Runtime):
    """Takes more numbers than there is memory for."""

    def load(self, model: Path, **_: Any) -> Session:
        session = Session(lambda: None)
        session.inputs = [TensorSpec("x", (10**14, 3), "float32")]
        return session


class _Metered(Runtime):
    """Each run takes 2 mJ of the counter in the tree that the model lies in."""

    def load(self, model: Path, **_: Any) -> Session:
        zone = model.parent / ENERGY_ZONE

        def take() -> None:
            energy_uj = int((zone / "energy_uj").read_text()) + 2000
            range_uj = int((zone / "max_energy_range_uj").read_text())
            (zone / "energy_uj").write_text(f"{energy_uj % range_uj}\n")

        return Session(take)


class _OnGpu(Runtime):
    """From loading on, the stand-in for a GPU's driver knows this process."""

    def load(self, model: Path, **_: Any) -> Session:
        os.environ["STUB_PID"] = str(os.getpid())
        return Session(lambda: None)


ENERGY_ZONE = "sys/class/powercap/intel-rapl:0"
CALM = Runtime(lambda: None)
LOUD = Runtime(_print_a_lot)
CRASHING = Runtime(_crash)
RAISING = Runtime(_raise)
HANGING = Runtime(_hang)
HUGE = _Huge(lambda: None)
METERED = _Metered(lambda: None)
ON_GPU = _OnGpu(lambda: None)
GREEDY = Runtime(_eat)
LEAKING = Runtime(_leak)
FLOODING = Runtime(lambda: print("x" * 1_000_000))
SLEEPING = Runtime(lambda: _take(SLEEP_NS))
STEPPING = Runtime(_step)
NOT_NUMBERS = _NotNumbers(lambda: None)
HEATING = Runtime(_heat_up)

# Their names, as users would type them.
NAMES = [
    "calm", "loud", "crashing", "raising", "hanging", "huge", "metered", "on-gpu", "greedy",
    "leaking", "flooding", "sleeping", "stepping", "not-numbers", "heating",
]  # fmt: skip
_ENTRY_POINTS = "[edgekit.runtimes]\n" + "".join(
    f"{name} = tests.fakes:{name.upper().replace('-', '_')}\n" for name in NAMES
)
_ENTRY_POINTS += "[edgekit.transports]\nfolder = tests.fake_devices:FOLDER\n"


def install(folder: Path) -> str:
    """Write the metadata of a distribution with these runtimes and `fake_devices` into `folder`.

    Returns:
        The `PYTHONPATH` under which edgekit finds them, as it finds those of any third party.
    """
    metadata = folder / "edgekit_fakes-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: edgekit-fakes\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(_ENTRY_POINTS)
    return os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
