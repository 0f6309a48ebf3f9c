import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.metrics import segmentation

NAMES = ("ground", "cat", "dog")


def score(given, right):
    files = [f"{index}.png" for index in range(len(given))]
    pairs = [(np.asarray(g), np.asarray(r, np.uint8)) for g, r in zip(given, right, strict=True)]
    return segmentation.score(pairs, NAMES, files)


def test_overlap_of_each_class_and_their_mean():
    found = score([[[0, 1], [1, 1]]], [[[0, 0], [1, 1]]])
    assert [part.value for part in found.classes] == [1 / 2, 2 / 3, None]
    assert [part.count for part in found.classes] == [2, 2, 0]
    assert found.value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found.others["pixel_accuracy"] == 0.75


def test_ignored_pixels_count_for_nothing():
    found = score([[[2, 1]]], [[[255, 1]]])
    assert found.value == 1.0
    assert found.classes[2].value is None


def test_small_objects_are_not_hidden_by_large_ones():
    right = np.zeros((200, 200), np.uint8)
    right[:100, :120] = 1  # large: 12,000 pixels
    right[150:160, 150:160] = 1  # small: 100 pixels
    right[150:190, 10:50] = 2  # medium: 1,600 pixels
    given = right.copy()
    given[150:160, 150:160] = 0
    found = score([given], [right])
    sizes = {part.name: (part.count, part.value) for part in found.sizes}
    assert sizes == {
        "small, recall": (1, 0.0),
        "medium, recall": (1, 1.0),
        "large, recall": (1, 1.0),
    }
    assert found.classes[1].value > 0.99


def test_the_worst_image_names_its_least_class():
    right = [[[0, 1]], [[0, 2]]]
    found = score([[[0, 1]], [[0, 0]]], right)
    assert [image.name for image in found.worst] == ["1.png"]
    assert found.worst[0].note == "least: dog, 0.00"


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_it_is_what_sets_of_pixels_give(seed, images):
    random = np.random.default_rng(seed)
    given_maps, right = random.integers(0, 3, (2, images, 5, 4))
    found = score(list(given_maps), list(right))
    values = []
    for index, part in enumerate(found.classes):
        mine = {tuple(place) for place in np.argwhere(given_maps == index)}
        theirs = {tuple(place) for place in np.argwhere(right == index)}
        expected = len(mine & theirs) / len(mine | theirs) if mine | theirs else None
        assert part.value == (None if expected is None else pytest.approx(expected))
        values += [expected] if expected is not None else []
    assert found.value == pytest.approx(np.mean(values))
