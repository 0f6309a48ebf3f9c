import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.metrics import detection
from edgekit.metrics.detection import Objects
from tests.plain_scores import average_precision

NAMES = ("cat", "dog")


def objects(rows, scores=None):
    corners = np.asarray([row[:4] for row in rows], np.float32).reshape(-1, 4)
    classes = np.asarray([row[4] for row in rows], np.int64)
    return Objects(corners, classes, None if scores is None else np.asarray(scores, np.float32))


def score(given, right):
    return detection.score(given, right, NAMES, [f"{index}.png" for index in range(len(right))])


TRUTH = objects([(0, 0, 10, 10, 0), (20, 20, 70, 70, 1), (0, 100, 150, 250, 1)])


def test_all_found_is_all_right():
    found = score([Objects(TRUTH.corners, TRUTH.classes, np.ones(3, np.float32))], [TRUTH])
    assert (found.metric, found.value) == ("map50", pytest.approx(1.0))
    assert found.others["map"] == pytest.approx(1.0)
    assert [(part.count, part.value) for part in found.classes] == [
        (1, pytest.approx(1.0)),
        (2, pytest.approx(1.0)),
    ]
    assert found.worst == ()


def test_a_mean_does_not_hide_a_class_or_a_size():
    found = score([Objects(TRUTH.corners[1:], TRUTH.classes[1:], np.ones(2, np.float32))], [TRUTH])
    assert found.value == pytest.approx(0.5)
    assert [part.value for part in found.classes] == [0.0, pytest.approx(1.0)]
    sizes = {part.name: (part.count, part.value) for part in found.sizes}
    assert sizes == {
        "small": (1, 0.0),
        "medium": (1, pytest.approx(1.0)),
        "large": (1, pytest.approx(1.0)),
    }
    assert found.worst[0].note == "1 of 3 missed, 0 wrong"
    assert found.worst[0].value == pytest.approx(0.8)


def test_nothing_found_is_zero_wherever_there_is_something():
    found = score([objects([], [])], [objects([(0, 0, 10, 10, 0)])])
    assert (found.value, found.others["map"]) == (0.0, 0.0)
    assert [part.value for part in found.classes] == [0.0, None]
    assert [part.value for part in found.sizes] == [0.0, None, None]


def test_a_loose_box_counts_at_half_overlap_alone():
    # Overlap of 0.6: right at 0.50, 0.55 and 0.60 of the ten overlaps.
    found = score([objects([(0, 0, 10, 6, 0)], [0.9])], [objects([(0, 0, 10, 10, 0)])])
    assert found.value == pytest.approx(1.0)
    assert found.others["map"] == pytest.approx(0.3)


def test_boxes_on_an_image_without_objects_cost_precision():
    right = [objects([(0, 0, 10, 10, 0)]), objects([])]
    sure = objects([(0, 0, 10, 10, 0)], [0.5])
    found = score([sure, objects([(5, 5, 9, 9, 0)], [0.9])], right)
    assert found.value == pytest.approx(0.5)
    assert {image.name: image.note for image in found.worst} == {"1.png": "0 of 0 missed, 1 wrong"}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_it_is_what_the_definition_gives(seed):
    random = np.random.default_rng(seed)

    def some(count):
        corner = random.integers(0, 30, (count, 2))
        size = random.integers(4, 20, (count, 2))
        return np.concatenate([corner, corner + size], axis=1).astype(np.float32)

    right = [
        Objects(some(n), random.integers(0, 2, n))
        for n in (random.integers(1, 5), random.integers(0, 4))
    ]
    given_boxes = []
    for each in right:
        moved = each.corners + random.integers(-3, 4, each.corners.shape)
        extra = some(2)
        corners = np.concatenate([moved, extra]).astype(np.float32)
        corners[:, 2:] = np.maximum(corners[:, 2:], corners[:, :2] + 1)
        classes = np.concatenate([each.classes, random.integers(0, 2, 2)])
        scores = random.permutation(len(corners)) / 10 + random.uniform(0, 0.01)
        given_boxes.append(Objects(corners, classes, scores.astype(np.float32)))
    found = score(given_boxes, right)
    assert found.value == pytest.approx(average_precision(given_boxes, right, 2), abs=1e-6)


@pytest.mark.parametrize(("bottom", "note"), [(4, "1 of 1 missed, 1 wrong"), (6, "")])
def test_an_image_by_itself_counts_boxes_that_overlap_by_half(bottom, note):
    found = score([objects([(0, 0, 10, bottom, 0)], [0.9])], [objects([(0, 0, 10, 10, 0)])])
    assert [image.note for image in found.worst] == ([note] if note else [])
