"""Path aggregation network of depthwise convolutions: top down, then bottom up again.

Liu et al. 2018, arXiv:1803.01534. Maps are added, not put side by side, and each convolution is a
depthwise one of 5x5 and a pointwise one: what phones and microcontrollers compute fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

# A depthwise kernel costs little, and a wide one sees more: as in RTMDet (arXiv:2212.07784).
KERNEL = 5


def norm_act(width: int) -> list[nn.Module]:
    """Batch norm and ReLU, both of which become part of the convolution before them."""
    return [nn.BatchNorm2d(width), nn.ReLU()]


def pointwise(inputs: int, outputs: int) -> nn.Sequential:
    """A 1x1 convolution with norm and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), *norm_act(outputs))


def separable(width: int, stride: int = 1) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each with norm and ReLU."""
    depthwise = nn.Conv2d(width, width, KERNEL, stride, KERNEL // 2, groups=width, bias=False)
    return nn.Sequential(depthwise, *norm_act(width), *pointwise(width, width))


class Pan(nn.Module):
    """The neck.

    Args:
        channels: Channels of each map, the finest first.
        width: Channels of each map that it gives.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        pairs = len(channels) - 1
        self.lateral = nn.ModuleList(pointwise(inputs, width) for inputs in channels)
        self.down = nn.ModuleList(separable(width) for _ in range(pairs))
        self.shrink = nn.ModuleList(separable(width, 2) for _ in range(pairs))
        self.up = nn.ModuleList(separable(width) for _ in range(pairs))

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """As many maps of the same sizes."""
        found = [lateral(one) for lateral, one in zip(self.lateral, maps, strict=True)]
        for index in range(len(found) - 2, -1, -1):
            above = nn.functional.interpolate(found[index + 1], scale_factor=2.0, mode="nearest")
            found[index] = self.down[index](found[index] + above)
        for index in range(1, len(found)):
            below = self.shrink[index - 1](found[index - 1])
            found[index] = self.up[index - 1](found[index] + below)
        return found


@dataclass(frozen=True)
class PanNeck:
    """For heads on all three maps, on the edge."""

    width: int = 96

    def build(self, channels: tuple[int, ...]) -> nn.Module:
        """The neck for maps of `channels`."""
        return Pan(channels, self.width)


NECK = PanNeck()
