"""Which place answers for which box, against plain loops; and the losses of the dense heads."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.models import Setting
from edgekit.models.heads import detect_loss, segment, segment_loss
from edgekit.models.heads.detect_loss import ANSWERING, assign
from edgekit.tasks.distances import places
from edgekit.tasks.masks import IGNORED

SIZE = (64, 64)


def iou(one, other) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    area = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return both / (area - both) if both else 0.0


def plain_assign(scores, boxes, centres, true_boxes, true_classes):
    """The rules of `assign`, place by place and box by box."""
    places_, count = range(len(boxes)), len(true_boxes)
    overlap = [[iou(boxes[a], true_boxes[g]) for g in range(count)] for a in places_]
    aligned = [
        [scores[a][true_classes[g]] ** 0.5 * overlap[a][g] ** 6 for g in range(count)]
        for a in places_
    ]
    wanted: list[set[int]] = []
    for left, top, right, bottom in true_boxes:
        inside = {
            a for a in places_ if left < centres[a][0] < right and top < centres[a][1] < bottom
        }
        middle = ((left + right) / 2, (top + bottom) / 2)
        wanted.append(inside or {min(places_, key=lambda a: math.dist(centres[a], middle))})
    for g in range(count):
        best = sorted(wanted[g], key=lambda a: -aligned[a][g])[:ANSWERING]
        wanted[g] = set(best)
    owner = [-1] * len(boxes)
    for a in places_:
        claims = [g for g in range(count) if a in wanted[g]]
        owner[a] = max(claims, key=lambda g: overlap[a][g]) if claims else -1
    quality = [0.0] * len(boxes)
    for g in range(count):
        mine = [a for a in places_ if owner[a] == g]
        most = max((aligned[a][g] for a in mine), default=0.0)
        widest = max((overlap[a][g] for a in mine), default=0.0)
        for a in mine:
            quality[a] = aligned[a][g] / max(most, 1e-9) * widest
    return owner, quality


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_places_answer_for_boxes_as_plain_loops_say(seed: int, count: int):
    rng = np.random.default_rng(seed)
    centres, steps = places(SIZE)
    reach = rng.uniform(0.3, 3, (len(centres), 4)) * steps[:, None]
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
    scores = rng.uniform(0.01, 1, (len(centres), 3))
    starts = rng.uniform(0, 50, (count, 2))
    true_boxes = np.concatenate([starts, starts + rng.uniform(1, 40, (count, 2))], axis=1)
    true_classes = rng.integers(0, 3, count)
    owner, quality = plain_assign(scores, boxes, centres, true_boxes, true_classes)
    given_ = (scores, boxes, centres.astype(np.float64), true_boxes, true_classes)
    found = assign(*map(torch.from_numpy, given_))
    # Where nothing overlaps, any place is as good as any other: only how many is fixed.
    sure = np.array(quality) > 1e-6
    assert (found.box.numpy()[sure] == np.array(owner)[sure]).all()
    np.testing.assert_allclose(found.quality.numpy(), quality, atol=1e-5)


def test_a_box_between_all_centres_is_still_answered_for():
    centres, _ = map(torch.from_numpy, places(SIZE))
    boxes = torch.cat([centres - 8, centres + 8], dim=1)
    found = assign(
        torch.full((len(boxes), 1), 0.1),
        boxes,
        centres,
        torch.tensor([[7.0, 7.0, 9.0, 9.0]]),
        torch.tensor([0]),
    )
    assert (found.box >= 0).sum() == 1


def test_an_image_without_boxes_teaches_that_nothing_is_there():
    outputs = (torch.rand(1, 84, 4), torch.zeros(1, 84, 2, requires_grad=True))
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    found = detect_loss.losses(outputs, [none], SIZE)
    assert found["boxes"] == 0
    found["classes"].backward()
    assert (outputs[1].grad > 0).all()


def perfect(box, label: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Raw outputs whose every place says exactly `box`, and those in it its class."""
    centres, steps = map(torch.from_numpy, places(SIZE))
    corners = torch.tensor(box)
    reach = torch.cat([centres - corners[:2], corners[2:] - centres], dim=1) / steps[:, None]
    inside = (reach > 0).all(dim=1)
    logits = torch.full((len(centres), 2), -12.0)
    logits[inside, label] = 12.0
    return reach[None], logits[None]


def test_outputs_that_are_right_cost_next_to_nothing():
    box = [4.0, 8.0, 30.0, 36.0]
    target = {"boxes": torch.tensor([box]), "labels": torch.tensor([1])}
    right = detect_loss.losses(perfect(box, 1), [target], SIZE)
    other = detect_loss.losses(perfect([8.0, 8.0, 40.0, 36.0], 1), [target], SIZE)
    wrong = detect_loss.losses(perfect(box, 0), [target], SIZE)
    assert right["boxes"] < 1e-5
    assert other["boxes"] > 0.1
    assert wrong["classes"] > right["classes"] + 1


def test_places_keep_their_pixels_in_mixed_precision():
    size, true = (512, 512), torch.tensor([[401.3, 301.7, 437.9, 333.1]])
    centres, steps = map(torch.from_numpy, places(size))
    reach = torch.cat([centres - true[:, :2], true[:, 2:] - centres], dim=1) / steps[:, None]
    raw = (reach[None].bfloat16(), torch.zeros(1, len(centres), 1).bfloat16())
    target = {"boxes": true, "labels": torch.tensor([0])}
    with torch.autocast("cpu", torch.bfloat16):
        found = detect_loss.losses(raw, [target], size)
    assert found["boxes"] < 0.02


def test_masks_that_are_right_cost_next_to_nothing_and_a_lost_small_class_shows():
    masks = torch.zeros(1, 16, 16, dtype=torch.int64)
    masks[0, 0, :2] = 1
    masks[0, 5] = IGNORED
    right = 30.0 * torch.nn.functional.one_hot(masks.clamp(max=1), 2).movedim(-1, 1).float()
    lost = torch.stack([torch.full((1, 16, 16), 30.0), torch.zeros(1, 16, 16)], dim=1)
    fine, bad = segment_loss.losses(right, masks), segment_loss.losses(lost, masks)
    assert sum(fine.values()) < 1e-3
    assert bad["overlap"] > 0.45
    assert bad["pixels"] > 0.1


def test_masks_of_which_nothing_is_known_teach_nothing():
    masks = torch.full((1, 4, 4), IGNORED)
    found = segment_loss.losses(torch.randn(1, 3, 4, 4), masks)
    assert sum(found.values()) == 0


def test_losses_of_masks_are_what_their_formulas_say():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 4, 5, 6, generator=generator)
    # Class 3 is nowhere: it has no overlap to learn.
    masks = torch.randint(0, 3, (2, 5, 6), generator=generator)
    masks[0, :2] = IGNORED
    shares = logits.softmax(dim=1)
    known = [
        (n, y, x) for n, y, x in torch.ones_like(masks).nonzero().tolist() if masks[n, y, x] < 4
    ]
    rows = torch.stack([shares[n, :, y, x] for n, y, x in known])
    right = torch.tensor([int(masks[place]) for place in known])
    dice = [
        1 - 2 * rows[right == kind, kind].sum() / (rows[:, kind].sum() + (right == kind).sum())
        for kind in range(3)
    ]
    found = segment_loss.losses(logits, masks)
    own = rows[torch.arange(len(rows)), right]
    torch.testing.assert_close(found["pixels"], -own.log().mean())
    torch.testing.assert_close(found["overlap"], torch.stack(dice).mean())


@pytest.mark.parametrize("head", [segment.LRASPP, segment.DECODER])
def test_classes_of_pixels_begin_nearly_equal_however_large_the_maps_are(head):
    setting = Setting((8, 8, 8), (8, 16, 32), 3, (64, 64))
    generator = torch.Generator().manual_seed(0)
    maps = [20 * torch.randn(1, 8, side, side, generator=generator) for side in (8, 4, 2)]
    with torch.no_grad():
        shares = head.build(setting).eval()(maps)[0].softmax(dim=1)
    assert float(shares.max()) < 0.9
