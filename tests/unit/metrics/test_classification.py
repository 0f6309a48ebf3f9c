import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.metrics import classification


def score(outputs, right):
    outputs = np.asarray(outputs, np.float32)
    names = [f"class{index}" for index in range(outputs.shape[1])]
    files = [f"{index}.png" for index in range(len(right))]
    return classification.score(outputs, np.asarray(right, np.int64), names, files)


def test_top1_of_all_and_of_each_class():
    found = score([[2, 1, 0], [2, 1, 0], [0, 1, 2], [0, 3, 2]], [0, 1, 2, 1])
    assert found.value == 0.75
    assert [(part.name, part.count, part.value) for part in found.classes] == [
        ("class0", 1, 1.0),
        ("class1", 2, 0.5),
        ("class2", 1, 1.0),
    ]
    assert found.others["top5"] == 1.0
    assert found.others["mean_class_top1"] == pytest.approx(2.5 / 3)


def test_a_class_without_an_image_counts_for_nothing():
    found = score([[2, 1, 0], [2, 1, 0]], [0, 0])
    assert found.classes[1].value is None
    assert found.others["mean_class_top1"] == 1.0


def test_the_worst_images_come_first_and_say_what_they_were_taken_for():
    found = score([[5, 0], [0, 9], [0, 2], [1, 0]], [0, 0, 0, 0])
    assert [image.name for image in found.worst] == ["1.png", "2.png"]  # the others are right
    assert found.worst[0].note == "class0 taken for class1"
    assert found.worst[1].value == pytest.approx(1 / (1 + np.exp(2)))


@pytest.mark.parametrize("row", [[np.nan] * 3, [0, np.nan, 1], [np.inf, 0, 1], [-np.inf] * 3])
@pytest.mark.parametrize("truth", range(3))
def test_outputs_that_are_no_numbers_are_wrong_and_named(row, truth):
    outputs = [[0, 0, 5], row, [0, 4, 0]]
    found = score(outputs, [2, truth, 0])
    assert found.value == pytest.approx(1 / 3)
    assert found.others["top5"] == pytest.approx(2 / 3)
    assert [image.name for image in found.worst] == ["1.png", "2.png"]
    assert found.worst[0].value == 0.0
    assert found.worst[0].note == f"class{truth}: its outputs are no numbers"
    right = [frozenset({each}) for each in (2, truth, 0)]
    shares = [classification.share_right(np.array(outputs), right, top) for top in (1, 3)]
    assert shares == pytest.approx([1 / 3, 2 / 3])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 9))
def test_it_is_what_counting_one_by_one_gives(seed, images, classes):
    random = np.random.default_rng(seed)
    outputs = random.normal(size=(images, classes)).astype(np.float32)
    right = random.integers(0, classes, images)
    hits = [int(np.argmax(row)) == truth for row, truth in zip(outputs, right, strict=True)]
    among = [
        truth in sorted(range(classes), key=lambda c: -row[c])[:5]
        for row, truth in zip(outputs.tolist(), right, strict=True)
    ]
    found = score(outputs, right)
    assert found.value == pytest.approx(np.mean(hits))
    assert found.others["top5"] == pytest.approx(np.mean(among))
    assert sum(part.count for part in found.classes) == found.images == images
