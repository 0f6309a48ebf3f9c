"""Training as a user runs it: to files that export and eval take; killed, wrong, interrupted."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

TRAINED = (
    "--weights",
    "random",
    "--epochs",
    "3",
    "--batch",
    "6",
    "--lr",
    "0.01",
    "--input-size",
    "16",
)


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """Noisy red, green and blue pictures: `train` and `test`."""
    root = tmp_path_factory.mktemp("colours")
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 5)):
        for channel, name in enumerate(("red", "green", "blue")):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                values = random.integers(0, 120, (20, 20, 3))
                values[..., channel] += 120
                Image.fromarray(values.astype(np.uint8)).save(root / part / name / f"{index}.png")
    return root


def test_from_images_to_an_int8_file_with_its_accuracy(run_cli, run_json, colours, tmp_path):
    page = tmp_path / "page.html"
    options = [*TRAINED, "--data", colours, "--out", tmp_path / "trained", "--html", page]
    done = run_cli("train", "toy", *options, "--epochs", "25")
    assert done.returncode == 0, done.stderr
    assert "learning from 36 images, measuring on 15 others" in done.stderr
    assert "epoch 25 of 25: loss" in done.stderr
    assert "edgekit export toy --weights" in done.stdout
    assert "Worst images" in page.read_text() or "top1 100.0 %" in page.read_text()
    record = json.loads((tmp_path / "trained" / "training.json").read_text())
    assert record["score"]["value"] == 1.0
    weights = tmp_path / "trained" / "model.safetensors"
    made = run_cli(
        "export",
        "toy",
        "--weights",
        weights,
        "--format",
        "onnx",
        "--int8",
        "--no-verdict",
        "--allow-few",
        "--calib",
        colours / "train",
        "--out",
        tmp_path / "exported",
    )
    assert made.returncode == 0, made.stderr
    for precision in ("fp32", "int8"):
        folder = tmp_path / "exported" / "toy" / f"onnx-{precision}"
        assert run_json("eval", folder, "--data", colours / "test")["top1"] == 1.0
    stored = json.loads((folder / "artifact.json").read_text())
    assert (
        stored["spec"]["weights"]["trained"]["data_sha256"]
        == record["weights"]["trained"]["data_sha256"]
    )
    assert (folder / "labels.txt").read_text().split() == ["blue", "green", "red"]


def test_weights_rounded_in_training_end_in_an_int8_file(run_cli, run_json, colours, tmp_path):
    first = run_cli(
        "train", "toy", *TRAINED, "--data", colours, "--out", tmp_path / "first", "--epochs", "25"
    )
    assert first.returncode == 0, first.stderr
    options = ["--qat", "--weights", tmp_path / "first" / "model.safetensors", "--data", colours]
    done = run_cli(
        "train",
        "toy",
        *options,
        "--target",
        "arm64",
        "--epochs",
        "2",
        "--batch",
        "6",
        "--out",
        tmp_path / "second",
    )
    assert done.returncode == 0, done.stderr
    weights = tmp_path / "second" / "model.safetensors"
    made = run_cli(
        "export",
        "toy",
        "--weights",
        weights,
        "--format",
        "onnx",
        "--precision",
        "int8",
        "--target",
        "arm64",
        "--no-verdict",
        "--allow-few",
        "--calib",
        colours / "train",
        "--out",
        tmp_path / "exported",
    )
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "exported" / "toy" / "onnx-int8"
    stored = json.loads((folder / "artifact.json").read_text())
    assert stored["spec"]["weights"]["trained"]["weight_scale"] == "max"
    assert run_json("eval", folder, "--data", colours / "test")["top1"] == 1.0


def test_a_training_that_was_killed_hard_goes_on_and_ends_as_if_it_was_not(
    run_cli, colours, tmp_path
):
    options = ["train", "toy", *TRAINED, "--epochs", "6", "--data", str(colours)]
    whole = run_cli(*options, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "edgekit", *options, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("epoch 2 of"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not (out / "model.safetensors").exists()
    again = run_cli(*options, "--out", out)
    assert again.returncode == 0, again.stderr
    assert "epoch 1 of" not in again.stderr
    assert (out / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()


def test_what_can_not_be_trained_is_said_without_a_traceback(run_cli, colours, tmp_path):
    shutil.copytree(colours / "train", tmp_path / "set")
    (tmp_path / "set" / "yellow").mkdir()
    done = run_cli("train", "toy", *TRAINED, "--data", tmp_path / "set", "--out", tmp_path / "out")
    assert done.returncode == 6
    assert "without an image that can be read: yellow" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_generated_data_is_written_whole_or_not_at_all(run_cli, tmp_path):
    done = run_cli("data", "shapes", tmp_path / "shapes", "--count", "8", "--size", "48")
    assert done.returncode == 0, done.stderr
    assert "wrote 8 images" in done.stdout
    again = run_cli("data", "shapes", tmp_path / "shapes")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    few = run_cli("data", "shapes", tmp_path / "few", "--count", "1")
    assert few.returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shapes"]
