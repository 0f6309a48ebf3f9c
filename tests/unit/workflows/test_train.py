"""What a training refuses before it costs anything."""

import math
import shutil
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from edgekit.errors import DataError, UsageError
from edgekit.models import trained
from edgekit.records import ModelRequest, Origin
from edgekit.storage import file_sha256
from edgekit.workflows import train as workflow
from tests.unit.datasets.pictures import box, class_folders, coco, picture


def run(
    tmp_path, *, model="toy", method="full", data=None, measured=None, teacher=None, **changed
):
    given = {"head", "weights", "seed", "input_size"} & changed.keys()
    fields = {name: changed.pop(name) for name in given}
    request = ModelRequest(model, **{"input_size": 16, "weights": "random", **fields})
    folder = data or class_folders(tmp_path / "data", {"cat": 3, "dog": 3})
    plan = workflow.TrainPlan(
        request,
        method,
        folder,
        measured,
        tmp_path / "out",
        {"epochs": 1, "batch": 2, **changed},
        teacher,
    )
    said: list[str] = []
    return workflow.train(plan, said.append, lambda _: None), said


def test_a_fifth_is_held_out_where_nothing_else_is_given(tmp_path):
    result, said = run(tmp_path, data=class_folders(tmp_path / "d", {"cat": 10, "dog": 10}))
    assert result.images == 16
    assert result.score.images == 4
    assert "learning from 16 images, measuring on 4 others" in said


def test_the_worst_images_are_named_so_that_they_can_be_found(tmp_path):
    result, _ = run(tmp_path)
    assert result.score.worst  # one epoch is too little to be right
    assert {image.name.partition("/")[0] for image in result.score.worst} <= {"cat", "dog"}
    assert all((tmp_path / "data" / image.name).is_file() for image in result.score.worst)


def test_what_the_weights_learnt_from_before_is_not_measured_on(tmp_path):
    folder = class_folders(tmp_path / "d", {"cat": 4, "dog": 4})
    first, _ = run(tmp_path / "first", data=folder)
    file = str(tmp_path / "first" / "out" / first.file)
    run(tmp_path / "same", data=folder, weights=file)  # what was held out then is so again
    others = class_folders(tmp_path / "other", {"cat": 12, "dog": 9})
    old = {file_sha256(path) for path in folder.rglob("*.png")}
    for path in list(others.rglob("*.png")):
        if file_sha256(path) in old:
            path.unlink()
    with pytest.raises(DataError, match="learnt from 6 of the 8 images to measure on") as caught:
        run(tmp_path / "second", data=others, measured=folder, weights=file)
    assert "--val" in caught.value.hint


def test_what_a_teacher_learnt_from_is_not_measured_on(tmp_path):
    folder = class_folders(tmp_path / "d", {"cat": 4, "dog": 4})
    first, _ = run(tmp_path / "first", data=folder)
    teacher = tmp_path / "first" / "out" / first.file
    run(tmp_path / "same", data=folder, teacher=teacher)
    others = class_folders(tmp_path / "other", {"cat": 12, "dog": 9})
    old = {file_sha256(path) for path in folder.rglob("*.png")}
    for path in list(others.rglob("*.png")):
        if file_sha256(path) in old:
            path.unlink()
    with pytest.raises(DataError, match="learnt from 6 of the 8 images to measure on"):
        run(tmp_path / "second", data=others, measured=folder, teacher=teacher)
    # And what is made with a teacher has learnt from the same, at one remove.
    student, _ = run(tmp_path / "third", data=others, teacher=teacher)
    learnt = trained.learnt(str(tmp_path / "third" / "out" / student.file))
    assert set(trained.learnt(str(teacher))) < set(learnt)


def test_who_is_held_out_does_not_depend_on_the_seed(tmp_path):
    folder = class_folders(tmp_path / "d", {"cat": 10, "dog": 10})
    first, _ = run(tmp_path / "first", data=folder)
    other, _ = run(tmp_path / "other", data=folder, seed=1)
    assert first.weights.sha256 != other.weights.sha256
    assert first.weights.trained.data_sha256 == other.weights.trained.data_sha256


def test_boxes_of_one_picture_are_nothing_to_learn_from(tmp_path):
    folder = coco(tmp_path, [box(1, 1, 2, 2, 5, 5), box(2, 2, 2, 2, 5, 5)])
    with pytest.raises(DataError, match="one picture to learn from"):
        run(tmp_path, data=folder, head="detect")


@pytest.mark.parametrize("measured", ["val", "valid", "validation"])
def test_parts_of_the_folder_are_taken_as_they_are(tmp_path, measured):
    class_folders(tmp_path / "all", {"cat": 5, "dog": 4})
    for name, learnt in (("cat", 2), ("dog", 3)):
        for path in (tmp_path / "all" / name).iterdir():
            part = "train" if int(path.stem) < learnt else measured
            (tmp_path / "d" / part / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "d" / part / name)
    result, _ = run(tmp_path, data=tmp_path / "d")
    assert (result.images, result.score.images) == (5, 4)


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({"epochs": 0}, "--epochs 0", "1 or more"),
        ({"batch": 1}, "--batch 1", "2 or more"),
        ({"lr": 0.0}, "--lr 0.0 is no rate", "0.001"),
        ({"lr": math.nan}, "--lr nan is no rate", "0.001"),
        ({"method": "magic"}, "no training method named 'magic'", "probe"),
        ({"head": "embed"}, "no head that can be trained named 'embed'", "classify"),
        ({"model": "nothing-like-it"}, "no model named", "did you mean|one of"),
        ({"weights": "missing.pth"}, "there is no such file", "pretrained"),
        ({"seed": -1}, "--seed -1 is out of range", "0 to"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, asked, message, hint):
    with pytest.raises(UsageError, match=message) as caught:
        run(tmp_path, **asked)
    assert any(word in caught.value.hint for word in hint.split("|"))
    assert not (tmp_path / "out").exists()


def test_what_one_part_has_nothing_of_is_said(tmp_path):
    learnt = coco(tmp_path / "train", [box(1, 1, 2, 2, 5, 5), box(2, 2, 2, 2, 5, 5)])
    held = coco(tmp_path / "val", [box(1, 1, 1, 1, 4, 4)], images=3)
    for index in (1, 2, 3):
        picture(held / f"{index}.png", 100 + index)
    result, said = run(tmp_path, data=learnt, measured=held, head="detect", input_size=32)
    note = "nothing to measure on has anything of: dog"
    assert note in result.notes
    assert note in said


def test_a_picture_of_two_classes_is_said(tmp_path):
    folder = class_folders(tmp_path / "d", {"cat": 5, "dog": 5})
    shutil.copy(folder / "cat" / "1.png", folder / "dog" / "9.png")
    result, said = run(tmp_path, data=folder)
    note = "the same picture is of two classes: cat/1.png and dog/9.png"
    assert note in result.notes
    assert note in said
    assert sum("two classes" in each for each in said) == 1


def test_a_probe_has_no_teacher(tmp_path):
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(UsageError, match="--teacher can't be given"):
        run(tmp_path, method="probe", teacher=file)
    with pytest.raises(UsageError, match="there is no such file"):
        run(tmp_path, teacher=tmp_path / "none")


def test_one_picture_is_nothing_to_learn_from(tmp_path):
    with pytest.raises(DataError, match="only one picture of class 'cat'") as caught:
        run(tmp_path, data=class_folders(tmp_path / "d", {"cat": 1, "dog": 1}))
    assert "--val" in caught.value.hint


def test_a_name_of_two_lines_would_be_two_classes(tmp_path):
    with pytest.raises(DataError, match=r"'a\\nb': a name is one line"):
        run(tmp_path, data=class_folders(tmp_path / "d", {"a\nb": 3, "dog": 3}))


def test_two_classes_of_one_name_would_be_one(tmp_path):
    folder = coco(tmp_path, [box(1, 1, 2, 2, 5, 5), box(2, 2, 2, 2, 5, 5)], ("car", "car"), 4)
    with pytest.raises(DataError, match="'car': two have that name"):
        run(tmp_path, data=folder, head="detect")


def test_pictures_that_are_learnt_from_are_not_measured_on(tmp_path):
    data = class_folders(tmp_path / "d", {"cat": 3, "dog": 3})
    with pytest.raises(DataError, match="are learnt from too"):
        run(tmp_path, data=data, measured=data)


def test_a_checkpoint_of_another_architecture_is_said(tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(3, 3)}, file)
    with pytest.raises(DataError, match="does not fit toy"):
        run(tmp_path, weights=str(file))
    assert not (tmp_path / "out").exists()


def test_weights_that_say_what_they_are_of_are_held_to_it(tmp_path):
    origin = Origin("full", "random", None, "0" * 64)
    file = tmp_path / "model.safetensors"
    trained.write(
        file,
        {"a": torch.zeros(1)},
        trained.Trained("toy", "toy-rep", "classify", ("x", "y"), 16, origin),
    )
    with pytest.raises(UsageError, match="was trained as toy:toy-rep, not toy:toy"):
        run(tmp_path, weights=str(file))
    with pytest.raises(UsageError, match="was trained as --input-size 16, not 24"):
        trained.completed(
            ModelRequest("toy-rep", weights=str(file), input_size=24), "toy", "toy-rep"
        )
    with pytest.raises(UsageError, match="was trained as --classes 2, not 5"):
        trained.completed(ModelRequest("toy-rep", weights=str(file), classes=5), "toy", "toy-rep")
    request, known = trained.completed(
        ModelRequest("toy-rep", weights=str(file)), "toy", "toy-rep"
    )
    assert (request.classes, request.input_size) == (2, 16)
    assert known
    assert known.origin == origin


@pytest.mark.parametrize(
    ("head", "own", "other"), [("detect", "pan", "fpn"), ("segment", "none", "pan")]
)
def test_the_neck_that_a_head_has_by_itself_may_be_named(tmp_path, head, own, other):
    origin = Origin("full", "random", None, "0" * 64)
    file = tmp_path / "model.safetensors"
    known = trained.Trained("toy", "toy", head, ("x", "y"), 32, origin)
    trained.write(file, {"a": torch.zeros(1)}, known)
    asked = ModelRequest("toy", head, weights=str(file), neck=own)
    assert trained.completed(asked, "toy", "toy")[1] == known
    with pytest.raises(UsageError, match=f"was trained as --neck {own}, not {other}"):
        trained.completed(replace(asked, neck=other), "toy", "toy")


def test_a_file_of_somebody_else_says_nothing_of_itself(tmp_path):
    file = tmp_path / "theirs.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, file, metadata={"format": "pt"})
    assert trained.describe(file) is None
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(DataError, match="can't be read as a checkpoint"):
        trained.describe(file)
    safetensors.torch.save_file({"a": torch.zeros(1)}, file, metadata={"edgekit": "{}"})
    with pytest.raises(DataError, match="doesn't say what it is of"):
        trained.describe(file)


def test_rounding_is_by_the_rule_of_where_files_will_run():
    assert workflow.rounding("full", "arm64") == ("qat", "max")
    assert workflow.rounding("full", "x86-avx2") == ("qat", "pairs")
    with pytest.raises(UsageError, match="trains all weights, --method lora only some"):
        workflow.rounding("lora", "host")


def test_rounding_wants_weights_that_have_learnt(tmp_path):
    with pytest.raises(UsageError, match="these have not: random"):
        run(tmp_path, method="qat")
