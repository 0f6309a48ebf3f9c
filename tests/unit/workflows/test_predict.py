"""What an artifact says of photos, in their own pixels, by real workers on made files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgekit import storage
from edgekit.cli import pictures
from edgekit.errors import DataError, UsageError
from edgekit.records import Artifact
from edgekit.reports import predict as report
from edgekit.wire import TensorSpec
from edgekit.workflows.predict import PredictPlan, Seen, find, predict
from tests import bench_results, gate_files

SIZE = gate_files.SIZE
PLACES = 6  # 2 x 2 at stride 8, one each at 16 and 32
NAMES = ("cat", "dog", "cup")


def artifact(folder: Path, head: str, **outputs: np.ndarray) -> Artifact:
    """A file that says the same of every photo."""
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
        for name, value in outputs.items()
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, SIZE, SIZE))
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
        for name, value in outputs.items()
    ]
    graph = helper.make_graph(nodes, "constant", [image], results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    given = TensorSpec("x", (1, 3, SIZE, SIZE), "float32", "NCHW")
    spec = replace(
        bench_results.artifact().spec, inputs=(given,), head=head, classes=len(NAMES), batch=1
    )
    squashed = replace(
        bench_results.artifact().photos, size=(SIZE, SIZE), resize=(SIZE, SIZE), mode="squash"
    )
    return gate_files.artifact(
        folder, model, golden=False, inputs=(given,), spec=spec, preprocess=squashed
    )


@pytest.fixture
def photo(tmp_path) -> Path:
    """Twice as wide as the input, four times as high."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (2 * SIZE, 4 * SIZE), "black").save(path)
    return path


@pytest.fixture
def detector(tmp_path) -> Artifact:
    """One box from (2, 2) to (6, 10) of the input, of the second class; another, unsure one."""
    boxes, scores = np.zeros((1, PLACES, 4), np.float32), np.full((1, PLACES, 3), -20, np.float32)
    boxes[0, 0] = np.array([2, 2, 2, 6]) / 8  # the centre of the first cell is (4, 4)
    boxes[0, 3] = np.array([2, 2, 2, 2]) / 8
    scores[0, 0, 1], scores[0, 3, 2] = 3, -2
    return artifact(tmp_path / "detector", "detect", boxes=boxes, scores=scores)


def said(*given: Path, model: Artifact, **options) -> tuple[Seen, ...]:
    return predict(PredictPlan(model.path, find(given), **options), lambda _: None)[1]


def test_boxes_are_in_pixels_of_the_photo(detector, photo):
    (seen,) = said(photo, model=detector)
    (thing,) = seen.prediction.things
    assert (thing.name, thing.box) == ("1", (4, 8, 12, 40))
    assert thing.score == pytest.approx(1 / (1 + np.exp(-3)))


def test_a_box_beside_the_photo_is_none(detector, tmp_path):
    bordered = replace(detector, preprocess=replace(detector.photos, mode="border"))
    storage.write_record(bordered)
    narrow = tmp_path / "narrow.png"
    # It fills a quarter of the input's width: the box ends where it begins.
    Image.new("RGB", (SIZE, 4 * SIZE)).save(narrow)
    (seen,) = said(narrow, model=bordered)
    assert seen.prediction.things == ()


def test_less_sure_boxes_are_shown_where_asked(detector, photo):
    (seen,) = said(photo, model=detector, least_score=0.1)
    assert [thing.name for thing in seen.prediction.things] == ["1", "2"]


def test_a_mask_is_in_pixels_of_the_photo(tmp_path, photo):
    logits = np.zeros((1, 3, SIZE, SIZE), np.float32)
    logits[0, 2, : SIZE // 4] = 1
    (seen,) = said(photo, model=artifact(tmp_path / "net", "segment", logits=logits))
    assert seen.mask.shape == (4 * SIZE, 2 * SIZE)
    assert np.all(seen.mask[:SIZE] == 2)
    assert not seen.mask[SIZE:].any()
    assert [(thing.name, thing.score) for thing in seen.prediction.things] == [
        ("0", 0.75),
        ("2", 0.25),
    ]


@pytest.mark.parametrize("ends_in_softmax", [False, True])
def test_scores_of_classes_sum_up_to_one(tmp_path, photo, ends_in_softmax):
    shares = np.array([[0.2, 0.7, 0.1]], np.float32)
    given = shares if ends_in_softmax else np.log(shares) + 5
    (seen,) = said(photo, model=artifact(tmp_path / "net", "classify", logits=given))
    things = seen.prediction.things
    assert [thing.name for thing in things] == ["1", "0", "2"]
    assert [thing.score for thing in things] == pytest.approx([0.7, 0.2, 0.1], abs=1e-6)


def test_vectors_name_nothing(tmp_path, photo):
    net = artifact(tmp_path / "net", "embed", vector=np.ones((1, 4), np.float32))
    with pytest.raises(UsageError, match="names nothing in a photo"):
        said(photo, model=net)


def test_a_folder_gives_its_photos_once_and_what_is_no_image(detector, photo):
    (photo.parent / "notes.txt").write_text("no image")
    found = find([photo.parent / "photo.png", photo.parent])
    assert found.paths == (photo,)
    assert "notes.txt" in found.skipped


def test_a_photo_that_is_none_is_said_before_anything_runs(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no")
    with pytest.raises(DataError, match=r"broken\.png is not an image"):
        find([broken])


def test_a_photo_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match=r"there is no photo .*gone\.png") as caught:
        find([tmp_path / "gone.png"])
    assert "remove" not in caught.value.hint


def test_pictures_are_drawn_where_they_were_asked_for(detector, photo, tmp_path):
    targets = pictures.targets([photo], tmp_path / "out")
    pictures.write(targets, said(photo, model=detector))
    with Image.open(tmp_path / "out" / "photo.png") as drawn:
        zoom = drawn.width // (2 * SIZE)
        assert drawn.getpixel((12 * zoom, 30 * zoom)) != (0, 0, 0)  # the box's right edge
        assert drawn.getpixel((20 * zoom, 60 * zoom)) == (0, 0, 0)


def test_no_photo_is_drawn_over(photo):
    with pytest.raises(UsageError, match="would overwrite the photo"):
        pictures.targets([photo], photo.parent)


def test_two_photos_never_become_one_picture(tmp_path):
    with pytest.raises(UsageError, match="would both be drawn to"):
        pictures.targets([Path("a/x.jpg"), Path("b/x.jpg")], tmp_path)


def test_the_table_says_when_nothing_was_found(detector, photo):
    plan = PredictPlan(detector.path, find([photo]), least_score=0.99)
    found, _ = predict(plan, lambda _: None)
    assert "nothing" in report.render(found)
    assert json.loads(json.dumps(report.as_json(found)))["photos"] == [
        {"file": str(photo), "things": []}
    ]
