"""The worker as a process: its protocol, and what it doesn't import."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.measure.lines import ABANDONED
from edgekit.wire import Cooldown, Job, Profile
from tests import fakes

PROFILE = Profile(5, 0.0, 5.0, 2, 0.0, 0.1)
# What the design keeps off the device: only the runtime asked for and NumPy may be there.
BANNED = {"torch", "msgspec", "typer", "rich", "onnxruntime", "openvino", "edgekit.records"}


@pytest.fixture(scope="module")
def python_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fakes.install(tmp_path_factory.mktemp("fakes"))


def _work(python_path: str, job: Job | bytes) -> tuple[list[dict[str, Any]], str]:
    text = job if isinstance(job, bytes) else json.dumps(dataclasses.asdict(job)).encode()
    # A file, since nobody empties a pipe of errors while the answer is read.
    with tempfile.TemporaryFile() as errors, _worker(python_path, errors) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(text + b"\n")
        process.stdin.flush()
        # Standard input is closed no sooner than the answer is there: its end is the worker's.
        lines = process.stdout.read().splitlines()
        assert process.wait(120) == 0
        errors.seek(0)
        return [json.loads(line) for line in lines], errors.read().decode()


def _worker(python_path: str, errors: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "edgekit.measure.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": python_path},
    )


def test_the_worker_ends_when_its_standard_input_does(python_path: str) -> None:
    with _worker(python_path) as process:
        text = json.dumps(dataclasses.asdict(_job("hanging"))).encode()
        # Closes standard input at once; the runtime would hang for minutes.
        process.communicate(text + b"\n", timeout=60)
    assert process.returncode == ABANDONED


def _job(runtime: str, **fields: Any) -> Job:
    return Job("bench", runtime, "any.onnx", "fp32", 1, profile=PROFILE, **fields)


def test_the_phases_come_in_order_and_then_the_samples(python_path: str) -> None:
    events, _ = _work(python_path, _job("calm"))
    phases = [event["phase"] for event in events if event["event"] == "phase"]
    assert phases == ["start", "runtime", "load", "first", "golden", "warmup", "run"]
    samples = events[-1]
    assert samples["event"] == "samples"
    assert len(samples["latency_ns"]) == len(samples["cpu_ns"]) >= 5
    assert samples["golden"] is None
    assert samples["versions"].keys() == {"edgekit", "numpy"}
    assert {"cpu.logical", "python"} <= samples["environment"].keys()


def test_the_worker_is_light(python_path: str) -> None:
    events, _ = _work(python_path, _job("calm"))
    settings = events[-1]["settings"]
    assert not BANNED & set(settings["modules"].split())


def test_what_a_framework_prints_does_not_break_the_protocol(python_path: str) -> None:
    events, stderr = _work(python_path, _job("loud"))
    assert events[-1]["event"] == "samples"
    assert "not json" in stderr
    assert "nor this" in stderr


def test_the_same_seed_gives_the_same_outputs(python_path: str) -> None:
    digests = [
        _work(python_path, _job("calm", seed=seed))[0][-1]["output_sha256"] for seed in (1, 1, 2)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_an_exception_of_the_runtime_is_a_failure_with_its_stage(python_path: str) -> None:
    failure = _work(python_path, _job("raising"))[0][-1]
    assert (failure["event"], failure["kind"], failure["stage"]) == (
        "failure",
        "ToolError",
        "first",
    )
    assert "no such operator" in failure["message"]


@pytest.mark.parametrize(
    ("job", "kind", "words"),
    [
        (b"{", "DeviceError", "JSON"),
        (_job("calmer"), "UsageError", "calmer"),
        (Job("sing", "calm", "any.onnx", "fp32", 1), "UsageError", "sing"),
        (Job("bench", "calm", "any.onnx", "fp32", 1), "UsageError", "profile"),
        (_job("calm", shapes={"z": [1]}), "UsageError", "'z'"),
        (_job("huge"), "ToolError", "memory"),
        (_job("calm", golden="/nonexistent.npz"), "DataError", "nonexistent"),
    ],
)
def test_a_job_that_can_not_be_done_is_a_failure(
    python_path: str, job: Job | bytes, kind: str, words: str
) -> None:
    failure = _work(python_path, job)[0][-1]
    assert (failure["event"], failure["kind"]) == ("failure", kind)
    assert words in failure["message"]
    assert failure["hint"]


def test_the_golden_sample_is_compared(python_path: str, tmp_path: Path) -> None:
    values = np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]], np.float32)
    expected = values.copy()
    expected[1] = [4.0, 5.0, 6.0]
    arrays: dict[str, Any] = {"input:a": values, "output:0": expected}
    np.savez(tmp_path / "golden.npz", **arrays)
    samples = _work(python_path, _job("calm", golden=str(tmp_path / "golden.npz")))[0][-1]
    assert samples["golden"]["images"] == 2
    assert samples["golden"]["agreement"] == 0.5
    assert samples["golden"]["max_abs_error"] == 2.0


def test_infer_writes_all_outputs(python_path: str, tmp_path: Path) -> None:
    feeds, outputs = tmp_path / "in.npz", tmp_path / "out.npz"
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    arrays: dict[str, Any] = {"input:a": values}
    np.savez(feeds, **arrays)
    job = Job("infer", "calm", "m.onnx", "fp32", 1, feeds=str(feeds), outputs=str(outputs))
    # What isn't timed needs no cool machine.
    job = dataclasses.replace(job, cooldown=Cooldown(-200.0, 0.0, "fail"))
    events, _ = _work(python_path, job)
    assert events[-1] == {"event": "outputs"}
    with np.load(outputs) as found:
        assert np.array_equal(found["output:0"], values)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "out.npz"]


def test_a_model_that_eats_all_memory_fails_and_the_machine_stays(
    python_path: str, tmp_path: Path
) -> None:
    (tmp_path / "proc").mkdir()
    # As if that were all that is free: a test shall not fill the real memory.
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 600000 kB\n")
    failure = _work(python_path, _job("greedy", root=str(tmp_path)))[0][-1]
    assert (failure["event"], failure["kind"]) == ("failure", "ToolError")
    assert "memory" in failure["message"]


def test_megabytes_of_words_stop_nobody(python_path: str) -> None:
    events, stderr = _work(python_path, _job("flooding"))
    assert events[-1]["event"] == "samples"
    assert len(stderr) > 5_000_000


def test_outputs_that_become_no_numbers_are_seen(python_path: str) -> None:
    assert _work(python_path, _job("calm"))[0][-1]["finite"]
    assert not _work(python_path, _job("not-numbers"))[0][-1]["finite"]


def test_marks_of_memory_come_in_the_order_of_the_phases(python_path: str) -> None:
    marks = _work(python_path, _job("calm"))[0][-1]["memory"]
    phases = ["start", "runtime", "load", "first", "feeds", "warm", "steady"]
    assert [mark["phase"] for mark in marks] == phases
