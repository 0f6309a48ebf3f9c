"""Feature pyramid network, top down: torchvision's (Lin et al. 2017, arXiv:1612.03144)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork


class Fpn(nn.Module):
    """torchvision's pyramid, from a list of maps to a list.

    Args:
        channels: Channels of each map, the finest first.
        width: Channels of each map that it gives.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork(list(channels), width, norm_layer=nn.BatchNorm2d)

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """As many maps of the same sizes."""
        named = OrderedDict((str(index), one) for index, one in enumerate(maps))
        return list(self.fpn(named).values())


@dataclass(frozen=True)
class FpnNeck:
    """Full 3x3 convolutions: for heads that look at single places of the maps."""

    width: int = 128

    def build(self, channels: tuple[int, ...]) -> nn.Module:
        """The neck for maps of `channels`."""
        return Fpn(channels, self.width)


NECK = FpnNeck()
