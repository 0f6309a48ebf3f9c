"""One-stage detection without anchors: classes and distances in branches of their own.

At each cell of each map one box may begin: its distances to left, top, right and bottom in
strides, as in FCOS (Tian et al. 2019, arXiv:1904.01355), and a score a class that says how good
that box is too, so that no third branch is needed (TOOD, Feng et al. 2021, arXiv:2108.07755).
Convolutions are depthwise separable. What the outputs mean is `edgekit.tasks.distances`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from edgekit.models import NECKS, Setting
from edgekit.models.heads.dense import Dense
from edgekit.models.heads.detect_loss import losses
from edgekit.models.necks.pan import separable

DEPTH = 2
# What each class is sure of at first, so that the many empty places don't drown the others
# (focal loss, Lin et al. 2017, arXiv:1708.02002), and how far a box reaches at first, in strides.
PRIOR, REACH = 0.01, 2.0


class Branch(nn.Module):
    """Convolutions and a last one, for one map.

    Args:
        width: Channels of the map.
        values: Values that it gives at each cell.
        start: What each gives before training.
    """

    def __init__(self, width: int, values: int, start: float) -> None:
        super().__init__()
        self.steps = nn.Sequential(*(separable(width) for _ in range(DEPTH)))
        self.last = nn.Conv2d(width, values, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.constant_(self.last.bias, start)

    def forward(self, one: torch.Tensor) -> torch.Tensor:
        """Values at each cell: (N, values, h, w)."""
        found: torch.Tensor = self.last(self.steps(one))
        return found


class Detector(nn.Module):
    """The head on all maps.

    Args:
        setting: What it is built for.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        sure = -math.log((1 - PRIOR) / PRIOR)
        self.boxes = nn.ModuleList(Branch(width, 4, REACH) for width in setting.channels)
        self.scores = nn.ModuleList(
            Branch(width, setting.classes, sure) for width in setting.channels
        )

    def forward(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """`boxes` (N, A, 4), in strides, none below zero, and `scores` (N, A, classes), logits."""
        boxes = [torch.relu(head(one)) for head, one in zip(self.boxes, maps, strict=True)]
        scores = [head(one) for head, one in zip(self.scores, maps, strict=True)]
        return _rows(boxes), _rows(scores)


def _rows(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """One row a cell, the first map's first, row by row: (N, A, values)."""
    return torch.cat([one.permute(0, 2, 3, 1).flatten(1, 2) for one in maps], dim=1)


@dataclass(frozen=True)
class Detect:
    """The one-stage head."""

    outputs: tuple[str, ...] = ("boxes", "scores")
    embed: bool = False
    necks: tuple[str, ...] = ("pan", *(name for name in NECKS.names() if name != "pan"))

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:
        """`module` with the head on its maps."""
        if setting is None:
            raise ValueError("the one-stage head stands on maps")
        return Dense(module, Detector(setting))

    def losses(
        self, module: Any, images: torch.Tensor, targets: Sequence[Mapping[str, torch.Tensor]]
    ) -> dict[str, torch.Tensor]:
        """Those of `edgekit.models.heads.detect_loss` for `images` (N, 3, H, W)."""
        return losses(module(images), targets, tuple(images.shape[2:]))


DETECT = Detect()
