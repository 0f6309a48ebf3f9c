"""`--tune`: what is set while something is measured, and that it is put back however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgekit.cli import bench as command
from edgekit.errors import UsageError
from edgekit.records import Device
from edgekit.workflows import fleet, machines
from edgekit.workflows.tuning import tuned
from tests import system_trees
from tests.system_trees import CPU

GOVERNORS = [f"{CPU}/cpufreq/policy{cpu}/scaling_governor" for cpu in range(2)]
NO_TURBO = f"{CPU}/intel_pstate/no_turbo"
AT_FIRST = ["powersave", "powersave", "0"]
WHILE_TUNED = ["performance", "performance", "1"]
HOST = """
import sys, time
from edgekit.records import Device
from edgekit.workflows.tuning import tuned
with tuned([Device(root=sys.argv[1])]):
    print("tuned", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return system_trees.laptop(tmp_path)


def settings(root: Path) -> list[str]:
    return [(root / name).read_text().strip() for name in (*GOVERNORS, NO_TURBO)]


def test_set_while_inside_and_back_at_the_end(root: Path) -> None:
    device = Device(root=str(root))
    with tuned([device, device]):
        assert settings(root) == WHILE_TUNED
    assert settings(root) == AT_FIRST


def test_no_device_no_change(root: Path) -> None:
    with tuned([]):
        assert settings(root) == AT_FIRST


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_back_after_an_error(root: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), tuned([Device(root=str(root))]):
        raise error
    assert settings(root) == AT_FIRST


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_back_when_the_host_is_killed(root: Path, number: signal.Signals) -> None:
    host = _host(root)
    assert settings(root) == WHILE_TUNED
    host.send_signal(number)
    host.wait(60)
    _until_back(root)


def test_back_when_the_worker_is_told_to_end(root: Path) -> None:
    host = _host(root)
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    _until_back(root)
    host.kill()
    host.wait(60)


@pytest.mark.parametrize(("tune", "expected"), [(True, WHILE_TUNED), (False, AT_FIRST)])
def test_the_command_tunes_only_where_it_is_told_to(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, tune: bool, expected: list[str]
) -> None:
    seen = []

    def bench(legs: object, *_: object) -> tuple[()]:
        seen.append(settings(root))
        return ()

    monkeypatch.setattr(machines, "ROOT", root)
    monkeypatch.setattr(fleet, "measure", bench)
    model = root / "any.onnx"
    model.write_bytes(b"x")
    command.bench([model], tune=tune, json=True)
    assert seen == [expected]
    assert settings(root) == AT_FIRST


def test_amd_machines_have_another_switch(root: Path) -> None:
    (root / NO_TURBO).unlink()
    boost = root / CPU / "cpufreq/boost"
    boost.write_text("1\n")
    with tuned([Device(root=str(root))]):
        assert boost.read_text() == "0\n"
    assert boost.read_text() == "1\n"


def test_a_boards_gpu_is_held_at_the_highest_that_its_mode_allows(root: Path) -> None:
    folder = "sys/class/devfreq/{}/{}_freq"
    files = {folder.format("17000000.gpu", name): "624750000\n" for name in ("max", "cur")}
    files[folder.format("17000000.gpu", "min")] = "305000000\n"
    # What isn't read can't be put back; a memory's clock isn't ours.
    files |= {folder.format("fdab0000.npu", "min"): "300000000\n"}
    files |= {folder.format("dmc", name): f"{name}\n" for name in ("min", "max")}
    system_trees.write(root, files)

    def held() -> list[str]:
        names = ("17000000.gpu", "fdab0000.npu", "dmc")
        return [(root / folder.format(name, "min")).read_text().strip() for name in names]

    with tuned([Device(root=str(root))]):
        assert held() == ["624750000", "300000000", "min"]
    assert held() == ["305000000", "300000000", "min"]


def test_what_can_not_be_written_is_refused_and_the_rest_put_back(root: Path) -> None:
    # Not even root may write it.
    (root / GOVERNORS[1]).unlink()
    (root / GOVERNORS[1]).symlink_to("/proc/sys/kernel/ostype")
    with (
        pytest.raises(UsageError, match="scaling_governor") as caught,
        tuned([Device(root=str(root))]),
    ):
        pytest.fail("it went on")
    assert settings(root) == ["powersave", "Linux", "0"]
    first, second = (str(root / name) for name in GOVERNORS)
    assert f"echo performance | sudo tee {first} {second}" in caught.value.hint
    assert f"echo 1 | sudo tee {root / NO_TURBO}" in caught.value.hint


def test_a_machine_without_clocks_to_hold_is_refused(tmp_path: Path) -> None:
    root = system_trees.quiet(tmp_path)
    with pytest.raises(UsageError, match="no CPU governor"), tuned([Device(root=str(root))]):
        pytest.fail("it went on")


def _host(root: Path) -> subprocess.Popen[str]:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    with host.stdout:  # type: ignore[union-attr]
        assert host.stdout.readline() == "tuned\n"  # type: ignore[union-attr]
    return host


def _until_back(root: Path) -> None:
    for _ in range(1200):
        if settings(root) == AT_FIRST:
            return
        time.sleep(0.05)
    pytest.fail(f"still {settings(root)}")
