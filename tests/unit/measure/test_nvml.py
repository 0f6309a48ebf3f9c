"""What a GPU's driver tells, asked by the real `pynvml` of a library that stands in for it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit.measure.nvml import INITIAL_PIDS
from edgekit.records import BenchPlan, Device, Subject
from edgekit.wire import Profile
from edgekit.workflows.bench import bench
from tests import fakes

HERE = Path(__file__).parent
# The process asks about itself, so its number has to be set before the first question.
PROGRAM = """
import json, os, pathlib, sys
if os.environ.get("STUB_PID"):
    os.environ["STUB_PID"] = str(os.getpid())
from edgekit.measure import nvml
process = pathlib.Path(sys.argv[1])
print(json.dumps({
    "state": nvml.gpu_state(),
    "bytes": nvml.own_memory_bytes(process),
    "millijoules": {index: read() for index, read in nvml.energy_counters(process).items()},
    "loaded": "pynvml" in sys.modules,
}))
"""

Ask = Callable[..., Any]


def _ask(process: Path, **env: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, process],
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
        env={**os.environ, **env},
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the stand-in for the driver's library."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler or not importlib.util.find_spec("pynvml") or sys.platform != "linux":
        pytest.skip("needs Linux, a C compiler and nvidia-ml-py")
    folder = tmp_path_factory.mktemp("driver")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, HERE / "nvml_stub.c"],
        check=True,
        timeout=120,
    )
    return str(folder)


@pytest.fixture
def ask(driver: str) -> Ask:
    """Asks everything, in a process that finds the stand-in."""

    def run(process: Path, **env: str) -> Any:
        return _ask(process, LD_LIBRARY_PATH=driver, **env)

    return run


def _process(folder: Path, namespace: str, *files: str) -> Path:
    """The folder of a process in a namespace of process numbers, with files that it has open."""
    (folder / "ns").mkdir()
    (folder / "ns/pid").symlink_to(namespace)
    (folder / "fd").mkdir()
    for number, file in enumerate(files):
        (folder / f"fd/{number}").symlink_to(file)
    return folder


def test_a_gpu_tells_what_it_can_and_the_rest_is_missing(ask: Ask, tmp_path: Path) -> None:
    told = ask(tmp_path, STUB_PID="own", STUB_REASONS="65")
    assert told["state"] == {
        "gpu0.name": "Stub 9000",
        "gpu0.clock_sm_mhz": "1980",
        "gpu0.clock_reasons": "sw_power_cap sw_thermal hw_thermal",  # idle, 0x1, is none
        "gpu0.temperature_c": "61",
        "gpu0.processes": "1",  # others than our own
        "gpu0.memory_used_bytes": "5000",
    }
    assert told["bytes"] == 4096
    # 7 more at each reading: the first is to see whether there is a counter.
    assert told["millijoules"] == {"0": 1014}


def test_clocks_that_nothing_holds_down_have_no_reasons(ask: Ask, tmp_path: Path) -> None:
    assert "gpu0.clock_reasons" not in ask(tmp_path, STUB_REASONS="103")["state"]


def test_memory_that_the_driver_does_not_tell(ask: Ask, tmp_path: Path) -> None:
    # As on Windows' Linux: the process is listed, its size isn't.
    assert ask(tmp_path, STUB_PID="own", STUB_UNTOLD="1")["bytes"] is None


@pytest.mark.parametrize(
    ("namespace", "size"),
    [
        (INITIAL_PIDS, 0),
        ("pid:[4026532999]", None),  # a container's: the driver knows us by another number
    ],
)
def test_a_process_that_is_not_listed(
    ask: Ask, tmp_path: Path, namespace: str, size: int | None
) -> None:
    assert ask(_process(tmp_path, namespace))["bytes"] == size


def test_energy_of_gpus_that_others_use_is_not_ours(ask: Ask, tmp_path: Path) -> None:
    assert ask(_process(tmp_path, INITIAL_PIDS, "/dev/null"))["millijoules"] == {}


def test_a_process_in_a_container_shows_by_its_files_that_it_uses_a_gpu(
    ask: Ask, tmp_path: Path
) -> None:
    process = _process(tmp_path, "pid:[4026532999]", "/dev/nvidia-uvm")
    assert ask(process)["millijoules"].keys() == {"0"}


def test_a_driver_that_is_not_loaded_tells_nothing(ask: Ask, tmp_path: Path) -> None:
    told = ask(tmp_path, STUB_BROKEN="1")
    assert (told["state"], told["bytes"], told["millijoules"]) == ({}, None, {})


def test_a_bench_tells_the_memory_on_the_gpu(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", fakes.install(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", driver)
    profile = Profile(2, 0.0, 5.0, 1, 0.0, 0.1)
    plan = BenchPlan(
        Subject(tmp_path / "m.onnx", "0" * 64, 3), "on-gpu", Device(), 1, None, profile
    )
    (result,) = bench([plan])
    assert result.failure is None
    metrics = {metric.name: metric for metric in result.metrics}
    assert metrics["memory_gpu_bytes"].value == 4096


@pytest.mark.skipif(
    bool(shutil.which("nvidia-smi")) or sys.platform != "linux", reason="there is a driver here"
)
def test_without_a_driver_the_package_is_not_even_imported(tmp_path: Path) -> None:
    assert _ask(tmp_path) == {"state": {}, "bytes": None, "millijoules": {}, "loaded": False}
