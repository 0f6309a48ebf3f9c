"""Folders of photos: what is read, what is skipped by name, what is refused."""

import numpy as np
import pytest
from PIL import Image

from edgekit.datasets import images, labels, packaged
from edgekit.errors import DataError
from edgekit.records import Preprocess

PREPROCESS = Preprocess((16, 16), (16, 16), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)


def photo(path, colour=(200, 30, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 24), colour).save(path)
    return path


def test_broken_files_among_good_ones_are_named_and_skipped(tmp_path):
    photo(tmp_path / "a.png")
    whole = photo(tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("not a photo")
    found = images.folder(tmp_path)
    assert [path.name for path in found.paths] == ["a.png"]
    assert set(found.skipped) == {"b.png", "notes.txt"}


def test_a_folder_without_any_photo_is_refused_by_name(tmp_path):
    (tmp_path / "notes.txt").write_text("not a photo")
    with pytest.raises(DataError, match="notes.txt"):
        images.folder(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="empty"):
        images.folder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        images.folder(tmp_path / "nowhere")


def test_a_picture_that_would_fill_the_memory_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    photo(tmp_path / "huge.png")
    with pytest.raises(DataError, match="huge.png"):
        images.folder(tmp_path)


def test_tensors_are_a_sequence(tmp_path):
    paths = [photo(tmp_path / f"{index}.png", (index, 0, 0)) for index in range(3)]
    tensors = images.Tensors(PREPROCESS, paths)
    assert len(tensors[1:]) == 2
    assert np.array_equal(tensors[1:][0], tensors[1])
    assert tensors.stack().shape == (3, 3, 16, 16)


def test_photos_of_the_golden_sample_are_never_calibrated_on():
    golden = set(packaged.golden().paths)
    calibration = set(packaged.calibration().paths)
    assert golden
    assert calibration
    assert not golden & calibration


def test_class_folders_by_index_and_by_name(tmp_path):
    photo(tmp_path / "index" / "7" / "a.png")
    photo(tmp_path / "name" / "owl" / "a.png")
    names = labels.Classes(2, ("cat", "owl"))
    assert labels.read(tmp_path / "index", labels.Classes(8)).right == (frozenset({7}),)
    assert labels.read(tmp_path / "name", names).right == (frozenset({1}),)


def test_class_folders_that_are_no_class_are_named(tmp_path):
    photo(tmp_path / "owl" / "a.png")
    photo(tmp_path / "yeti" / "a.png")
    with pytest.raises(DataError, match="yeti"):
        labels.read(tmp_path, labels.Classes(3, ("cat", "owl", "dog")))


def test_class_folders_are_counted_only_if_there_is_one_for_each_class(tmp_path):
    photo(tmp_path / "cat" / "a.png")
    photo(tmp_path / "dog" / "a.png")
    found = labels.read(tmp_path, labels.Classes(2))
    assert (found.right, found.notes) == ((frozenset({0}), frozenset({1})), ())
    guessed = labels.read(tmp_path, labels.Classes(2, ("Katze", "Hund")))
    assert guessed.right == found.right
    assert "by the name 'cat': folders count as sorted" in guessed.notes[0]
    with pytest.raises(DataError, match="no class of the model: dog"):
        labels.read(tmp_path, labels.Classes(2, ("cat", "Hund")))
    with pytest.raises(DataError, match="2 class folders, 10 classes"):
        labels.read(tmp_path, labels.Classes(10))


def test_a_number_that_is_a_name_is_no_index(tmp_path):
    for name in ("1", "2"):
        photo(tmp_path / name / "a.png")
    found = labels.read(tmp_path, labels.Classes(3, ("1", "2", "3")))
    assert found.right == (frozenset({0}), frozenset({1}))


def test_labels_of_classes_that_the_model_lacks_are_refused(tmp_path):
    photo(tmp_path / "11" / "a.png")
    with pytest.raises(DataError, match="11"):
        labels.read(tmp_path, labels.Classes(10))


def test_labelled_images_that_are_not_there_are_named(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "labels.json").write_text('{"a.png": [3], "gone.png": [4]}')
    assert labels.read(tmp_path, labels.Classes(10)).photos.skipped == ("gone.png",)


def test_a_labels_file_chooses_its_images(tmp_path):
    photo(tmp_path / "deep" / "a.png")
    photo(tmp_path / "unnamed.png")
    (tmp_path / "labels.json").write_text('{"a.png": [3, 4]}')
    found = labels.read(tmp_path, labels.Classes(10))
    assert [path.name for path in found.photos.paths] == ["a.png"]
    assert found.right == (frozenset({3, 4}),)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"a.png": "12"}',
        '{"a.png": [1.7]}',
        '{"a.png": [true]}',
        '{"a.png": [-1]}',
        '{"a.png": [1e400]}',
        '{"b.png": [1]}',
    ],
)
def test_a_labels_file_that_fits_nothing_is_refused(tmp_path, text):
    photo(tmp_path / "a.png")
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(DataError, match="labels"):
        labels.read(tmp_path, labels.Classes(10))


def test_a_flat_folder_has_no_labels(tmp_path):
    photo(tmp_path / "a.png")
    assert labels.read(tmp_path, labels.Classes(10)).right == (frozenset(),)
