"""A made /sys of a Jetson Orin Nano that warms up as its device works.

The layout is of NVIDIA's and the kernel's documentation; none was copied from a board.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests import system_trees
from tests.lab.cgroups import Cgroup

_TREE = "sys/firmware/devicetree/base"
_RAILS = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
_ZONES = {0: "cpu-thermal", 2: "gpu-thermal", 3: "soc0-thermal", 4: "tj-thermal"}
_CPUS = "0-1"
_STEP_S = 0.1

AMBIENT_C = 32.0
# A small board with a small heat sink, in a hurry: a test can't wait for minutes.
_FULL_LOAD_RISE_C = 45.0
_TIME_CONSTANT_S = 3.0
_IDLE_MA, _FULL_LOAD_MA = 800, 2000


def make(folder: Path) -> Path:
    """Write the files below `folder/sys`, and give that."""
    system_trees.jetson(folder)
    files = {
        f"{_TREE}/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
        f"{_TREE}/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
        "sys/devices/platform/gpu.0/load": "0\n",
        "sys/class/devfreq/17000000.gpu/cur_freq": "305000000\n",
        f"{_RAILS}/name": "ina3221\n",
        f"{_RAILS}/in7_label": "sum of shunt voltages\n",
    }
    for name in ("possible", "present", "online"):
        files[f"{system_trees.CPU}/{name}"] = f"{_CPUS}\n"
    for number, (rail, volt_mv) in enumerate(
        {"VDD_IN": 5056, "VDD_CPU_GPU_CV": 5048, "VDD_SOC": 5048}.items(), 1
    ):
        files[f"{_RAILS}/in{number}_label"] = f"{rail}\n"
        files[f"{_RAILS}/in{number}_input"] = f"{volt_mv}\n"
        files[f"{_RAILS}/curr{number}_input"] = f"{_IDLE_MA}\n"
    for number, kind in _ZONES.items():
        files[f"{system_trees.THERMAL}/thermal_zone{number}/type"] = f"{kind}\n"
    system_trees.write(folder, files)
    return folder / "sys"


class Warmth:
    """Moves the temperatures by what the device's processes do, and by nothing else.

    The rest of this machine would make a test of heat one of luck. First-order model: the
    temperature goes towards that of the present load, by 1/e in each time constant.
    """

    def __init__(self, sys: Path, group: Cgroup) -> None:
        self._sys = sys
        self._group = group
        self._celsius = AMBIENT_C
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._write(0.0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def celsius(self) -> float:
        """How warm it is now."""
        return self._celsius

    def set(self, celsius: float) -> None:
        """Make it so warm at once; it cools down, or warms up, from there."""
        with self._lock:
            self._celsius = celsius
            self._write(0.0)

    def close(self) -> None:
        """Leave the files as they are."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        then_us, then_s = self._group.cpu_time_us, time.monotonic()
        while not self._stop.wait(_STEP_S):
            now_us, now_s = self._group.cpu_time_us, time.monotonic()
            step_s = now_s - then_s
            load = min(1.0, (now_us - then_us) / 1e6 / step_s)
            with self._lock:
                towards_c = AMBIENT_C + _FULL_LOAD_RISE_C * load
                share = min(1.0, step_s / _TIME_CONSTANT_S)
                self._celsius += (towards_c - self._celsius) * share
                self._write(load)
            then_us, then_s = now_us, now_s

    def _write(self, load: float) -> None:
        zones = self._sys / "class/thermal"
        for number in _ZONES:
            _replace(zones / f"thermal_zone{number}/temp", round(self._celsius * 1000))
        drawn_ma = _IDLE_MA + (_FULL_LOAD_MA - _IDLE_MA) * load
        _replace(self._sys.parent / _RAILS / "curr1_input", round(drawn_ma))


def _replace(path: Path, value: int) -> None:
    # By a rename: a reader sees the old value or the new one, never an empty file.
    part = path.with_name(f".{path.name}")
    part.write_text(f"{value}\n")
    part.replace(path)
