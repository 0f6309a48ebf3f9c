"""`edgekit bench` as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit.records import Ship
from tests import fakes
from tests.graph_files import MAKERS

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def with_fakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which runtimes that misbehave are installed."""
    return {"PYTHONPATH": fakes.install(tmp_path_factory.mktemp("fakes"))}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that the fake runtimes take for a model."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"anything")
    return path


def test_artifacts_are_measured_and_checked(run_json: Callable[..., Any], toy: Path) -> None:
    paths = (toy / "onnx-fp32", toy / "onnx-int8")
    found = run_json("bench", *paths, "--profile", "quick", "--threads", 1, "--no-verdict")
    assert found["failures"] == []
    assert found["verdicts"] == []
    assert {result["artifact"]["precision"] for result in found["results"]} == {"fp32", "int8"}
    for result in found["results"]:
        metrics = result["metrics"]
        (launch,) = result["launches"]
        assert launch["golden"]["finite"]
        assert 0 < metrics["latency_min_ms"] <= metrics["latency_p50_ms"]
        assert metrics["latency_p50_ms"] <= metrics["latency_p90_ms"]
        low, high = result["intervals"]["latency_p50_ms"]
        assert low <= metrics["latency_p50_ms"] <= high
        assert len(launch["latency_ns"]) >= 64
        assert result["threads"] == 1
        assert launch["settings"]["intra_op_threads"] == "1"
        assert metrics["file_size_bytes"] == result["artifact"]["size_bytes"]
        assert result["valid"], result["reasons"]


@pytest.mark.parametrize("format", ["onnx", "openvino", "litert"])
def test_int8_runs_in_int8(run_json: Callable[..., Any], toy: Path, format: str) -> None:
    (result,) = run_json("bench", toy / f"{format}-int8", "--profile", "quick")["results"]
    convolutions = [op for op in result["launches"][0]["execution"] if "CONV" in op["op"].upper()]
    assert convolutions
    assert {op["precision"] for op in convolutions} == {"int8"}
    assert result["int8"]["time"] is not None
    assert result["int8"]["int8_ops"] >= len(convolutions)


def test_per_op_shows_what_took_the_time(run_cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    MAKERS[path.suffix](path, "int8")
    options = ("--profile", "quick", "--threads", 1, "--no-verdict")
    done = run_cli("bench", path, "--per-op", *options)
    assert done.returncode == 0, done.stderr
    assert "by the runtime's own profiler" in done.stdout
    row = next(line.split() for line in done.stdout.splitlines() if " 100.0" in line)
    assert row[-5:-3] == ["CPU", "-"]
    (result,) = json.loads(run_cli("bench", path, "--json", *options).stdout)["results"]
    (launch,) = result["launches"]
    assert all(op["time_ns"] is not None for op in launch["execution"])


def test_a_model_has_a_verdict(run_json: Callable[..., Any], toy: Path) -> None:
    paths = [toy / f"onnx-{precision}" for precision in ("int8", "fp16", "fp32")]
    found = run_json("bench", *paths, "--profile", "quick", "--threads", 1)
    (verdict,) = found["verdicts"]
    assert (verdict["model"], verdict["format"], verdict["threads"]) == ("toy", "onnx", 1)
    assert verdict["choice"] in {*Ship}
    assert verdict["reasons"]
    assert [side["precision"] for side in verdict["sides"]] == ["fp32", "fp16", "int8"]
    for side in verdict["sides"][1:]:
        low, high = side["interval"]
        assert 0 < low <= side["speed"] <= high
    int8 = next(
        result["int8"] for result in found["results"] if result["artifact"]["precision"] == "int8"
    )
    assert 0 < int8["time"] <= 1
    assert 0 < int8["ops"] <= 1
    # Whoever asks again is told much the same of the operators, and exactly how many they are.
    assert verdict["sides"][2]["int8"]["int8_ops"] == int8["int8_ops"]


def test_too_little_int8_fails(run_cli: RunCli, toy: Path) -> None:
    options = ("--profile", "quick", "--require-int8")
    done = run_cli("bench", toy / "onnx-int8", *options, "0.01")
    assert done.returncode == 0, done.stdout
    assert "int8: " in done.stdout
    # In float, as written, by the reference.
    reference = ("--runtime", "onnxruntime-reference")
    done = run_cli("bench", toy / "onnx-int8" / "model.onnx", *reference, *options, "0.5")
    assert done.returncode == 1
    assert "INVALID; 0.0% in int8; --require-int8 asks for 50.0%" in done.stdout


def test_another_runtime_and_another_batch(run_json: Callable[..., Any], toy: Path) -> None:
    (result,) = run_json(
        "bench", toy / "onnx-fp32", "--runtime", "openvino", "--batch", 2, "--profile", "quick"
    )["results"]
    (launch,) = result["launches"]
    assert (result["runtime"], launch["batch"]) == ("openvino", 2)
    assert launch["inputs"][0]["shape"][0] == 2
    assert result["metrics"]["agreement"] == 1.0


def test_a_failed_leg_is_a_row_and_the_others_go_on(
    run_cli: RunCli, toy: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes((toy / "onnx-fp32" / "model.onnx").read_bytes()[:1000])
    done = run_cli("bench", cut, toy / "onnx-fp32", "--profile", "quick")
    assert done.returncode == 6
    assert "cut.onnx" in done.stdout
    assert "failed in load: DataError" in done.stdout
    assert "toy/onnx-fp32" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_changed_artifact_is_not_measured(run_cli: RunCli, toy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "toy" / "onnx-fp32"
    copy.mkdir(parents=True)
    for path in (toy / "onnx-fp32").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    with (copy / "model.onnx").open("r+b") as file:
        file.seek(100)
        file.write(b"x")
    done = run_cli("bench", copy)
    assert done.returncode == 6
    assert done.stdout == ""
    assert "hash" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtime", "litert"], "these can: onnxruntime"),
        (["--runtime", "onnxruntme"], "onnxruntime"),
        (["--device", "jetson"], "edgekit devices add jetson"),
        (["--profile", "slow"], "quick, default, rigorous"),
        (["--threads", "0"], "from 1"),
        (["--batch", "-1"], "from 1"),
        (["--require-int8", "90"], "from 0 to 1"),
        (["--shape", "x=1,a"], "NAME=1,3,224,224"),
    ],
)
def test_what_can_not_be_is_refused(
    run_cli: RunCli, model: Path, arguments: list[str], words: str
) -> None:
    done = run_cli("bench", model, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_nothing_to_measure(run_cli: RunCli, tmp_path: Path) -> None:
    for arguments in (["--out", tmp_path / "none"], [tmp_path], [tmp_path / "no.onnx"]):
        done = run_cli("bench", *arguments)
        assert done.returncode == 2, arguments
        assert "hint:" in done.stderr


def test_a_file_of_no_known_kind_is_refused(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "model.pdf").write_bytes(b"%PDF")
    done = run_cli("bench", tmp_path / "model.pdf")
    assert done.returncode == 2
    assert ".onnx" in done.stderr


def test_a_runtime_that_crashes_is_told_with_its_last_words(
    run_cli: RunCli, model: Path, with_fakes: dict[str, str]
) -> None:
    done = run_cli(
        "bench",
        model,
        "--runtime",
        "crashing,calm",
        "--profile",
        "quick",
        "--json",
        env=with_fakes,
    )
    assert done.returncode == 5
    found = json.loads(done.stdout)
    (failed,) = found["failures"]
    failure = failed["failure"]
    assert (failed["runtime"], failure["kind"], failure["stage"]) == (
        "crashing",
        "DeviceError",
        "first",
    )
    assert "SIGSEGV" in failure["message"]
    assert "not json" in failure["tail"]
    assert "\x1b" not in failure["tail"]
    assert [result["runtime"] for result in found["results"]] == ["calm"]


def test_a_runtime_that_hangs_is_ended_and_told(
    run_cli: RunCli, model: Path, with_fakes: dict[str, str], tmp_path: Path
) -> None:
    done = run_cli(
        "bench", model, "--runtime", "hanging,calm", "--profile", "quick", "--timeout", 6,
        env={**with_fakes, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 5
    assert "no result after 6 s" in done.stdout
    assert "--timeout" in done.stdout
    assert "failed in first: DeviceError" in done.stdout
    assert not _runs((tmp_path / "hanging").read_text())


def test_a_runtime_that_prints_does_not_soil_the_json(
    run_cli: RunCli, model: Path, with_fakes: dict[str, str]
) -> None:
    done = run_cli(
        "bench", model, "--runtime", "loud", "--profile", "quick", "--json", env=with_fakes
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failures"] == []


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, None), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_whatever_ends_the_command_ends_the_worker(
    model: Path, with_fakes: dict[str, str], tmp_path: Path, number: int, status: int | None
) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "edgekit", "bench", str(model), "--runtime", "hanging"],
        env={**os.environ, **with_fakes, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    worker = _written(tmp_path / "hanging")
    bench.send_signal(number)
    bench.communicate(timeout=60)
    assert status is None or bench.returncode == status
    for _ in range(200):
        if not _runs(worker):
            return
        time.sleep(0.05)
    pytest.fail("the worker goes on")


# Two names of this machine: an inventory of devices that any machine has.
_TWINS = """
from edgekit.records import Device
from edgekit.workflows import machines
machines.known = lambda: {name: Device(name, root="/nonexistent") for name in ("left", "right")}
from edgekit.__main__ import main
main()
"""


def test_devices_measure_at_once_and_ctrl_c_keeps_what_is_done(
    model: Path, with_fakes: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    options = ("--device", "all", "--runtime", "calm,hanging", "--profile", "quick", "--json")
    bench = subprocess.Popen(
        [sys.executable, "-c", _TWINS, "bench", str(model), *options, "--results", str(kept)],
        env={**os.environ, **with_fakes, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert bench.stderr is not None
    hanging: set[str] = set()
    while len(hanging) < 2:
        line = bench.stderr.readline()
        assert line, "it ended by itself"
        if "with hanging on" in line:
            hanging.add(line.split()[-1])
    _written(tmp_path / "hanging")
    bench.send_signal(signal.SIGINT)
    answer, _ = bench.communicate(timeout=60)
    assert bench.returncode == 130
    assert hanging == {"left", "right"}
    found = json.loads(answer)
    done = [(result["device"]["name"], result["runtime"]) for result in found["results"]]
    assert sorted(done) == [("left", "calm"), ("right", "calm")]
    assert found["failures"] == []
    assert len(list(kept.glob("*.json"))) == 2
    assert not _runs((tmp_path / "hanging").read_text())


def test_a_terminal_shows_how_far_it_is(
    model: Path, with_fakes: dict[str, str], tmp_path: Path
) -> None:
    terminal, end = pty.openpty()
    answer = tmp_path / "answer.json"
    command = [sys.executable, "-m", "edgekit", "bench", str(model), "--runtime", "calm"]
    variables = {**with_fakes, "EDGEKIT_ROOT": "/nonexistent", "TERM": "xterm"}
    with answer.open("wb") as out:
        bench = subprocess.Popen(
            [*command, "--profile", "quick", "--json"],
            env={**os.environ, **variables},
            stdout=out,
            stderr=end,
        )
    os.close(end)
    shown = bytearray()
    # A terminal whose other end is closed says so by an error.
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 4096):
            shown += piece
    os.close(terminal)
    assert bench.wait(60) == 0
    assert json.loads(answer.read_bytes())["failures"] == []
    text = " ".join(shown.decode(errors="replace").split())
    assert "[1/1] model.onnx with calm, process 1 of 1: run" in text
    assert re.search(r"about \d+:\d\d left", text)


def _runs(pid: str) -> bool:
    """Whether the process is there, and not just not waited for."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _written(path: Path) -> str:
    for _ in range(1200):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    pytest.fail("no worker was started")
