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

from edgekit.models.trained import describe

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


@pytest.fixture(scope="module")
def trained(run_cli, colours, tmp_path_factory):
    """What a training that has learnt wrote, and what it said."""
    root = tmp_path_factory.mktemp("trained")
    options = [*TRAINED, "--data", colours, "--out", root, "--html", root / "page.html"]
    done = run_cli("train", "toy", *options, "--epochs", "25")
    assert done.returncode == 0, done.stderr
    return root, done


def export(run_cli, weights, colours, out, *options):
    """Makes float and int8 files, and gives the folder of the int8 one."""
    options = (*options, "--no-verdict", "--allow-few", "--calib", colours / "train")
    made = run_cli(
        "export",
        "toy",
        "--weights",
        weights,
        "--format",
        "onnx",
        "--precision",
        "int8",
        *options,
        "--out",
        out,
    )
    assert made.returncode == 0, made.stderr
    return out / "toy" / "onnx-int8"


def test_from_images_to_an_int8_file_with_its_accuracy(
    run_cli, run_json, colours, trained, tmp_path
):
    root, done = trained
    assert "learning from 36 images, measuring on 15 others" in done.stderr
    assert "epoch 25 of 25: loss" in done.stderr
    assert "edgekit export toy --weights" in done.stdout
    assert "edgekit train" in (root / "page.html").read_text()
    record = json.loads((root / "training.json").read_text())
    assert record["score"]["value"] == 1.0
    folder = export(run_cli, root / "model.safetensors", colours, tmp_path)
    assert run_json("eval", folder, "--data", colours / "test")["score"]["value"] == 1.0
    again = run_cli("eval", folder, "--data", colours / "train")
    assert again.returncode == 6
    assert "learnt from 36 of these 36 images" in again.stderr
    assert f"give --data {colours / 'test'}" in again.stderr
    origin = json.loads((folder / "artifact.json").read_text())["spec"]["weights"]["trained"]
    assert origin == record["weights"]["trained"]
    assert (folder / "labels.txt").read_text().split() == ["blue", "green", "red"]


def test_weights_rounded_in_training_end_in_an_int8_file(
    run_cli, run_json, colours, trained, tmp_path
):
    options = ["--qat", "--weights", trained[0] / "model.safetensors", "--data", colours]
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
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    folder = export(
        run_cli, tmp_path / "model.safetensors", colours, tmp_path / "out", "--target", "arm64"
    )
    origin = json.loads((folder / "artifact.json").read_text())["spec"]["weights"]["trained"]
    assert (origin["method"], origin["weight_scale"]) == ("qat", "max")
    assert run_json("eval", folder, "--data", colours / "test")["score"]["value"] == 1.0


def test_a_training_that_was_killed_hard_goes_on(run_cli, colours, tmp_path):
    options = [
        "train",
        "toy",
        *TRAINED,
        "--epochs",
        "6",
        "--data",
        str(colours),
        "--out",
        str(tmp_path),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "edgekit", *options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("epoch 2 of"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "model.safetensors").exists()
    again = run_cli(*options)
    assert again.returncode == 0, again.stderr
    assert "epoch 1 of" not in again.stderr
    assert "epoch 6 of 6" in again.stderr
    assert (tmp_path / "model.safetensors").exists()


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


def test_boxes_are_learnt_on_the_neck_that_was_asked_for(run_cli, tmp_path):
    data, out = tmp_path / "shapes", tmp_path / "out"
    assert run_cli("data", "shapes", data, "--count", "12", "--size", "48").returncode == 0
    asked = ("--head", "detect", "--neck", "fpn", "--weights", "random", "--epochs", "1")
    done = run_cli("train", "toy", *asked, "--input-size", "64", "--data", data, "--out", out)
    assert done.returncode == 0, done.stderr
    file = describe(out / "model.safetensors")
    assert file is not None
    assert (file.head, file.neck) == ("detect", "fpn")
    assert f"edgekit export toy --head detect --weights {out}/model.safetensors" in done.stdout


def test_vectors_of_one_class_find_each_other(run_cli, run_json, colours, tmp_path):
    made = run_cli(
        "export",
        "toy",
        "--weights",
        "random",
        "--head",
        "embed",
        "--format",
        "onnx",
        "--precision",
        "fp32",
        "--out",
        tmp_path,
    )
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "toy" / "onnx-fp32"
    report = run_json("eval", folder, "--data", colours / "test", "--metric", "recall1")
    assert report["score"]["metric"] == "recall1"
    assert report["score"]["value"] > 0.8  # colours alone tell them apart
    assert [part["name"] for part in report["score"]["classes"]] == ["blue", "green", "red"]
    assert report["metric"] == "recall1"
    wrong = run_cli("eval", folder, "--data", colours / "test", "--metric", "top1")
    assert wrong.returncode == 2
    assert "--metric recall1" in wrong.stderr
