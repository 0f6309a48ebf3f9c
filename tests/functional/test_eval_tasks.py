"""`edgekit eval` of heads that find boxes and masks, against counts made in the test."""

import json

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from edgekit import pixels, storage
from edgekit.metrics.detection import Objects
from edgekit.records import Precision
from tests import task_files
from tests.plain_scores import average_precision, mean_overlap

HEIGHT, WIDTH = task_files.PHOTO


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return task_files.drawn(tmp_path_factory.mktemp("drawn") / "data")


def outputs(path, data):
    """What a file gives for each photo, by ONNX Runtime itself."""
    artifact = storage.load(path)
    session = onnxruntime.InferenceSession(path / "model.onnx")
    for photo in sorted((data / "images").iterdir()):
        image = pixels.apply(artifact.photos, Image.open(photo))
        yield [output[0] for output in session.run(None, {"x": image[None]})]


def boxes(found):
    """Boxes in pixels of the photo, none of which overlap: a cell is none where it isn't sure."""
    distances, logits = found
    scores = 1 / (1 + np.exp(-logits))
    places = [
        ((x + 0.5) * stride, (y + 0.5) * stride, stride)
        for stride in (8, 16, 32)
        for y in range(64 // stride)
        for x in range(64 // stride)
    ]
    rows = []
    for (x, y, stride), (left, top, right, bottom), row in zip(
        places, distances * 1.0, scores, strict=True
    ):
        corners = [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride]
        for kind, sure in enumerate(row):
            if sure >= 0.05:
                rows.append(
                    [*np.array(corners) * np.tile([WIDTH / 64, HEIGHT / 64], 2), kind, sure]
                )
    table = np.array(rows).reshape(-1, 6)
    return Objects(table[:, :4], table[:, 4].astype(int), table[:, 5])


def test_boxes_are_worth_what_a_plain_count_gives(data, tmp_path, run_json):
    paths = {name: tmp_path / "net" / f"onnx-{name}" for name in ("fp32", "int8")}
    task_files.artifact(paths["fp32"], task_files.detector(), task_files.NAMES)
    task_files.artifact(
        paths["int8"], task_files.detector(0.38), task_files.NAMES, precision=Precision.INT8
    )
    report = run_json("eval", paths["int8"], "--data", data)
    listed = json.loads((data / "annotations.json").read_text())
    right = [[] for _ in listed["images"]]
    for each in listed["annotations"]:
        left, top, width, height = each["bbox"]
        right[each["image_id"] - 1].append(
            [left, top, left + width, top + height, each["category_id"] - 1]
        )
    truth = [Objects(t[:, :4], t[:, 4].astype(int)) for t in map(np.array, right)]
    expected = {
        name: average_precision([boxes(found) for found in outputs(path, data)], truth, 2)
        for name, path in paths.items()
    }
    assert (report["metric"], report["images"]) == ("map50", 6)
    assert report["score"]["value"] == pytest.approx(expected["int8"], abs=1e-4)
    assert report["float32"]["value"] == pytest.approx(expected["fp32"], abs=1e-4)
    lost = 100 * (expected["fp32"] - expected["int8"])
    assert lost > 10
    assert report["lost_points"] == pytest.approx(lost, abs=0.02)
    assert set(report["score"]["others"]) == {"map"}
    assert [each["name"] for each in report["score"]["classes"]] == ["red", "green"]
    assert report["score"]["worst"][0]["name"].endswith(".png")


def test_masks_are_worth_what_a_plain_count_gives(data, tmp_path, run_cli):
    paths = {name: tmp_path / "net" / f"onnx-{name}" for name in ("fp32", "int8")}
    task_files.artifact(paths["fp32"], task_files.segmenter(), task_files.GROUND)
    task_files.artifact(
        paths["int8"], task_files.segmenter(0.9), task_files.GROUND, precision=Precision.INT8
    )
    done = run_cli("eval", paths["int8"], "--data", data, "--metric", "miou", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    masks = [np.array(Image.open(path)) for path in sorted((data / "masks").iterdir())]
    # The centre of each of the photo's pixels, in the input.
    rows = ((np.arange(HEIGHT) + 0.5) * 64 / HEIGHT).astype(int)
    columns = ((np.arange(WIDTH) + 0.5) * 64 / WIDTH).astype(int)
    for name, key in (("int8", "score"), ("fp32", "float32")):
        found = [raw[0].argmax(axis=0)[rows][:, columns] for raw in outputs(paths[name], data)]
        expected = mean_overlap(found, masks, 3)
        assert report[key]["value"] == pytest.approx(expected, abs=1e-6)
    assert report["lost_points"] > 10
    assert {each["name"] for each in report["score"]["classes"]} == set(task_files.GROUND)
    said = run_cli("eval", paths["int8"], "--data", data)
    assert "lost most, in points: red" in said.stdout
    assert "worst images: " in said.stdout
