"""What the one-stage head is trained by: which place answers for which box, and two losses.

Task alignment (TOOD, Feng et al. 2021, arXiv:2108.07755): the places that are best at both class
and box answer for a box, and a place's score is to say how good its box is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torchvision.ops import box_iou, generalized_box_iou_loss

from edgekit.tasks.distances import places

# How much class and box count in how well a place is aligned, and how many places answer for one
# box: the numbers of TOOD with the class's exponent of YOLOv8.
CLASS_POWER, BOX_POWER, ANSWERING = 0.5, 6.0, 10
# What the two losses count (PP-YOLOE, arXiv:2203.16250).
WEIGHTS = {"classes": 1.0, "boxes": 2.5}
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Assigned:
    """What each of A places answers for.

    Attributes:
        box: Index of the box, (A,), int64; -1 for none.
        quality: What its score is to be, (A,), from 0 to 1; 0 for none.
    """

    box: torch.Tensor
    quality: torch.Tensor


def assign(
    scores: torch.Tensor,
    boxes: torch.Tensor,
    centres: torch.Tensor,
    true_boxes: torch.Tensor,
    true_classes: torch.Tensor,
) -> Assigned:
    """Which places of one image answer for which true box.

    Those with their centre in the box may; a box so small that no centre is in it has the nearest
    one. The best aligned ones do, `ANSWERING` at most; where one is wanted by several boxes, that
    which its own box overlaps most gets it.

    Args:
        scores: Predicted, (A, C), from 0 to 1.
        boxes: Predicted, (A, 4), in pixels.
        centres: Centres of the places, (A, 2), in pixels.
        true_boxes: Shape (G, 4), in pixels.
        true_classes: Shape (G,), int64.
    """
    if not len(true_boxes):
        none = torch.full((len(boxes),), -1, device=boxes.device)
        return Assigned(none, torch.zeros(len(boxes), device=boxes.device))
    overlap = box_iou(boxes, true_boxes)
    aligned = scores[:, true_classes] ** CLASS_POWER * overlap**BOX_POWER
    may = _inside(centres, true_boxes)
    # Where no box overlaps yet, the nearest places still answer: nothing else would move them.
    ranked = torch.where(may, aligned + LEAST, 0.0)
    best = ranked.topk(min(ANSWERING, len(boxes)), dim=0)
    wanted = torch.zeros_like(may).scatter(0, best.indices, best.values > 0)
    chosen = torch.where(wanted, overlap, -1.0).argmax(dim=1)
    box = torch.where(wanted.any(dim=1), chosen, -1)
    mine = (box[:, None] == torch.arange(len(true_boxes), device=box.device)) & wanted
    own, shared = torch.where(mine, aligned, 0.0), torch.where(mine, overlap, 0.0)
    quality = own / own.amax(dim=0).clamp(min=LEAST) * shared.amax(dim=0)
    return Assigned(box, quality.sum(dim=1))


def _inside(centres: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Which centres (A, 2) lie in which boxes (G, 4), or are nearest to an empty one: (A, G)."""
    from_start = centres[:, None] - boxes[None, :, :2]
    to_end = boxes[None, :, 2:] - centres[:, None]
    inside = torch.cat([from_start, to_end], dim=-1).amin(dim=-1) > 0
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest = torch.cdist(centres, middles).argmin(dim=0)
    none = ~inside.any(dim=0)
    inside[nearest[none], torch.nonzero(none).flatten()] = True
    return inside


def losses(
    outputs: Sequence[torch.Tensor],
    targets: Sequence[Mapping[str, torch.Tensor]],
    size: tuple[int, int],
) -> dict[str, torch.Tensor]:
    """The head's two losses for a batch, each as it is to be added.

    Args:
        outputs: Raw `boxes` (N, A, 4), in strides, and `scores` (N, A, classes), logits.
        targets: For each image `boxes` (G, 4), in pixels, and `labels` (G,), int64, from 0 on.
        size: Height and width of the input, in pixels.
    """
    # Mixed precision would round a place at 400 pixels to the next multiple of two.
    distances, logits = (output.float() for output in outputs)
    centres, steps = (torch.from_numpy(array).to(distances) for array in places(size))
    reach = distances * steps[:, None]
    boxes = torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1)
    quality, kept, wanted = [], [], []
    wanted_scores = torch.zeros_like(logits)
    for index, target in enumerate(targets):
        with torch.no_grad():
            found = assign(
                logits[index].sigmoid(), boxes[index], centres, target["boxes"], target["labels"]
            )
        rows = torch.nonzero(found.box >= 0).flatten()
        answers = found.box[rows]
        wanted_scores[index, rows, target["labels"][answers]] = found.quality[rows].to(logits)
        quality.append(found.quality[rows])
        kept.append(boxes[index, rows])
        wanted.append(target["boxes"][answers])
    total = wanted_scores.sum().clamp(min=1.0)
    classes = nn.functional.binary_cross_entropy_with_logits(
        logits, wanted_scores, reduction="sum"
    )
    apart = generalized_box_iou_loss(torch.cat(kept), torch.cat(wanted), reduction="none")
    return {
        "classes": WEIGHTS["classes"] * classes / total,
        "boxes": WEIGHTS["boxes"] * (apart * torch.cat(quality)).sum() / total,
    }
