"""Which metric is whose, and how each reads its data beside an artifact's classes."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgekit import registry, storage
from edgekit.errors import DataError, EdgekitError, MissingDependency, UsageError
from edgekit.records import Calibration, Guarded
from edgekit.scoring import SCORERS, metric_of, scorer_of
from edgekit.tasks import TASKS
from edgekit.tasks.boxes import Detections
from edgekit.workflows.evaluate import EvalPlan, evaluate
from tests import task_files


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return task_files.drawn(tmp_path_factory.mktemp("drawn") / "data")


@pytest.fixture
def copied(data, tmp_path):
    return shutil.copytree(data, tmp_path / "copied")


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """A detector and a segmenter that know their classes by name."""
    root = tmp_path_factory.mktemp("nets")
    return {
        "boxes": task_files.artifact(
            root / "b" / "onnx-fp32", task_files.detector(), task_files.NAMES
        ),
        "masks": task_files.artifact(
            root / "m" / "onnx-fp32", task_files.segmenter(), task_files.GROUND
        ),
    }


def exact(scorer, artifact, exam):
    """What a network would predict that is always right."""
    if scorer.metric == "miou":
        return [np.array(exam.right.right(index)) for index in range(exam.count)]
    width, height = task_files.PHOTO[::-1]
    scale = np.tile([task_files.SIZE / width, task_files.SIZE / height], 2)
    rights = [exam.right.right(index) for index in range(exam.count)]
    return [Detections(r.corners * scale, np.ones(len(r.classes)), r.classes) for r in rights]


def test_class_scores_that_are_no_numbers_agree_with_nothing(nets):
    net = nets["boxes"]
    scorer = scorer_of(replace(net, spec=replace(net.spec, head="classify")))
    right, broken = np.array([[2.0, 1], [1, 2]]), np.full((2, 2), np.nan)
    assert scorer.agreement(net, list(right), list(right)) == 1.0
    assert scorer.agreement(net, list(broken), list(right)) == 0.0
    assert scorer.agreement(net, list(broken), list(broken)) == 0.0


def edit(root, change):
    path = root / "annotations.json"
    listed = json.loads(path.read_text())
    change(listed)
    path.write_text(json.dumps(listed))


def test_every_task_has_a_metric_and_every_metric_a_task(nets):
    for artifact in nets.values():
        spec = artifact.spec
        named = {metric_of(replace(artifact, spec=replace(spec, head=n))) for n in TASKS.names()}
        assert named | {"spearman"} == set(SCORERS.names())


def test_a_metric_that_does_not_fit_is_refused_with_what_does(nets):
    assert scorer_of(nets["boxes"]) is scorer_of(nets["boxes"], "map50") is SCORERS.get("map50")
    with pytest.raises(UsageError, match="ends in 'detect': it has no miou") as caught:
        scorer_of(nets["boxes"], "miou")
    assert "--metric map50" in caught.value.hint
    artifact = nets["boxes"]
    with pytest.raises(UsageError, match="ends in 'tensor': no metric") as caught:
        scorer_of(replace(artifact, spec=replace(artifact.spec, head="tensor")))
    assert "detect-rcnn" in caught.value.hint


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_what_is_always_right_is_worth_one(nets, data, kind):
    artifact = nets[kind]
    scorer = scorer_of(artifact)
    exam = scorer.read(artifact, data, cut=False)
    assert (exam.count, exam.notes) == (6, ())
    right = exact(scorer, artifact, exam)
    found = scorer.score(artifact, right, exam)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert [part.name for part in found.classes] == list(exam.right.names)
    assert scorer.score(artifact, right, replace(exam, right=None)) is None


def test_boxes_of_classes_in_another_order_are_taken_by_name(nets, copied):
    def swap(listed):
        for each in listed["categories"]:
            each["id"] = 9 - each["id"]
        for each in listed["annotations"]:
            each["category_id"] = 9 - each["category_id"]

    artifact = nets["boxes"]
    before = scorer_of(artifact).read(artifact, copied, cut=False)
    edit(copied, swap)
    exam = scorer_of(artifact).read(artifact, copied, cut=False)
    assert exam.right.names == task_files.NAMES
    for index in range(exam.count):
        same = before.right.right(index).classes == exam.right.right(index).classes
        assert same.all()
    assert "classes in another order than b/onnx-fp32: taken by name" in exam.notes[0]


def test_masks_of_classes_in_another_order_are_taken_by_name(nets, data, tmp_path):
    artifact = nets["masks"]
    other = task_files.drawn(tmp_path / "other", names=("ground", "green", "red"))
    exams = [scorer_of(artifact).read(artifact, root, cut=False) for root in (data, other)]
    for index in range(6):
        same = exams[0].right.right(index) == exams[1].right.right(index)
        assert same.all()
    assert not exams[0].notes
    assert "in another order" in exams[1].notes[0]


def test_a_category_without_a_box_need_not_be_known(nets, copied):
    edit(copied, lambda listed: listed["categories"].insert(0, {"id": 0, "name": "all things"}))
    artifact = nets["boxes"]
    exam = scorer_of(artifact).read(artifact, copied, cut=False)
    assert exam.right.names == task_files.NAMES
    assert {int(c) for at in range(6) for c in exam.right.right(at).classes} == {0, 1}


def test_masks_without_names_are_numbers_of_the_models_classes(nets, copied):
    (copied / "classes.txt").unlink()
    exam = scorer_of(nets["masks"]).read(nets["masks"], copied, cut=False)
    assert exam.right.names == task_files.GROUND


def test_the_part_that_is_measured_on_is_taken_of_a_divided_set(nets, data, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(data, tmp_path / part)
    exam = scorer_of(nets["boxes"]).read(nets["boxes"], tmp_path, cut=False)
    assert exam.source == str(tmp_path / "test")


def _rename(root):
    edit(root, lambda listed: listed["categories"][0].update(name="blue"))


def _no_boxes(root):
    edit(root, lambda listed: listed.update(annotations=[]))


def _wrong_ids(root):
    edit(root, lambda listed: listed["annotations"][0].update(category_id=77))


def _other_size(root):
    Image.new("L", (20, 20)).save(root / "masks" / "1.png")


def _coloured(root):
    Image.new("RGB", task_files.PHOTO[::-1]).save(root / "masks" / "1.png")


def _more_classes(root):
    (root / "classes.txt").write_text("ground\nred\ngreen\nblue")


def _values_without_name(root):
    (root / "classes.txt").write_text("ground\nred")


def _no_masks(root):
    shutil.rmtree(root / "masks")


def _broken(root):
    for path in (root / "images").iterdir():
        path.write_bytes(b"no image")


BAD = [
    ("boxes", _rename, "classes that b/onnx-fp32 doesn't know: blue", "it knows red, green"),
    ("boxes", _no_boxes, "has no box on any image", "annotations.json"),
    ("boxes", _wrong_ids, "category ids that it doesn't list: 77", "1, 2"),
    (
        "boxes",
        lambda root: (root / "annotations.json").unlink(),
        "has no annotations.json",
        "COCO",
    ),
    ("boxes", lambda root: (root / "annotations.json").write_text("{"), "can't be read", "COCO"),
    ("boxes", _broken, "has no box on any image that can be read", "annotations.json"),
    ("masks", _other_size, "is 20x20 pixels, its image 1.png is 120x96", "its own size"),
    ("masks", _coloured, "has mode RGB, not one value a pixel", "one byte a pixel"),
    ("masks", _more_classes, "doesn't know: blue", "it knows ground, red, green"),
    ("masks", _values_without_name, "classes that classes.txt doesn't name: 2", "0 to 1"),
    ("masks", _no_masks, "there is no folder", "DIR/masks"),
    ("masks", _broken, "holds no image that can be read", "photos"),
    ("masks", lambda root: (root / "masks" / "1.png").write_bytes(b"x"), "not an image", "remove"),
]


@pytest.mark.parametrize(("kind", "spoil", "words", "hint"), BAD, ids=[str(i) for i in range(13)])
def test_data_that_is_wrong_is_refused_with_the_mend(nets, copied, kind, spoil, words, hint):
    spoil(copied)
    with pytest.raises(EdgekitError) as caught:
        evaluate(EvalPlan(nets[kind].path, copied, None, 1), lambda _: None)
    assert words in str(caught.value)
    assert hint in caught.value.hint


def test_what_has_no_names_needs_as_many_classes(data, tmp_path):
    artifact = task_files.artifact(tmp_path / "net" / "onnx-fp32", task_files.segmenter())
    scorer = scorer_of(artifact)
    scorer.read(artifact, data, cut=False)
    fewer = replace(artifact, spec=replace(artifact.spec, classes=2))
    with pytest.raises(DataError, match=r"has 3 classes \(ground, red, green\); .* tells 2 apart"):
        scorer.read(fewer, data, cut=False)


def test_boxes_outside_and_without_area_are_left_out_and_said(nets, copied):
    def spoil(listed):
        first = {**listed["annotations"][0], "bbox": [5, 5, 0, 4]}
        listed["annotations"] += [first, {**first, "bbox": [500, 5, 4, 4]}]

    edit(copied, spoil)
    said: list[str] = []
    result = evaluate(EvalPlan(nets["boxes"].path, copied, None, 1), said.append)
    told = {"1 boxes left out that have no area", "1 boxes left out that are outside their image"}
    assert told == set(result.notes)
    assert told <= set(said)
    assert result.value


def test_one_image_is_enough_and_nothing_to_find_has_no_value(nets, copied):
    for path in (copied / "images").iterdir():
        if path.name != "1.png":
            path.unlink()
    result = evaluate(EvalPlan(nets["boxes"].path, copied, None, 1), lambda _: None)
    assert result.images == 1
    assert result.agreement == 1.0  # alone, it is the float model
    assert result.float32 is None
    assert "5 images left out that are missing or can't be read" in result.notes


def test_images_that_were_learnt_from_are_refused(nets, data, tmp_path):
    artifact = nets["boxes"]
    folder = shutil.copytree(artifact.path, tmp_path / "net" / "onnx-fp32")
    digest = storage.file_sha256(data / "images" / "2.png")
    storage.write_learnt(folder, [storage.mark(digest)])
    files = (*artifact.files, storage.describe(folder, storage.LEARNT, "learnt"))
    storage.write_record(replace(artifact, path=folder, files=files))
    plan = EvalPlan(folder, data, None, 1)
    with pytest.raises(
        DataError, match=r"learnt from 1 of these 6 images: images/2\.png"
    ) as caught:
        evaluate(plan, lambda _: None)
    assert "the 5 others" in caught.value.hint
    shutil.copytree(data, tmp_path / "set" / "train")
    shutil.copytree(data, tmp_path / "set" / "test")
    with pytest.raises(DataError) as caught:
        evaluate(replace(plan, data=tmp_path / "set" / "train"), lambda _: None)
    assert caught.value.hint == f"give --data {tmp_path / 'set' / 'test'}"


def test_data_that_a_guard_chose_layers_on_is_said_to_flatter(nets, data, copied, tmp_path):
    artifact = nets["boxes"]
    folder = shutil.copytree(artifact.path, tmp_path / "net" / "onnx-fp32")
    known = scorer_of(artifact).read(artifact, data, cut=False).sha256
    guard = Guarded("map50", 6, "data", "onnxruntime", 1.0, 0.8, 1.0, 1.0, met=True)
    made = replace(artifact, path=folder)
    notes = {}
    for digest in (known, ""):  # older records don't say
        storage.write_record(replace(made, guard=replace(guard, data_sha256=digest)))
        notes[digest] = evaluate(EvalPlan(folder, data, None, 1), lambda _: None).notes
    assert [note.partition(",")[0] for note in notes[known]] == [
        "the guard of --max-drop chose layers on these images"
    ]
    assert notes[""] == ()
    storage.write_record(replace(made, guard=replace(guard, data_sha256=known)))
    edit(copied, lambda listed: listed["annotations"].pop())
    assert evaluate(EvalPlan(folder, copied, None, 1), lambda _: None).notes == ()


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_images_that_were_calibrated_on_are_refused(nets, data, tmp_path, kind):
    artifact = nets[kind]
    folder = shutil.copytree(artifact.path, tmp_path / "net" / "onnx-int8")
    digest = storage.file_sha256(data / "images" / "2.png")
    seen = Calibration("photos", (("2.png", digest),), (), artifact.photos.sha256)
    storage.write_record(replace(artifact, path=folder, calibration=seen))
    with pytest.raises(DataError, match=r"calibrated on 1 of these images: images/2\.png"):
        evaluate(EvalPlan(folder, data, None, 1), lambda _: None)


@pytest.mark.parametrize(("kind", "module"), [("boxes", "faster_coco_eval"), ("masks", "scipy")])
def test_what_counts_is_missed_before_anything_runs(nets, data, monkeypatch, kind, module):
    monkeypatch.setattr(registry, "is_installed", lambda name: name != module)
    said: list[str] = []
    with pytest.raises(MissingDependency, match=f"isn't installed: {module}") as caught:
        evaluate(EvalPlan(nets[kind].path, data, None, 1), said.append)
    assert "edgekit-ml[train]" in caught.value.hint
    assert said == []
