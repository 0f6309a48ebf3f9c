"""int8 as a user asks for it: recipe in and out, guard, schemes, bad input."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from edgekit import storage

TOY = ("export", "toy", "--weights", "random", "--precision", "int8", "--no-verdict")


def write_photos(folder, count, seed=0):
    folder.mkdir()
    for index in range(count):
        pixels = np.random.default_rng(seed + index).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC)
        image.save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def calib(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "calib", 34)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "data", 10, seed=1000)


def refused(done, status, *words):
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def net(toy):
    """Quantizing a file needs no torch, which takes most of an export's time."""

    def command(suffix="onnx"):
        artifact = toy / {"onnx": "onnx-fp32", "tflite": "litert-fp32"}[suffix]
        file = artifact / f"model.{suffix}"
        return ("quantize", file, "--preprocess", artifact, "--name", "net", "--no-verdict")

    return command


@pytest.mark.parametrize(
    ("suffix", "formats"), [("onnx", ("onnx", "openvino", "tensorrt")), ("tflite", ("litert",))]
)
def test_the_guard_stands_in_every_record(
    tmp_path, calib, data, net, suffix, formats, run_json, run_cli
):
    options = ("--calib", calib, "--data", data, "--max-drop", "60", "--out", tmp_path)
    report = run_json(*net(suffix), "--format", ",".join(formats), *options)
    made = [row for row in report["artifacts"] if row["precision"] == "int8"]
    assert [row["format"] for row in made] == list(formats)
    for row in made:
        guard = row["guard"]
        assert (guard["metric"], guard["images"], guard["max_drop"]) == ("agreement", 10, 60)
        assert guard["met"]
        assert 100 * (1 - guard["value"]) <= 60
    done = run_cli("inspect", made[0]["path"])
    assert "points lost of 60 allowed" in done.stdout
    again = run_json(*net(suffix), "--format", formats[0], *options)
    assert all(row["cached"] for row in again["artifacts"])


def test_photos_are_held_out_for_the_guard_where_there_are_enough(tmp_path, net, run_json):
    photos = write_photos(tmp_path / "photos", 44)
    options = ("--calib", photos, "--max-drop", "60", "--out", tmp_path)
    row = run_json(*net(), *options)["artifacts"][-1]
    calibrated = {name for name, _ in row["calibration"]["files"]}
    assert len(calibrated) == 33
    assert row["guard"]["images"] == 11
    assert "00.png" not in calibrated  # the first of each four


def test_calibration_and_data_may_not_overlap(tmp_path, calib, data, net, run_cli):
    both = tmp_path / "both"
    shutil.copytree(data, both)
    shutil.copy(calib / "07.png", both / "renamed.png")
    options = ("--calib", calib, "--data", both, "--max-drop", "1", "--out", tmp_path / "out")
    refused(run_cli(*net(), *options), 6, "1 photos", "07.png")
    assert not (tmp_path / "out").exists()


def test_a_recipe_comes_back_and_steps_can_be_switched(tmp_path, net, run_json, run_cli):
    run_json(*net(), "--out", tmp_path)
    folder = tmp_path / "net" / "onnx-int8"
    first = storage.load(folder)
    record = json.loads((folder / "artifact.json").read_text())
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(record["recipe"]))
    options = (*net(), "--recipe", recipe, "--out")
    run_json(*options, tmp_path / "same")
    same = storage.load(tmp_path / "same" / "net" / "onnx-int8")
    assert same.sha256 == first.sha256
    assert same.recipe == first.recipe
    changed = {**record["recipe"], "rounding": "nearest", "correct_bias": False}
    recipe.write_text(json.dumps(changed))
    run_json(*options, tmp_path / "plain")
    plain = storage.load(tmp_path / "plain" / "net" / "onnx-int8")
    assert plain.sha256 != first.sha256
    assert "rounded by nearest" in run_cli("inspect", plain.path).stdout
    recipe.write_text(json.dumps({**record["recipe"], "rounding": "feedback"}))
    refused(run_cli(*options, tmp_path / "no"), 6, "rounding", "feedback")
    given = (*net(), "--recipe", folder, "--out", tmp_path / "no")
    refused(run_cli(*given, "--format", "openvino"), 2, "for onnx", "for openvino")
    refused(run_cli(*given, "--target", "arm64"), 2, "host", "arm64")


@pytest.mark.parametrize(
    ("scheme", "suffix", "formats"),
    [
        ("w8-dynamic", "onnx", "onnx"),
        ("w8-dynamic", "tflite", "litert"),
        ("w8-weightonly", "onnx", "onnx,openvino,tensorrt"),
        ("w8-weightonly", "tflite", "litert"),
    ],
)
def test_schemes_without_calibration(tmp_path, net, scheme, suffix, formats, run_json):
    report = run_json(*net(suffix), "--format", formats, "--recipe", scheme, "--out", tmp_path)
    for row in report["artifacts"]:
        if row["precision"] == "int8":
            assert row["recipe"]["scheme"] == scheme
            assert row["calibration"] is None
            assert row["parity"]["passed"]


def test_words_that_name_no_recipe(tmp_path, run_cli):
    out = ("--format", "onnx", "--out", tmp_path / "out")
    refused(run_cli(*TOY, *out, "--recipe", "w8-static"), 2, "w8a8-static")
    (tmp_path / "other.json").write_text('{"a": 1}')
    refused(run_cli(*TOY, *out, "--recipe", tmp_path / "other.json"), 6, "holds no recipe")
    refused(run_cli(*TOY, *out, "--keep"), 2, "--max-drop")
    dynamic = ("--format", "tensorrt", "--recipe", "w8-dynamic", "--out", tmp_path / "out")
    refused(run_cli(*TOY, *dynamic), 2, "w8-dynamic", "w8-weightonly")
