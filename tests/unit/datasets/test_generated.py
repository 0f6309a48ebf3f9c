import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.datasets import GENERATORS, READERS, shapes
from edgekit.errors import UsageError

pictures = st.tuples(st.integers(0, 999), st.integers(0, 99), st.sampled_from([32, 64, 100]))


@settings(deadline=None, max_examples=40)
@given(pictures)
def test_boxes_are_exactly_what_is_seen_of_each_shape(which):
    scene = shapes.draw(*which)
    size = which[2]
    assert scene.picture.shape == (size, size, 3)
    seen = np.zeros((size, size), bool)
    for (left, top, right, bottom), kind in zip(
        scene.boxes.corners.astype(int), scene.boxes.classes, strict=True
    ):
        inside = scene.mask[top:bottom, left:right] == kind + 1
        # Each side of a box touches a pixel of its class, and all of them lie in boxes.
        for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert side.any()
        seen[top:bottom, left:right] |= inside
    assert (seen == (scene.mask > 0)).all()


@settings(deadline=None, max_examples=20)
@given(pictures)
def test_a_picture_follows_from_seed_and_index_alone(which):
    one, other = shapes.draw(*which), shapes.draw(*which)
    assert (one.picture == other.picture).all()
    assert (one.mask == other.mask).all()


def test_pictures_are_varied():
    scenes = [shapes.draw(0, index, 96) for index in range(60)]
    counts = {len(scene.boxes.classes) for scene in scenes}
    assert counts >= {1, 2, 3, 4, 5}
    assert {int(kind) for scene in scenes for kind in scene.boxes.classes} == {0, 1, 2}
    sides = np.concatenate(
        [scene.boxes.corners[:, 2] - scene.boxes.corners[:, 0] for scene in scenes]
    )
    assert sides.min() < 12
    assert sides.max() > 36
    # Some overlap: boxes of one picture that share pixels.
    assert any(_overlapping(scene.boxes.corners) for scene in scenes)
    noise = [
        float(np.diff(scene.picture[scene.mask == 0].astype(float), axis=0).std())
        for scene in scenes
    ]
    assert max(noise) > 3 * min(noise)


def _overlapping(corners):
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    both = (high > low).all(axis=2)
    return int(both.sum()) > len(corners)


def test_shapes_are_written_as_boxes_and_as_masks(tmp_path):
    GENERATORS.get("shapes").write(tmp_path, count=8, size=48, seed=3)
    boxes = READERS.get("boxes").read(tmp_path / "train")
    masks = READERS.get("masks").read(tmp_path / "train")
    assert len(boxes) == len(masks) == 6
    assert len(READERS.get("boxes").read(tmp_path / "test")) == 2
    assert boxes.names == ("circle", "square", "triangle")
    assert masks.names == ("ground", "circle", "square", "triangle")
    assert boxes.notes == ()
    scene = shapes.draw(3, 1, 48)
    place = next(i for i, item in enumerate(boxes.items) if item.path.name == "000001.png")
    picture, found = boxes[place]
    np.testing.assert_array_equal(picture, scene.picture)
    np.testing.assert_array_equal(found.corners, scene.boxes.corners)
    np.testing.assert_array_equal(masks[place][1], scene.mask)


def test_digits_are_written_as_class_folders_with_a_third_held_out(tmp_path):
    GENERATORS.get("digits").write(tmp_path, count=90, size=32, seed=0)
    learnt, held = (READERS.get("classes").read(tmp_path / part) for part in ("train", "test"))
    assert learnt.names == held.names == tuple(map(str, range(10)))
    assert len(learnt) + len(held) == pytest.approx(90, abs=5)
    assert len(held) == pytest.approx(30, abs=3)
    assert not set(learnt.file_digests()) & set(held.file_digests())
    picture = learnt[0][0]
    assert picture.shape == (32, 32, 3)
    assert picture[0].max() == 0  # a margin
    assert picture.max() > 150


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("digits", 5, 32),
        ("digits", 5000, 32),
        ("digits", 90, 4),
        ("shapes", 1, 64),
        ("shapes", 8, 4),
    ],
)
def test_sets_that_cannot_be_are_refused(tmp_path, name, count, size):
    with pytest.raises(UsageError, match=r".") as caught:
        GENERATORS.get(name).write(tmp_path, count=count, size=size, seed=0)
    assert "--count" in caught.value.hint or "--size" in caught.value.hint
