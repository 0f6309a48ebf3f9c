import pytest

from edgekit.datasets import READERS
from edgekit.errors import DataError
from tests.unit.datasets.pictures import class_folders, picture


def read(root):
    return READERS.get("classes").read(root)


def test_each_folder_is_a_class_in_the_order_of_their_names(tmp_path):
    found = read(class_folders(tmp_path, {"dog": 2, "cat": 1}))
    assert found.names == ("cat", "dog")
    assert [item.right for item in found.items] == [0, 1, 1]
    assert found[0][0].shape == (10, 12, 3)


def test_numbers_are_in_the_order_of_numbers(tmp_path):
    found = read(class_folders(tmp_path, {"10": 1, "9": 1, "2": 1}))
    assert found.names == ("2", "9", "10")


def test_a_grey_picture_has_three_channels_all_the_same(tmp_path):
    from PIL import Image

    class_folders(tmp_path, {"a": 1, "b": 1})
    Image.new("L", (4, 4), 7).save(tmp_path / "a" / "grey.png")
    found = read(tmp_path)
    shapes = {item.path.name: found[place][0].shape for place, item in enumerate(found.items)}
    assert shapes["grey.png"] == (4, 4, 3)


def test_an_empty_class_is_named(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "bird").mkdir()
    with pytest.raises(DataError, match="without an image.*bird") as caught:
        read(tmp_path)
    assert "remove them" in caught.value.hint


def test_a_class_of_broken_images_alone_is_empty(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "1.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match="bird"):
        read(tmp_path)


def test_a_broken_image_is_passed_over_and_said(tmp_path):
    class_folders(tmp_path, {"cat": 2, "dog": 1})
    (tmp_path / "cat" / "broken.png").write_bytes(b"\x89PNG")
    found = read(tmp_path)
    assert len(found) == 3
    assert found.notes == ("skipped 1 files that are no image: cat/broken.png",)


def test_one_class_is_nothing_to_tell_apart(tmp_path):
    with pytest.raises(DataError, match="one class only, 'cat'"):
        read(class_folders(tmp_path, {"cat": 3}))


def test_images_beside_the_class_folders_are_refused(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    picture(tmp_path / "loose.png")
    with pytest.raises(DataError, match="no class folder: loose.png"):
        read(tmp_path)


def test_no_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        read(tmp_path / "nothing")
