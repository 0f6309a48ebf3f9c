"""Decode and suppression of duplicates inside the file: what `edgekit.tasks` does behind it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edgekit.models.heads import anchors
from edgekit.models.heads.rcnn import staying
from edgekit.tasks.boxes import CANDIDATES, LEAST_EDGE, LEAST_SCORE, MOST, MOST_OVERLAP
from edgekit.tasks.distances import places

OUTPUTS = ("boxes", "scores", "classes")


class Finished(nn.Module):
    """A detector that gives finished boxes.

    Args:
        detector: What gives `boxes` and `scores`.
        size: Height and width of the input, in pixels.
        in_strides: Whether its boxes are distances in strides, and its scores logits.
    """

    centres: torch.Tensor
    steps: torch.Tensor

    def __init__(self, detector: nn.Module, size: tuple[int, int], *, in_strides: bool) -> None:
        super().__init__()
        self.detector = detector
        self.size = size
        self.in_strides = in_strides
        centres, steps = (torch.from_numpy(array) for array in places(size))
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("steps", steps[:, None], persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """`boxes` (N, M, 4), `scores` (N, M), `classes` (N, M); rows of score 0 are fillings."""
        boxes, scores = self.detector(image)
        if self.in_strides:
            boxes, scores = self.decoded(boxes), scores.sigmoid()
        boxes = anchors.clip(boxes, self.size)
        _, rows, kinds = scores.shape
        per_class = boxes if boxes.ndim == 4 else boxes[:, :, None].expand(-1, -1, kinds, -1)  # noqa: PLR2004 -- a box a class
        scores = scores * (scores >= LEAST_SCORE) * anchors.are_boxes(per_class, LEAST_EDGE)
        best, index = scores.reshape(-1, rows * kinds).topk(min(CANDIDATES, rows * kinds), dim=1)
        picked = _rows(per_class.reshape(-1, rows * kinds, 4), index)
        classes = index % kinds
        stays = staying(picked, best, classes.to(best.dtype), MOST_OVERLAP)
        score, order = (best * stays).topk(min(MOST, best.shape[1]), dim=1)
        there = (score > 0).to(score.dtype)
        return _rows(picked, order) * there[..., None], score, classes.gather(1, order)

    def decoded(self, distances: torch.Tensor) -> torch.Tensor:
        """Boxes in pixels from distances in strides (N, A, 4)."""
        reach = distances.clamp(min=0) * self.steps
        return torch.cat([self.centres - reach[..., :2], self.centres + reach[..., 2:]], dim=-1)


def _rows(boxes: torch.Tensor, index: Any) -> torch.Tensor:
    """Rows of `boxes` (N, M, 4) by `index` (N, K)."""
    return boxes.gather(1, index[..., None].expand(-1, -1, 4))
