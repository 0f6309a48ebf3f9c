"""The process of one side: its commands, that it stands still in between, and how it fails."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.errors import DeviceError, EdgekitError, ToolError
from edgekit.measure.sides import Side
from edgekit.wire import Cooldown, Job, Profile
from tests import fakes
from tests.system_trees import jetson

PROFILE = Profile(5, 0.0, 5.0, 2, 0.0, 0.1)


@pytest.fixture(scope="module")
def python_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fakes.install(tmp_path_factory.mktemp("fakes"))


@contextlib.contextmanager
def _side(
    runtime: str, python_path: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Side, int]]:
    monkeypatch.setenv("PYTHONPATH", python_path)
    with contextlib.closing(
        Side(Job("compare", runtime, "m.onnx", "fp32", 1, profile=PROFILE))
    ) as side:
        yield side, side._process.pid


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_what_it_ran_in_turns_comes_back(
    python_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _side("calm", python_path, monkeypatch) as (side, _):
        side.wait_ready()
        side.turn("try 7")
        side.turn("load")
        assert side.turn("run 3") > 0
        side.turn("run 2")
        found = side.end()
    assert len(found["latency_ns"]) == len(found["cpu_ns"]) == 5
    assert found["span_ns"] == sum(found["latency_ns"])
    assert found["memory"][-1]["phase"] == "steady"
    assert found["output_sha256"]


def test_a_side_does_not_wait_for_itself_to_cool_down(
    python_path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", python_path)
    never = Cooldown(-200.0, 0.0, "fail")
    root = str(jetson(tmp_path))
    job = Job("compare", "calm", "m.onnx", "fp32", 1, profile=PROFILE, root=root, cooldown=never)
    with contextlib.closing(Side(job)) as side:
        side.wait_ready()
        assert "cooldown.outcome" not in side.end()["environment"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_stands_still_while_nobody_asks_it(
    python_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _side("calm", python_path, monkeypatch) as (side, pid):
        side.wait_ready()
        assert _stands_still(pid)
        side.turn("run 1")
        assert _stands_still(pid)
    assert not Path(f"/proc/{pid}").exists()


def _stands_still(pid: int) -> bool:
    # The signal is sent before `turn` returns, and takes effect soon after.
    for _ in range(1000):
        if _state(pid) == "T":
            return True
        time.sleep(0.01)
    return False


def test_a_crash_is_told_with_the_file(python_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        _side("crashing", python_path, monkeypatch) as (side, _),
        pytest.raises(DeviceError, match=r"m\.onnx ended with status -11"),
    ):
        side.wait_ready()


def test_its_own_error_is_raised_with_the_file(
    python_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        _side("raising", python_path, monkeypatch) as (side, _),
        pytest.raises(ToolError, match=r"m\.onnx: .*no such operator") as caught,
    ):
        side.wait_ready()
    assert caught.value.hint


def test_a_command_that_does_not_exist_is_refused(
    python_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _side("calm", python_path, monkeypatch) as (side, _):
        side.wait_ready()
        with pytest.raises(EdgekitError, match="'jump'"):
            side.turn("jump 3")
