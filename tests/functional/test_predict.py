"""`edgekit predict` as a user types it: a made detector on drawn photos."""

import pytest
from PIL import Image

from tests import task_files


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return task_files.drawn(tmp_path_factory.mktemp("drawn") / "data")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net") / "onnx-fp32"
    task_files.artifact(folder, task_files.detector(), task_files.NAMES)
    return folder


def test_what_is_found_is_told_and_drawn(data, detector, tmp_path, run_json):
    photos = sorted((data / "images").iterdir())
    report = run_json("predict", detector, data / "images", "--out", tmp_path / "seen")
    assert [each["file"] for each in report["photos"]] == [str(photo) for photo in photos]
    things = [thing for each in report["photos"] for thing in each["things"]]
    assert {thing["name"] for thing in things} <= set(task_files.NAMES)
    assert things
    height, width = task_files.PHOTO
    for thing in things:
        left, top, right, bottom = thing["box"]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for photo in photos:
        with Image.open(tmp_path / "seen" / photo.name) as drawn:
            assert min(drawn.size) >= 320  # enlarged, so that names can be read


def test_what_is_no_photo_is_told_before_anything_runs(detector, tmp_path, run_cli):
    done = run_cli("predict", detector, tmp_path / "nothing.jpg")
    assert done.returncode == 6
    assert "there is no photo" in done.stderr
    assert "Traceback" not in done.stderr
