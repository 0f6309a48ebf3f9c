import json

import numpy as np
import pytest

from edgekit.datasets import READERS
from edgekit.errors import DataError
from tests.unit.datasets.pictures import box, coco, picture


def read(root):
    return READERS.get("boxes").read(root)


GOOD = box(1, 2, 1, 2, 5, 6)


def test_boxes_become_corners_and_classes(tmp_path):
    found = read(coco(tmp_path, [GOOD, box(2, 1, 0, 0, 12, 10)]))
    assert found.names == ("cat", "dog")
    first, second = (found[index][1] for index in range(2))
    np.testing.assert_array_equal(first.corners, [[1, 2, 6, 8]])
    assert first.classes.tolist() == [1]
    np.testing.assert_array_equal(second.corners, [[0, 0, 12, 10]])
    assert found.notes == ()


def test_an_image_without_an_object_is_learnt_from_too(tmp_path):
    found = read(coco(tmp_path, [GOOD, box(1, 1, 0, 0, 2, 2)]))
    assert found[1][1].corners.shape == (0, 4)


@pytest.mark.parametrize(
    ("bad", "note"),
    [
        (box(1, 1, 3, 3, 0, 4), "1 boxes left out that have no area"),
        (box(1, 1, 3, 3, -2, 4), "1 boxes left out that have no area"),
        (box(1, 1, 20, 3, 4, 4), "1 boxes left out that are outside their image"),
        (box(1, 1, -9, 0, 4, 4), "1 boxes left out that are outside their image"),
        (box(1, 1, 3, 3, 4, 4, iscrowd=1), "1 crowds left out"),
    ],
)
def test_what_is_no_object_is_left_out_and_said(tmp_path, bad, note):
    found = read(coco(tmp_path, [GOOD, box(2, 1, 0, 0, 2, 2), bad]))
    assert len(found[0][1].classes) == 1
    assert found.notes == (note,)


def test_a_box_is_cut_at_the_edge_and_that_is_said(tmp_path):
    found = read(coco(tmp_path, [box(1, 1, -2, 4, 20, 20), GOOD]))
    np.testing.assert_array_equal(found[0][1].corners[0], [0, 4, 12, 10])
    assert found.notes == ("1 boxes cut at the edge of their image",)


def test_a_wrong_category_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(DataError, match="category ids that it doesn't list: 7") as caught:
        read(coco(tmp_path, [GOOD, box(1, 7, 0, 0, 2, 2)]))
    assert "1, 2" in caught.value.hint


def test_a_box_of_no_image_is_refused(tmp_path):
    with pytest.raises(DataError, match="image ids that it doesn't list: 9"):
        read(coco(tmp_path, [GOOD, box(9, 1, 0, 0, 2, 2)]))


def test_an_id_that_stands_for_two_is_refused(tmp_path):
    path = coco(tmp_path, [GOOD]) / "annotations.json"
    content = json.loads(path.read_text())
    content["categories"][1]["id"] = 1
    content["annotations"][0]["category_id"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="category ids that stand for two: 1"):
        read(tmp_path)


def test_images_of_another_size_than_the_file_says_are_refused(tmp_path):
    coco(tmp_path, [GOOD])
    picture(tmp_path / "1.png", size=(24, 20))
    with pytest.raises(DataError, match="is 24x20 pixels, but its boxes are for 12x10"):
        read(tmp_path)


def test_unreadable_and_missing_images_are_left_out_and_said(tmp_path):
    coco(tmp_path, [GOOD, box(2, 1, 0, 0, 2, 2), box(3, 1, 0, 0, 2, 2)], images=4)
    (tmp_path / "3.png").write_bytes(b"")
    (tmp_path / "4.png").unlink()
    found = read(tmp_path)
    assert len(found) == 2
    assert found.notes == ("2 images left out that are missing or can't be read",)


def test_a_name_that_no_file_can_have_is_a_missing_image(tmp_path):
    coco(tmp_path, [GOOD, box(2, 1, 0, 0, 2, 2)])
    text = (tmp_path / "annotations.json").read_text().replace("2.png", "2\\u0000.png")
    (tmp_path / "annotations.json").write_text(text)
    found = read(tmp_path)
    assert len(found) == 1
    assert found.notes[0] == "1 images left out that are missing or can't be read"


def test_a_class_without_a_box_is_said(tmp_path):
    found = read(coco(tmp_path, [GOOD]))
    assert found.notes == ("1 classes without a box: cat",)


def test_nothing_to_learn_is_refused(tmp_path):
    with pytest.raises(DataError, match="no box on any image"):
        read(coco(tmp_path, []))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"images": 3}', '{"images": [], "categories": []}']
)
def test_what_is_no_coco_file_is_refused(tmp_path, text):
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(DataError, match="can't be read as COCO's boxes"):
        read(tmp_path)


def test_a_path_that_leads_outside_is_refused(tmp_path):
    inside = tmp_path / "set"
    inside.mkdir()
    path = coco(inside, [GOOD]) / "annotations.json"
    picture(tmp_path / "secret.png")
    path.write_text(path.read_text().replace("1.png", "../secret.png"))
    with pytest.raises(DataError, match="outside of it"):
        read(inside)


def test_no_file_is_said(tmp_path):
    with pytest.raises(DataError, match=r"has no annotations\.json"):
        read(tmp_path)
