"""`edgekit sweep` over the toy model, whose files are there already."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]

SUITE = """
formats = ["onnx", "torch"]
precisions = ["fp32", "int8"]
[[models]]
name = "toy"
weights = "random"
[[targets]]
name = "host"
devices = ["local"]
[evaluate]
data = "photos"
[bench]
profile = "quick"
threads = 1
"""


@pytest.fixture
def suite(tmp_path: Path, toy: Path) -> Path:
    """The suite's file, beside photos and the files that an export made."""
    shutil.copytree(toy, tmp_path / "out" / "host" / "toy")
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        Image.new("RGB", (40, 40), (60 * number, 30, 200)).save(photos / f"{number}.png")
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return path


def test_a_sweep_and_what_is_left_of_it_the_second_time(
    suite: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    options = ("--out", tmp_path / "out", "--results", tmp_path / "results")
    done = run_cli("sweep", suite, *options, "--json", "--html", page)
    # torch has no int8: a row of its own, and the status of the first that failed.
    assert done.returncode == 2, done.stderr
    assert "1 model x 2 formats x 2 precisions x 1 target: 4 files" in done.stderr
    cells = {f"{cell['format']}-{cell['precision']}": cell for cell in _cells(done.stdout)}
    assert list(cells) == ["onnx-fp32", "onnx-int8", "torch-fp32", "torch-int8"]
    (failure,) = cells.pop("torch-int8")["failures"]
    assert (failure["stage"], failure["kind"]) == ("plan", "UsageError")
    for cell in cells.values():
        assert cell["failures"] == []
        assert cell["artifact"]["cached"]
        assert cell["accuracy"]["images"] == 4
        assert cell["accuracy"]["data_sha256"]
        (result,) = cell["results"]
        assert result["valid"], result["reasons"]
        assert cell["kept"] == 0
    text = page.read_text()
    assert "3 of 4 files made" in text
    assert "toy/host/torch-int8" in text

    again = run_cli("sweep", suite, *options)
    assert again.returncode == 2
    assert "3 of 3 legs valid, 3 by an earlier run" in again.stdout
    assert "measuring with" not in again.stderr
    assert "images through" not in again.stderr
    assert len(list((tmp_path / "results").glob("*.json"))) == 6


def test_other_photos_are_evaluated_again(suite: Path, run_cli: RunCli, tmp_path: Path) -> None:
    text = SUITE.replace('"onnx", "torch"', '"onnx"').replace(', "int8"', "")
    suite.write_text(text.replace('devices = ["local"]', ""))
    options = ("--out", tmp_path / "out", "--results", tmp_path / "results", "--json")
    (first,) = _cells(run_cli("sweep", suite, *options).stdout)
    Image.new("RGB", (40, 40), (1, 2, 3)).save(tmp_path / "photos" / "more.png")
    (second,) = _cells(run_cli("sweep", suite, *options).stdout)
    assert [each["accuracy"]["images"] for each in (first, second)] == [4, 5]
    assert first["results"] == []


def test_a_model_that_there_is_not_is_rows(suite: Path, run_cli: RunCli, tmp_path: Path) -> None:
    suite.write_text(
        SUITE.replace('"onnx", "torch"', '"onnx"').replace('devices = ["local"]', "")
        + '[[models]]\nname = "no-such-model"\n'
    )
    done = run_cli("sweep", suite, "--out", tmp_path / "out", "--results", tmp_path / "kept")
    assert done.returncode != 0
    assert "2 of 4 files made" in done.stdout
    assert "no-such-model/host/onnx-fp32: export:" in done.stdout


def test_a_broken_suite_is_a_sentence(suite: Path, run_cli: RunCli) -> None:
    suite.write_text(SUITE + "colour = 3\n")
    done = run_cli("sweep", suite)
    assert done.returncode == 6
    assert "colour" in done.stderr
    assert "Traceback" not in done.stderr


def _cells(text: str) -> Any:
    found = json.loads(text)
    assert found["schema_version"] == 1
    return found["cells"]
