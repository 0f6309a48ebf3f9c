"""Boxes: overlap, suppression and matching, against torchvision and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms, box_iou

from edgekit.tasks import boxes
from edgekit.tasks.boxes import Detections


@st.composite
def scenes(draw):
    """Boxes on a grid of whole pixels, distinct scores, a few classes."""
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    starts = rng.integers(0, 40, (count, 2))
    corners = np.concatenate([starts, starts + rng.integers(0, 24, (count, 2))], axis=1)
    scores = rng.permutation(count).astype(np.float32) / count
    return corners.astype(np.float32), scores, rng.integers(0, 3, count)


def found(corners, classes, scores=None) -> Detections:
    given = np.ones(len(classes), np.float32) if scores is None else scores
    return Detections(np.asarray(corners, np.float32).reshape(-1, 4), given, np.asarray(classes))


@given(scenes(), st.sampled_from([0.3, 0.5, 0.7]))
@settings(deadline=None)
def test_the_boxes_that_stay_are_torchvisions(scene, bound):
    corners, scores, classes = scene
    expected = batched_nms(*map(torch.from_numpy, (corners, scores, classes)), bound)
    assert boxes.suppressed(corners, scores, classes, bound).tolist() == expected.tolist()


@given(scenes())
@settings(deadline=None)
def test_overlaps_are_torchvisions(scene):
    corners, _, _ = scene
    expected = box_iou(*[torch.from_numpy(corners)] * 2).nan_to_num().numpy()
    np.testing.assert_allclose(boxes.overlaps(corners, corners), expected, atol=1e-6)


def test_of_boxes_with_a_score_a_class_the_surest_come_out_first():
    corners = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 30, 40, 40]], np.float32)
    scores = np.array([[0.9, 0.2], [0.8, 0.3], [0.04, 0.06]], np.float32)
    kept = boxes.surest(corners, scores)
    # The second box goes for class 0 and stays for class 1; 0.04 is too little.
    assert kept.classes.tolist() == [0, 1, 1]
    np.testing.assert_allclose(kept.scores, [0.9, 0.3, 0.06])
    np.testing.assert_array_equal(kept.boxes, corners[[0, 1, 2]])


def test_each_class_may_have_a_box_of_its_own():
    corners = np.array([[[0, 0, 10, 10], [50, 50, 60, 60]]], np.float32)
    kept = boxes.surest(corners, np.array([[0.5, 0.6]], np.float32))
    np.testing.assert_array_equal(kept.boxes, corners[0, [1, 0]])


def test_no_more_boxes_come_out_than_allowed():
    starts = np.arange(500, dtype=np.float32)[:, None] * 20
    corners = np.concatenate([starts, starts, starts + 10, starts + 10], axis=1)
    scores = np.linspace(0.1, 0.9, 500, dtype=np.float32)[:, None]
    kept = boxes.surest(corners, scores)
    assert len(kept) == boxes.MOST
    assert kept.scores[0] == scores.max()


def test_partners_are_of_one_class_and_used_once():
    ours = found([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], [1, 1, 0])
    theirs = found([[0, 0, 10, 10], [50, 50, 60, 60]], [1, 2])
    assert boxes.partners(ours, theirs) == [(0, 0)]


@pytest.mark.parametrize(
    ("ours", "theirs", "share"),
    [
        (found([], []), found([], []), 1.0),
        (found([], []), found([[0, 0, 9, 9]], [0]), 0.0),
        (found([[0, 0, 9, 9]], [0]), found([], []), 0.0),
        (found([[0, 0, 9, 9]], [0]), found([[0, 0, 9, 9], [20, 20, 30, 30]], [0, 0]), 2 / 3),
    ],
)
def test_harmony_counts_what_is_missing_and_what_is_too_much(ours, theirs, share):
    assert boxes.harmony([ours], [theirs]) == pytest.approx(share)
    assert boxes.harmony([ours, found([], [])], [theirs, found([], [])]) == pytest.approx(
        (share + 1) / 2
    )
