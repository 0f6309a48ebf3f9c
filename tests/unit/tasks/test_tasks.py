"""What raw outputs mean, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.closeness import closeness
from edgekit.models import HEADS
from edgekit.tasks import TASKS
from edgekit.tasks.distances import places

SIZE = (64, 96)


def raw(seed: int, classes: int = 3, images: int = 2) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    count = len(places(SIZE)[0])
    distances = rng.uniform(0, 3, (images, count, 4)).astype(np.float32)
    return [distances, rng.normal(-3, 2, (images, count, classes)).astype(np.float32)]


def plain_boxes(distances: np.ndarray) -> list[list[float]]:
    """Row by row, map by map, as the head lays its outputs out."""
    found, index = [], 0
    height, width = SIZE
    for stride in (8, 16, 32):
        for row in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                left, top, right, bottom = (float(d) * stride for d in distances[index])
                box = [x - left, y - top, x + right, y + bottom]
                limits = [width, height, width, height]
                found.append([min(max(v, 0.0), m) for v, m in zip(box, limits, strict=True)])
                index += 1
    return found


def plain_detections(distances, logits):
    """Greedy suppression, one candidate after the other."""
    corners = plain_boxes(distances)
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    every = [(scores[a, c], a, c) for a in range(len(corners)) for c in range(scores.shape[1])]
    thin = [min(b[2] - b[0], b[3] - b[1]) < 0.01 for b in corners]
    every = sorted((e for e in every if e[0] >= 0.05 and not thin[e[1]]), key=lambda e: -e[0])[
        :400
    ]
    kept: list[tuple[float, int, int]] = []
    for score, place, kind in every:
        if all(k != kind or iou(corners[place], corners[p]) <= 0.5 for _, p, k in kept):
            kept.append((score, place, kind))
    return [(corners[place], score, kind) for score, place, kind in kept[:100]]


def iou(one, other) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    area = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return both / (area - both) if both else 0.0


def test_every_head_has_a_task():
    assert set(HEADS.names()) <= set(TASKS.names())


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_detections_are_those_of_plain_loops(seed):
    outputs = raw(seed)
    for index, one in enumerate(TASKS.get("detect").decode(outputs, SIZE)):
        expected = plain_detections(outputs[0][index], outputs[1][index])
        assert one.classes.tolist() == [kind for _, _, kind in expected]
        np.testing.assert_allclose(one.scores, [score for _, score, _ in expected], rtol=1e-5)
        np.testing.assert_allclose(one.boxes, [box for box, _, _ in expected], atol=1e-4)


@pytest.mark.parametrize(("left", "count"), [(-1, 0), (1, 1)])
def test_a_distance_below_zero_reaches_nowhere_and_a_line_is_no_box(left: float, count: int):
    distances, logits = raw(0, images=1)
    logits[:] = -9
    logits[0, 0, 0] = 9
    distances[0, 0] = [left, 0.5, -3, 0.5]
    (one,) = TASKS.get("detect").decode([distances, logits], SIZE)
    np.testing.assert_array_equal(one.boxes, [[0, 0, 4, 8]][:count] or np.zeros((0, 4)))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_masks_agree_by_the_mean_overlap_of_classes(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.integers(0, 4, (2, 3, 5, 6))
    shares = []
    for kind in range(4):
        both = ((ours == kind) & (theirs == kind)).sum()
        either = ((ours == kind) | (theirs == kind)).sum()
        shares += [both / either] if either else []
    found = TASKS.get("segment").agreement(list(ours), list(theirs))
    assert found == pytest.approx(np.mean(shares))


def test_a_small_class_that_is_lost_shows_in_the_agreement_of_masks():
    theirs = np.zeros((1, 100, 100), np.int64)
    theirs[0, :2, :2] = 1
    assert TASKS.get("segment").agreement(list(theirs * 0), list(theirs)) < 0.5001


def test_vectors_agree_by_their_angle_whatever_their_length():
    task = TASKS.get("embed")
    ours, theirs = np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]])
    agreement = task.agreement(task.decode([ours], SIZE), task.decode([theirs], SIZE))
    assert agreement == pytest.approx(math.sqrt(0.5))


def candidates(seed: int, count: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    starts = 40.0 * np.stack(np.divmod(np.arange(count), 6), axis=1)[None, :, None]
    sizes = rng.uniform(20, 35, (1, count, 3, 2))
    corners = np.concatenate([starts + 0 * sizes, starts + sizes], axis=-1).astype(np.float32)
    return [corners, rng.uniform(0, 1, (1, count, 3)).astype(np.float32)]


def test_proposals_in_another_order_are_equal_and_places_are_not():
    references = candidates(0)
    order = np.random.default_rng(1).permutation(30)
    outputs = [array[:, order] for array in references]
    found = closeness(outputs, references, "detect-rcnn", (240, 240))
    assert (found.sqnr_db, found.agreement) == (None, 1.0)
    places_ = closeness(outputs, references, "detect-ssd", (240, 240))
    assert places_.sqnr_db is not None
    assert places_.sqnr_db < 10


def test_proposals_that_only_fill_up_are_not_compared():
    references, outputs = candidates(0), candidates(0)
    for index, each in enumerate((references, outputs)):
        each[1][:, 20:] = 0
        each[0][:, 20:] += 7 * index
    assert closeness(outputs, references, "detect-rcnn", (999, 999)).sqnr_db is None


def test_rows_that_have_no_partner_count_in_the_agreement_alone():
    references = candidates(0)
    outputs = [array.copy() for array in references]
    outputs[0][0, :10] += 500
    outputs[0] = outputs[0][:, ::-1]
    outputs[1] = outputs[1][:, ::-1]
    found = closeness(outputs, references, "detect-rcnn", (999, 999))
    assert found.sqnr_db is None
    assert 0.5 < found.agreement < 0.8


def finished(rows: int, shift: float = 0.0) -> list[np.ndarray]:
    starts = np.arange(rows, dtype=np.float32)[:, None] * 20 + shift
    corners = np.concatenate([starts, starts, starts + 10, starts + 10], axis=1)[None]
    return [corners, np.linspace(0.9, 0.1, rows)[None], np.zeros((1, rows), np.int64)]


def test_finished_boxes_are_compared_whatever_their_order():
    references = finished(5)
    outputs = [array[:, ::-1].copy() for array in references]
    found = closeness(outputs, references, "detections", (99, 99))
    assert (found.sqnr_db, found.agreement) == (None, 1.0)


def test_boxes_none_of_which_is_where_it_should_be_are_noise():
    found = closeness(finished(5, shift=7), finished(5), "detections", (99, 99))
    assert (found.sqnr_db, found.agreement) == (0.0, 0.0)


def test_rows_of_score_0_are_none():
    outputs = finished(3)
    outputs[1][0, 2] = 0
    (one,) = TASKS.get("detections").decode(outputs, (99, 99))
    assert len(one) == 2


def test_the_worst_of_several_outputs_counts():
    references = [np.full((1, 4, 4), 100.0), np.full((1, 4, 2), 1.0)]
    outputs = [references[0], references[1] + 0.1]
    assert closeness(outputs, references).sqnr_db == pytest.approx(20.0)
