"""`edgekit gate` as a user runs it: two files, measured in turns.

What a time is decides nothing here: a busy machine may leave it open, and no more.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests import foreign_files

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]
QUICK = ("--budget", "8s", "--threads", "1")


def saved(folder: Path, model: onnx.ModelProto) -> Path:
    folder.mkdir()
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that was shipped."""
    return saved(tmp_path_factory.mktemp("gate") / "base", foreign_files.net())


def checks(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (pair,) = verdict["pairs"]
    return {check["metric"]: check for check in pair["checks"]}


def test_a_larger_file_fails_and_the_same_speed_does_not(base, tmp_path, run_cli: RunCli):
    model = foreign_files.net()
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2000, np.float32), "unused"))
    head = saved(tmp_path / "head", model)
    reports = [f"--{kind}={tmp_path / kind}" for kind in ("junit", "markdown", "sarif")]
    done = run_cli("gate", base, head, *QUICK, *reports, "--json")
    assert done.returncode == 1, done.stderr
    found = checks(json.loads(done.stdout))
    assert found["file_size"]["outcome"] == "fail"
    assert found["latency"]["outcome"] in {"pass", "inconclusive"}
    assert found["outputs"]["outcome"] == found["ops"]["outcome"] == "pass"
    (suite,) = ET.parse(tmp_path / "junit").getroot()
    failed = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    assert "file_size" in [case.get("name") for case in failed]
    assert "file size" in (tmp_path / "markdown").read_text(encoding="utf-8")
    (run,) = json.loads((tmp_path / "sarif").read_text())["runs"]
    assert "file_size" in [each["ruleId"] for each in run["results"]]


def test_other_outputs_fail_before_anything_is_timed(base, tmp_path, run_cli: RunCli):
    head = saved(
        tmp_path / "head",
        foreign_files.with_constant(
            foreign_files.net(), "fb", np.full(foreign_files.CLASSES, 9, np.float32)
        ),
    )
    done = run_cli("gate", base, head, *QUICK)
    assert done.returncode == 1, done.stderr
    assert "outputs" in done.stdout.splitlines()[-1]
    assert "latency" not in done.stdout


def test_what_is_not_there_is_an_error(base, tmp_path, run_cli: RunCli):
    done = run_cli("gate", base, tmp_path / "none.onnx", *QUICK)
    assert done.returncode == 2
    assert "none.onnx" in done.stderr
    assert done.stdout == ""
