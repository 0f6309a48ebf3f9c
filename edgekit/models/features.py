"""Maps at strides 8, 16 and 32 from any backbone, whatever strides it has itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from edgekit.models import Maps

STRIDES = (8, 16, 32)


class Pyramid(nn.Module):
    """A backbone, and what makes the maps that it doesn't have from the nearest one.

    A plain ViT has one map, at the stride of its patches; the others are made of its last one by
    one strided or transposed convolution each, as in ViTDet's simple feature pyramid (Li et al.
    2022, arXiv:2203.16527).

    Args:
        maps: The backbone.

    Attributes:
        backbone: The backbone's own module.
        channels: Channels of the maps at `STRIDES`.
    """

    def __init__(self, maps: Maps) -> None:
        super().__init__()
        self.backbone: nn.Module = maps.module
        self._sources = [_source(maps.strides, stride) for stride in STRIDES]
        self.channels = tuple(maps.channels[source] for source in self._sources)
        self.resize = nn.ModuleList(
            _resize(maps.channels[source], maps.strides[source], stride)
            for source, stride in zip(self._sources, STRIDES, strict=True)
        )

    def leave(self, index: int) -> None:
        """Don't bring the map at `index` to its stride: nobody reads it."""
        self.resize[index] = nn.Identity()

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The maps for `image` (N, 3, H, W), the finest first."""
        maps = self.backbone(image)
        return [
            resize(maps[source]) for source, resize in zip(self._sources, self.resize, strict=True)
        ]


def _source(strides: Sequence[int], wanted: int) -> int:
    """Which map the one at `wanted` is made of: the coarsest that isn't coarser, else the finest.

    Of several of one stride it is the last, which has seen most.
    """
    finer = [stride for stride in strides if stride <= wanted]
    best = max(finer) if finer else min(strides)
    return max(index for index, stride in enumerate(strides) if stride == best)


def _resize(channels: int, stride: int, wanted: int) -> nn.Module:
    layers: list[nn.Module] = []
    while stride < wanted:
        layers += _shrink(channels)
        stride *= 2
    while stride > wanted:
        layers += _grow(channels)
        stride //= 2
    return nn.Sequential(*layers) if layers else nn.Identity()


def _shrink(channels: int) -> list[nn.Module]:
    depthwise = nn.Conv2d(channels, channels, 3, 2, 1, groups=channels, bias=False)
    return [depthwise, nn.BatchNorm2d(channels), nn.ReLU()]


def _grow(channels: int) -> list[nn.Module]:
    wider = nn.ConvTranspose2d(channels, channels, 2, 2, groups=channels, bias=False)
    return [wider, nn.BatchNorm2d(channels), nn.ReLU()]


def chosen(strides: Sequence[int]) -> list[int]:
    """Indices of the maps worth computing, of a backbone's own: those that `Pyramid` reads."""
    return sorted({_source(strides, wanted) for wanted in STRIDES})


def pick(maps: Sequence[Any], indices: Sequence[int]) -> tuple[Any, ...]:
    """Those of `maps` that `indices` name."""
    return tuple(maps[index] for index in indices)
