"""`--tune` with a power mode of a Jetson, by a program that does what nvpmodel is seen to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgekit import inventory
from edgekit.errors import UsageError
from edgekit.records import Device
from edgekit.records.devicespec import DeviceSpec
from edgekit.workflows.tuning import tuned
from tests import system_trees
from tests.system_trees import CPU

GPU = "sys/class/devfreq/17000000.gpu"
GOVERNOR = f"{CPU}/cpufreq/policy0/scaling_governor"
NVPMODEL = """#!/bin/sh
cd '{root}'
case $1 in
-q) echo "NVPM WARN: fan mode is not set"; echo "NV Power Mode: MODE_$(cat mode)"; cat mode;;
-m)
    case $2 in
    0) highest=1300;;
    1) highest=600;;
    4) echo "NVPM ERROR: 4 is no mode"; exit 255;;
    *)
        echo "NVPM WARN: Reboot required for changing to this power mode: $2" >&2
        echo "NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:" >&2
        read answer
        [ "$answer" = no ] || touch rebooted
        echo "NVPM ERROR: optMask is 1, no request for power mode" >&2
        exit 255;;
    esac
    echo $2 >mode; echo $2 >>modes
    echo schedutil >{governor}; echo 100 >{gpu}/min_freq; echo $highest >{gpu}/max_freq;;
esac
"""
AT_FIRST = {"mode": "1", GOVERNOR: "ondemand", f"{GPU}/min_freq": "200", f"{GPU}/max_freq": "600"}
HOST = """
import sys, time
from edgekit.records import Device
from edgekit.workflows.tuning import tuned
with tuned([Device(root=sys.argv[1], power_mode=0)]):
    print("tuned", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    board = system_trees.write(system_trees.jetson(tmp_path), AT_FIRST)
    program = board / "usr/sbin/nvpmodel"
    program.parent.mkdir(parents=True)
    program.write_text(NVPMODEL.format(root=board, gpu=GPU, governor=GOVERNOR))
    program.chmod(0o755)
    return board


def settings(root: Path) -> Mapping[str, str]:
    return {name: (root / name).read_text().strip() for name in AT_FIRST}


def test_the_mode_is_set_before_the_clocks_and_all_is_put_back(root: Path) -> None:
    with tuned([Device(root=str(root), power_mode=0)]):
        assert settings(root) == {
            "mode": "0",
            GOVERNOR: "performance",
            f"{GPU}/min_freq": "1300",
            f"{GPU}/max_freq": "1300",
        }
    assert settings(root) == AT_FIRST
    assert (root / "modes").read_text().split() == ["0", "1"]


@pytest.mark.parametrize("mode", [None, 1])
def test_without_another_mode_nothing_is_asked_of_nvpmodel(root: Path, mode: int | None) -> None:
    with tuned([Device(root=str(root), power_mode=mode)]):
        assert settings(root)[f"{GPU}/min_freq"] == "600"
    assert settings(root) == AT_FIRST
    assert not (root / "modes").exists()


def test_a_mode_that_asks_for_a_reboot_is_refused(root: Path) -> None:
    with (
        pytest.raises(UsageError, match="from mode 1 to 3: it asks for a reboot") as caught,
        tuned([Device(root=str(root), power_mode=3)]),
    ):
        pytest.fail("it was tuned")
    assert "sudo nvpmodel -m 3" in caught.value.hint
    assert settings(root) == AT_FIRST
    assert not (root / "rebooted").exists()


def test_a_mode_that_there_is_not_is_refused_with_its_own_words(root: Path) -> None:
    with (
        pytest.raises(UsageError, match="NVPM ERROR: 4 is no mode"),
        tuned([Device(root=str(root), power_mode=4)]),
    ):
        pytest.fail("it was tuned")
    assert settings(root) == AT_FIRST


def test_a_machine_without_modes(tmp_path: Path) -> None:
    laptop = system_trees.laptop(tmp_path)
    with (
        pytest.raises(UsageError, match="no nvpmodel") as caught,
        tuned([Device(root=str(laptop), power_mode=0)]),
    ):
        pytest.fail("it was tuned")
    assert "power_mode" in caught.value.hint


def test_back_when_the_host_is_killed(root: Path) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST, root], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    assert host.stdout.readline() == "tuned\n"
    assert settings(root)["mode"] == "0"
    host.kill()
    host.communicate(timeout=60)
    for _ in range(1200):
        if settings(root) == AT_FIRST:
            return
        time.sleep(0.05)
    pytest.fail("it isn't put back")


def test_the_entry_of_a_device_names_the_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "devices.toml").write_text('[board]\naddress = "nano@board"\npower_mode = 0\n')
    assert inventory.device("board").power_mode == 0
    with pytest.raises(UsageError, match="power_mode"):
        DeviceSpec.of(address="board", power_mode=-1)
