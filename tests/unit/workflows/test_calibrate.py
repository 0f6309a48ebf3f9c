"""Which photos are calibrated on, and which sets of them are refused."""

import shutil

import numpy as np
import pytest

from edgekit.datasets.images import Tensors
from edgekit.errors import DataError, UsageError
from edgekit.records import Preprocess
from edgekit.workflows import textsets
from edgekit.workflows.calibrate import (
    LEAST_PHOTOS,
    MAX_PHOTOS,
    calibration_set,
    check_apart,
    check_differ,
    held_out_set,
    measured_set,
)
from edgekit.workflows.int8 import Int8Plan, read_recipe
from tests.foreign_files import photos

PLAIN = Preprocess((8, 8), (8, 8), "squash", "bilinear", (0.4, 0.5, 0.6), (0.2, 0.2, 0.2))


@pytest.fixture(scope="module")
def enough(tmp_path_factory):
    return photos(tmp_path_factory.mktemp("enough") / "photos", 44)


def test_all_of_a_folder_in_order(enough):
    found = calibration_set(enough, 0)
    assert [path.name for path in found.photos.paths] == sorted(p.name for p in enough.iterdir())
    assert len(set(found.digests)) == 44


def test_too_few_are_refused_unless_they_are_allowed(tmp_path):
    few = photos(tmp_path / "few", LEAST_PHOTOS - 1)
    with pytest.raises(DataError, match=f"holds {LEAST_PHOTOS - 1} photos") as caught:
        calibration_set(few, 0)
    assert "--allow-few" in caught.value.hint
    assert len(calibration_set(few, 0, allow_few=True).digests) == LEAST_PHOTOS - 1


def test_copies_count_once(tmp_path):
    folder = photos(tmp_path / "copies", 4)
    for index in range(40):
        shutil.copyfile(folder / f"{index % 4:03}.png", folder / f"copy{index}.png")
    with pytest.raises(DataError, match="4 photos in 44 files"):
        calibration_set(folder, 0)


def test_copies_of_one_photo_are_refused_even_if_few_are_allowed(tmp_path):
    folder = photos(tmp_path / "one", 1)
    for index in range(40):
        shutil.copyfile(folder / "000.png", folder / f"copy{index}.png")
    with pytest.raises(DataError, match="all the same"):
        calibration_set(folder, 0, allow_few=True)


def test_of_too_many_a_seeded_sample_is_taken(tmp_path):
    folder = photos(tmp_path / "many", MAX_PHOTOS + 8)
    first, again, other = (calibration_set(folder, seed) for seed in (0, 0, 1))
    assert len(first.digests) == MAX_PHOTOS
    assert first == again
    assert first != other


def test_what_is_held_out_is_not_calibrated_on(enough):
    calibrated = calibration_set(enough, 0, hold_out=True)
    held = held_out_set(enough)
    assert not set(calibrated.digests) & set(held.digests)
    assert len(calibrated.digests) + len(held.digests) == 44
    check_apart(calibrated, held)


@pytest.mark.parametrize(("count", "step"), [(44, 4), (4 * MAX_PHOTOS, 4), (40_000, 79)])
def test_of_many_samples_no_more_are_held_out_than_one_calibrates_on(tmp_path, count, step):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"text {number}\n" for number in range(count)))
    held = textsets.held_out_set(file, cut=False)
    assert list(held.texts.numbers) == list(range(1, count + 1, step))
    assert len(held.texts.lines) <= MAX_PHOTOS
    assert f"one in {step}, not calibrated on" in held.texts.source
    kept = textsets.calibration_set(file, 0, allow_few=False, cut=False, hold_out=True)
    assert not set(kept.texts.lines) & set(held.texts.lines)


def test_photos_in_both_sets_are_found_by_content(enough, tmp_path):
    other = photos(tmp_path / "other", 3, seed=1)
    calibrated = calibration_set(enough, 0)
    check_apart(calibrated, measured_set(other))
    shutil.copyfile(enough / "007.png", other / "renamed.png")
    with pytest.raises(DataError, match=r"1 photos are both.*007\.png"):
        check_apart(calibrated, measured_set(other))
    plan = Int8Plan(calib=enough, max_drop=1.0, data=other)
    with pytest.raises(DataError, match="both calibrated on and measured on"):
        plan.calibration(0)


def test_what_belongs_to_the_guard_needs_one(tmp_path):
    for options in ({"keep": True}, {"data": tmp_path}):
        with pytest.raises(UsageError, match="belongs to --max-drop"):
            Int8Plan(**options)


class Pictures(Tensors):
    """Tensors without files."""

    def __init__(self, arrays):
        super().__init__(PLAIN, ())
        self._arrays = arrays

    def __len__(self):
        return len(self._arrays)

    def __getitem__(self, index):
        return Pictures(self._arrays[index]) if isinstance(index, slice) else self._arrays[index]


def picture(seed):
    return np.random.default_rng(seed).normal(size=(3, 8, 8)).astype(np.float32)


def colour(red):
    return np.full((3, 8, 8), [[[red]], [[0.5]], [[-1]]], np.float32)


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ([picture(0)] * 3, "same input"),
        ([colour(0.1)] * 3, "one colour"),
        ([colour(0.1)], "one colour"),
    ],
)
def test_photos_that_give_one_tensor_are_all_alike(arrays, word):
    with pytest.raises(DataError, match=f"all alike.*{word}"):
        check_differ(Pictures(arrays))


@pytest.mark.parametrize(
    "arrays", [[picture(0), picture(1)], [picture(0)], [colour(0), colour(1)]]
)
def test_photos_that_differ_are_taken(arrays):
    check_differ(Pictures(arrays))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scheme": "w8a8-static"}', '{"recipe": null}', "not JSON", "\x00"]
)
def test_json_that_is_no_recipe(tmp_path, text):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"recipe\.json holds no recipe") as caught:
        read_recipe(str(path))
    assert "artifact.json" in caught.value.hint


def test_a_recipe_that_nobody_knows():
    with pytest.raises(UsageError, match="w8a8-statik") as caught:
        read_recipe("w8a8-statik")
    assert "w8a8-static" in caught.value.hint


def test_the_roots_of_data_sets_are_taken(enough, tmp_path):
    by_class, masks, coco = (tmp_path / name for name in ("classes", "masks", "coco"))
    for index, path in enumerate(sorted(enough.iterdir())):
        places = (by_class / f"class{index % 2}", masks / "images", coco)
        for folder in places:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / path.name)
    shutil.copytree(masks / "images", masks / "masks")
    (masks / "classes.txt").write_text("ground")
    (coco / "annotations.json").write_text("{}")
    for root in (by_class, masks, coco):
        found = calibration_set(root, 0)
        assert len(found.digests) == 44
        assert found.photos.skipped == ()
        assert "skipped" not in found.words()
    assert all(path.parent.name == "images" for path in calibration_set(masks, 0).photos.paths)


def test_of_a_divided_set_one_part_is_learnt_from_and_the_other_measured_on(enough, tmp_path):
    shutil.copytree(enough, tmp_path / "train" / "images")
    photos(tmp_path / "test" / "images", 5, seed=9)
    for part in ("train", "test"):
        (tmp_path / part / "masks").mkdir()
    assert len(calibration_set(tmp_path, 0).digests) == 44
    assert len(measured_set(tmp_path).digests) == 5
    Int8Plan(calib=tmp_path, max_drop=1.0, data=tmp_path).calibration(0)


def test_what_is_right_decides_the_file_too(enough, tmp_path):
    root = shutil.copytree(enough, tmp_path / "data" / "cat")
    plan = Int8Plan(max_drop=1.0, data=root.parent)
    keys = [plan.guard_key, plan.guard_key]
    root.rename(root.parent / "dog")
    keys.append(plan.guard_key)
    (root.parent / "labels.json").write_text("{}")
    keys.append(plan.guard_key)
    assert keys[0] == keys[1]
    assert len({str(key) for key in keys}) == 3
