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


def test_the_guard_stands_in_every_record(tmp_path, calib, data, run_json, run_cli):
    formats = ("onnx", "openvino", "litert", "tensorrt")
    options = ("--calib", calib, "--data", data, "--max-drop", "60", "--out", tmp_path)
    report = run_json(*TOY, "--format", ",".join(formats), *options)
    made = [row for row in report["artifacts"] if row["precision"] == "int8"]
    assert [row["format"] for row in made] == list(formats)
    for row in made:
        guard = row["guard"]
        assert (guard["metric"], guard["images"], guard["max_drop"]) == ("agreement", 10, 60)
        assert guard["met"]
        assert 100 * (1 - guard["value"]) <= 60
    done = run_cli("inspect", tmp_path / "toy" / "onnx-int8")
    assert "points lost of 60 allowed" in done.stdout
    again = run_json(*TOY, "--format", "onnx", *options)
    assert all(row["cached"] for row in again["artifacts"])


def test_photos_are_held_out_for_the_guard_where_there_are_enough(tmp_path, run_json):
    photos = write_photos(tmp_path / "photos", 44)
    options = ("--calib", photos, "--max-drop", "60", "--format", "onnx", "--out", tmp_path)
    report = run_json(*TOY, *options)
    row = report["artifacts"][1]
    calibrated = {name for name, _ in row["calibration"]["files"]}
    assert len(calibrated) == 33
    assert row["guard"]["images"] == 11
    assert "00.png" not in calibrated  # the first of each four


def test_calibration_and_data_may_not_overlap(tmp_path, calib, data, run_cli):
    both = tmp_path / "both"
    shutil.copytree(data, both)
    shutil.copy(calib / "07.png", both / "renamed.png")
    options = ("--calib", calib, "--data", both, "--max-drop", "1", "--out", tmp_path / "out")
    refused(run_cli(*TOY, "--format", "onnx", *options), 6, "1 photos", "07.png")
    assert not (tmp_path / "out").exists()


def test_a_recipe_comes_back_and_steps_can_be_switched(tmp_path, toy, run_json, run_cli):
    first = storage.load(toy / "onnx-int8")
    record = json.loads((toy / "onnx-int8" / "artifact.json").read_text())
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(record["recipe"]))
    options = ("--format", "onnx", "--recipe", recipe)
    run_json(*TOY, *options, "--out", tmp_path / "same")
    same = storage.load(tmp_path / "same" / "toy" / "onnx-int8")
    assert same.sha256 == first.sha256
    assert same.recipe == first.recipe
    changed = {**record["recipe"], "rounding": "nearest", "correct_bias": False}
    recipe.write_text(json.dumps(changed))
    run_json(*TOY, *options, "--out", tmp_path / "plain")
    plain = storage.load(tmp_path / "plain" / "toy" / "onnx-int8")
    assert plain.sha256 != first.sha256
    assert "rounded by nearest" in run_cli("inspect", plain.path).stdout
    recipe.write_text(json.dumps({**record["recipe"], "rounding": "feedback"}))
    refused(run_cli(*TOY, *options, "--out", tmp_path / "no"), 6, "rounding", "feedback")
    given = ("--recipe", toy / "onnx-int8", "--out", tmp_path / "no")
    refused(run_cli(*TOY, *given, "--format", "openvino"), 2, "for onnx", "for openvino")
    elsewhere = ("--format", "onnx", "--target", "arm64")
    refused(run_cli(*TOY, *given, *elsewhere), 2, "host", "arm64")


@pytest.mark.parametrize(
    ("scheme", "formats"),
    [("w8-dynamic", "onnx,litert"), ("w8-weightonly", "onnx,openvino,litert,tensorrt")],
)
def test_schemes_without_calibration(tmp_path, scheme, formats, run_json):
    report = run_json(*TOY, "--format", formats, "--recipe", scheme, "--out", tmp_path)
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
