"""`--engine dask` as a user runs it, with workers of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fakes

pytest.importorskip("distributed", reason="dask.distributed isn't installed")
pytestmark = pytest.mark.fleet

_PATIENCE_S = 60.0
_OPTIONS = ("--engine", "dask", "--profile", "quick", "--json")


@pytest.fixture
def with_fakes(tmp_path: Path) -> dict[str, str]:
    """The environment in which runtimes that misbehave are installed."""
    folder = tmp_path / "distribution"
    folder.mkdir()
    return {"PYTHONPATH": fakes.install(folder), "TMPDIR": str(tmp_path)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that the fake runtimes take for a model."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"anything")
    return path


def test_a_bench_whose_file_is_named_from_its_folder(
    run_cli: Callable[..., subprocess.CompletedProcess[str]],
    model: Path,
    with_fakes: dict[str, str],
) -> None:
    done = run_cli(
        "bench", model.name, "--runtime", "calm,crashing", *_OPTIONS,
        env=with_fakes, cwd=model.parent,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    found = json.loads(done.stdout)
    assert [result["artifact"]["path"] for result in found["results"]] == [model.name]
    (failed,) = found["failures"]
    assert "SIGSEGV" in failed["failure"]["message"]
    assert "Traceback" not in done.stderr


def test_ctrl_c_at_a_terminal_ends_all_without_a_word_of_dask(
    model: Path, with_fakes: dict[str, str], tmp_path: Path
) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "edgekit", "bench", model, "--runtime", "calm,hanging", *_OPTIONS],
        env={**os.environ, **with_fakes, "EDGEKIT_ROOT": "/nonexistent"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    hanging = tmp_path / "hanging"
    deadline = time.monotonic() + _PATIENCE_S
    while not (hanging.exists() and hanging.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # A terminal sends it to every process of the group.
    os.killpg(bench.pid, signal.SIGINT)
    answer, said = bench.communicate(timeout=_PATIENCE_S)
    assert bench.returncode == 130
    assert [result["runtime"] for result in json.loads(answer)["results"]] == ["calm"]
    assert "interrupted" in said
    assert "Traceback" not in said
    while _runs(hanging.read_text()):
        assert time.monotonic() < deadline, "the worker goes on"
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
