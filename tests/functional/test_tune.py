"""`edgekit bench --tune` as a user runs it, on a made machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fakes, system_trees

GOVERNOR = system_trees.CPU + "/cpufreq/policy0/scaling_governor"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_whatever_ends_the_command_the_clocks_are_as_they_were(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    machine = system_trees.laptop(tmp_path / "machine")
    model, packages = tmp_path / "model.onnx", tmp_path / "packages"
    model.write_bytes(b"anything")
    packages.mkdir()
    variables = {
        "EDGEKIT_ROOT": str(machine),
        "PYTHONPATH": fakes.install(packages),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "edgekit", "bench", str(model)]
    bench = subprocess.Popen(
        [*command, "--runtime", "hanging", "--tune"],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait((tmp_path / "hanging").exists)
    assert (machine / GOVERNOR).read_text() == "performance\n"
    bench.send_signal(number)
    assert bench.wait(60) == status
    _wait(lambda: (machine / GOVERNOR).read_text() == "powersave\n")


def test_a_machine_without_clocks_to_hold(
    run_cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"anything")
    done = run_cli("bench", model, "--tune")
    assert done.returncode == 2
    assert "no CPU governor" in done.stderr
    assert "without --tune" in done.stderr


def _wait(until: Callable[[], bool]) -> None:
    for _ in range(1200):
        if until():
            return
        time.sleep(0.05)
    pytest.fail("it doesn't come")
