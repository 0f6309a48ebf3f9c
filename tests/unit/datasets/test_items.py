import shutil
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.datasets import READERS
from edgekit.datasets.items import check_apart, gaps, split
from edgekit.errors import DataError
from tests.unit.datasets.pictures import box, class_folders, coco


def read(root):
    return READERS.get("classes").read(root)


def classes(dataset):
    return Counter(item.right for item in dataset.items)


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    counts=st.lists(st.integers(2, 6), min_size=2, max_size=4),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_each_class_is_in_both_parts_and_nothing_is_lost(tmp_path_factory, counts, share, seed):
    root = class_folders(tmp_path_factory.mktemp("set"), {str(n): c for n, c in enumerate(counts)})
    dataset = read(root)
    learnt, held = split(dataset, share, seed)
    assert {*learnt.items, *held.items} == {*dataset.items}
    assert len(learnt) + len(held) == len(dataset)
    assert classes(learnt).keys() == classes(held).keys() == set(range(len(counts)))
    assert split(dataset, share, seed) == (learnt, held)


def test_the_share_is_held_out_of_each_class(tmp_path):
    _, held = split(read(class_folders(tmp_path, {"a": 10, "b": 5})), 0.4, 0)
    assert classes(held) == {0: 4, 1: 2}


def test_copies_of_a_picture_stay_on_one_side(tmp_path):
    class_folders(tmp_path, {"a": 6, "b": 6})
    for index in range(6):
        shutil.copy(tmp_path / "a" / f"{index}.png", tmp_path / "a" / f"copy{index}.png")
    for seed in range(5):
        learnt, held = split(read(tmp_path), 0.5, seed)
        assert not set(learnt.file_digests()) & set(held.file_digests())


def test_a_class_of_one_picture_cannot_be_held_out(tmp_path):
    with pytest.raises(DataError, match="only one picture of class 'b'") as caught:
        split(read(class_folders(tmp_path, {"a": 3, "b": 1})), 0.2, 0)
    assert "--val" in caught.value.hint


def test_one_picture_of_boxes_cannot_be_divided(tmp_path):
    dataset = READERS.get("boxes").read(coco(tmp_path, [box(1, 1, 0, 0, 4, 4)], images=1))
    with pytest.raises(DataError, match="only one picture"):
        split(dataset, 0.2, 0)


def test_measuring_on_what_was_learnt_is_refused(tmp_path):
    learnt = read(class_folders(tmp_path / "a", {"x": 2, "y": 2}))
    class_folders(tmp_path / "b", {"x": 1, "y": 1})
    shutil.copy(tmp_path / "a" / "y" / "1.png", tmp_path / "b" / "x" / "same.png")
    with pytest.raises(DataError, match=r"learnt from too.*same\.png"):
        check_apart(learnt, read(tmp_path / "b").take([1, 2]))


def test_what_only_one_part_has_anything_of_is_named(tmp_path):
    read_boxes = READERS.get("boxes").read
    boxes = [box(1, 1, 2, 2, 5, 5), box(2, 2, 2, 2, 5, 5), box(3, 2, 2, 2, 5, 5)]
    dataset = read_boxes(coco(tmp_path / "a", boxes, images=4))
    assert gaps(dataset.take([0, 1]), dataset.take([0, 2])) == ()
    assert gaps(dataset.take([0, 1]), dataset.take([2])) == (
        "nothing to measure on has anything of: cat",
    )
    assert gaps(dataset.take([1]), dataset.take([0, 2])) == (
        "nothing to learn from has anything of: cat",
    )
    assert "nothing says how good this is" in gaps(dataset.take([0]), dataset.take([3]))[0]
    folders = read(class_folders(tmp_path / "b", {"x": 2, "y": 2}))
    assert gaps(*split(folders, 0.5, 0)) == ()


def test_other_classes_are_refused(tmp_path):
    learnt = read(class_folders(tmp_path / "a", {"x": 1, "y": 1}))
    measured = read(class_folders(tmp_path / "b", {"x": 1, "z": 1}))
    with pytest.raises(DataError, match="other classes"):
        check_apart(learnt, measured)


def test_the_digest_follows_content_and_truth_and_not_the_place(tmp_path):
    one = read(class_folders(tmp_path / "a", {"x": 2, "y": 1}))
    other = read(class_folders(tmp_path / "b", {"x": 2, "y": 1}))
    assert one.sha256 == other.sha256
    shutil.move(tmp_path / "b" / "x" / "0.png", tmp_path / "b" / "y" / "9.png")
    assert read(tmp_path / "b").sha256 != one.sha256


def test_pictures_of_two_classes_have_two_names(tmp_path):
    dataset = read(class_folders(tmp_path, {"cat": 1, "dog": 1}))
    assert dataset.files == ("cat/0.png", "dog/0.png")
    assert replace(dataset, source="drawn").files == ("0.png", "0.png")
