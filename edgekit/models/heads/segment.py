"""Segmentation: a score a class for each pixel of the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torchvision.models.segmentation.lraspp import LRASPPHead

from edgekit.models import NECKS, NO_NECK, Setting
from edgekit.models.heads.dense import Dense
from edgekit.models.heads.segment_loss import losses
from edgekit.models.necks.pan import pointwise, separable

LRASPP_WIDTH = 128
# Spread of the weights of a new layer of scores.
_SMALL = 0.01


def even(layer: nn.Conv2d) -> nn.Conv2d:
    """`layer`, so that all classes begin as nearly equal, whatever the maps are."""
    nn.init.normal_(layer.weight, std=_SMALL)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def to_pixels(scores: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Scores of a coarser map (N, C, h, w) for each pixel: (N, C, H, W)."""
    return nn.functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)


class Lraspp(nn.Module):
    """torchvision's LR-ASPP (Howard et al. 2019, arXiv:1905.02244), on strides 8 and 32.

    Args:
        setting: What it is built for.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.size = setting.size
        low, *_, high = setting.channels
        self.scores = LRASPPHead(low, high, setting.classes, LRASPP_WIDTH)
        even(self.scores.low_classifier)
        even(self.scores.high_classifier)

    def forward(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """`logits` (N, classes, H, W)."""
        return (to_pixels(self.scores({"low": maps[0], "high": maps[-1]}), self.size),)


class Decoder(nn.Module):
    """The maps of a pyramid, brought to the finest one's size and added, then classified.

    Panoptic FPN's decoder (Kirillov et al. 2019, arXiv:1901.02446), of depthwise convolutions and
    with one step a map.

    Args:
        setting: What it is built for.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.size = setting.size
        width = setting.channels[0]
        self.each = nn.ModuleList(pointwise(width, width) for _ in setting.channels)
        self.both = separable(width)
        self.scores = even(nn.Conv2d(width, setting.classes, 1))

    def forward(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """`logits` (N, classes, H, W)."""
        total = self.each[0](maps[0])
        for index in range(1, len(maps)):
            ratio = 2.0**index
            one = self.each[index](maps[index])
            total = total + nn.functional.interpolate(one, scale_factor=ratio, mode="nearest")
        return (to_pixels(self.scores(self.both(total)), self.size),)


@dataclass(frozen=True)
class Segment:
    """A segmentation head, and the indices of the maps that it does without."""

    build: type[Lraspp | Decoder]
    necks: tuple[str, ...]
    unread: tuple[int, ...] = ()
    outputs: tuple[str, ...] = ("logits",)
    embed: bool = False

    def attach(self, module: Any, setting: Setting | None = None) -> nn.Module:
        """`module` with the head on its maps."""
        if setting is None:
            raise ValueError("a segmentation head stands on maps")
        if isinstance(module.neck, nn.Identity):
            for index in self.unread:
                module.features.leave(index)
        return Dense(module, self.build(setting))

    def losses(
        self, module: Any, images: torch.Tensor, targets: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Those of `edgekit.models.heads.segment_loss` for `images` (N, 3, H, W)."""
        return losses(module(images)[0], targets)


LRASPP = Segment(Lraspp, (NO_NECK, *NECKS.names()), unread=(1,))
DECODER = Segment(Decoder, tuple(NECKS.names()))
