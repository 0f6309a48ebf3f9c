"""What all tests share: the program as a user runs it, and one small export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import pytest

from tests import warm

Completed = subprocess.CompletedProcess[str]
RunCli = Callable[..., Completed]

# Real devices to measure on: SSH servers, slow and cut links, an arm64 board, a phone.
pytest_plugins = ["tests.lab.fixtures"]

ROOT = Path(__file__).parents[1]
# Where the tests run in the background, Ctrl-C is ignored, also by all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Far above what any command in the tests takes on two busy cores: a hang fails, a slow day doesn't.
_TIMEOUT_S = 1200


# A machine that tells of no disturbance: whether a test's measurement is valid shall not depend on
# what else runs here.
_CALM = "/nonexistent"


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    # No colour and one width, so that a test reads the same text everywhere.
    fixed = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "EDGEKIT_ROOT": _CALM}
    return {**os.environ, **fixed, **extra}


@pytest.fixture(scope="session", autouse=True)
def results_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where commands that aren't told otherwise keep results: not in the folder of the source."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_RESULTS", str(folder))
        # Tables as where there is no terminal: pytest-xdist says 80.
        patch.delenv("COLUMNS", raising=False)
        yield folder


@pytest.fixture(scope="session")
def run_cli() -> RunCli:
    """Runs `edgekit *args` in a process of its own, as a user does."""

    def run(
        *args: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Completed:
        words = [*map(str, args)]
        if env is None and cwd is None:
            return warm.run(words, _environment({}), _TIMEOUT_S)
        return subprocess.run(
            [sys.executable, "-m", "edgekit", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_environment(env or {}),
            cwd=cwd,
            timeout=_TIMEOUT_S,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def run_json(run_cli: RunCli) -> Callable[..., Any]:
    """Runs a command that must succeed with `--json` and gives the decoded object."""

    def run(*args: object) -> Any:
        done = run_cli(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, run_cli: RunCli) -> Path:
    """The folder of the toy model's artifacts: every format in every precision.

    A leg that fails is missing from it, so that only the tests that need it fail. It is made once
    for all processes that run tests.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    done = shared / "toy-is-done"
    with filelock.FileLock(shared / "toy.lock"):
        if not done.exists():
            _export_toy(shared / "exported", run_cli)
            done.touch()
    return shared / "exported" / "toy"


def _export_toy(exported: Path, run_cli: RunCli) -> None:
    made = {"torch": "fp32", "onnx,openvino,litert,tensorrt": "fp32,fp16,int8"}
    for formats, precisions in made.items():
        options = ["--weights", "random", "--format", formats, "--precision", precisions]
        options += ["--no-verdict"]
        done = run_cli("export", "toy", *options, "--out", exported)
        print(done.stdout, done.stderr)  # pytest shows it beside a failure


@pytest.fixture(scope="session")
def run_python() -> Callable[[str], Any]:
    """Runs a program that prints one JSON object, in a process of its own, and decodes it."""

    def run(program: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_environment({}),
            cwd=ROOT,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
