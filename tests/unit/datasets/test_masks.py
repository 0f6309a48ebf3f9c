import numpy as np
import pytest
from PIL import Image

from edgekit.datasets import READERS
from edgekit.errors import DataError
from tests.unit.datasets.pictures import mask, picture


def read(root):
    return READERS.get("masks").read(root)


def pair(root, name, values):
    values = np.asarray(values, np.uint8)
    picture(root / "images" / f"{name}.jpg", size=values.shape[::-1])
    mask(root / "masks" / f"{name}.png", values)


def test_pairs_are_found_by_name_and_classes_by_value(tmp_path):
    pair(tmp_path, "a", [[0, 1], [2, 255]])
    pair(tmp_path, "b", [[0, 0]])
    found = read(tmp_path)
    assert found.names == ("0", "1", "2")
    np.testing.assert_array_equal(found[0][1], [[0, 1], [2, 255]])
    assert found[0][0].shape == (2, 2, 3)
    assert found.notes == ()


def test_pairs_are_found_in_folders_of_the_same_name(tmp_path):
    pair(tmp_path, "one/a", [[0, 1]])
    pair(tmp_path, "two/a", [[1, 0]])
    found = read(tmp_path)
    for index, right in enumerate(([[0, 1]], [[1, 0]])):
        np.testing.assert_array_equal(found[index][1], right)


def test_classes_can_have_names(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    (tmp_path / "classes.txt").write_text("ground\nroad\nsky\n")
    found = read(tmp_path)
    assert found.names == ("ground", "road", "sky")
    assert found.notes == ("classes without a pixel: sky",)


def test_a_mask_of_another_size_is_refused(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    mask(tmp_path / "masks" / "a.png", [[0, 1, 2]])
    with pytest.raises(DataError, match=r"is 3x1 pixels, its image a\.jpg is 2x1"):
        read(tmp_path)


def test_a_coloured_mask_is_refused(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    Image.new("RGB", (2, 1)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match="mode RGB, not one value a pixel"):
        read(tmp_path)


def test_an_unreadable_mask_is_named(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    (tmp_path / "masks" / "a.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"masks/a\.png"):
        read(tmp_path)


def test_a_class_that_has_no_name_is_refused(tmp_path):
    pair(tmp_path, "a", [[0, 5]])
    (tmp_path / "classes.txt").write_text("ground\nroad\n")
    with pytest.raises(DataError, match=r"classes\.txt doesn't name: 5"):
        read(tmp_path)


def test_a_line_without_a_name_would_shift_those_below(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    (tmp_path / "classes.txt").write_text("ground\n\nroad\n")
    with pytest.raises(DataError, match=r"classes\.txt names no class in line 2"):
        read(tmp_path)


@pytest.mark.parametrize("values", [[[0, 255]], [[255, 255]], [[0, 0]]])
def test_one_class_is_nothing_to_tell_apart(tmp_path, values):
    pair(tmp_path, "a", values)
    with pytest.raises(DataError, match="one class only, '0'") as caught:
        read(tmp_path)
    assert "255 for what doesn't count" in caught.value.hint


def test_images_without_a_mask_are_left_out_and_said(tmp_path):
    pair(tmp_path, "a", [[0, 1]])
    picture(tmp_path / "images" / "b.jpg")
    found = read(tmp_path)
    assert len(found) == 1
    assert found.notes == ("1 images left out that have no mask",)


def test_no_pair_at_all_is_refused(tmp_path):
    picture(tmp_path / "images" / "b.jpg")
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match="no mask of any image's name"):
        read(tmp_path)


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no folder .*images"):
        read(tmp_path)
