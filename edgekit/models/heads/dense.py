"""A backbone's maps, a neck, and a head on them: one network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Body(nn.Module):
    """Backbone and neck: an image to maps.

    Args:
        features: The backbone.
        neck: The neck.
    """

    def __init__(self, features: nn.Module, neck: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.neck = neck

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Maps of `image` (N, 3, H, W), the finest first."""
        maps: list[torch.Tensor] = self.neck(self.features(image))
        return maps


class Dense(nn.Module):
    """A network whose raw outputs are tensors with places in them.

    Args:
        body: Backbone and neck.
        head: From maps to raw outputs.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The head's raw outputs for `image` (N, 3, H, W)."""
        raw: Sequence[torch.Tensor] = self.head(self.body(image))
        return tuple(raw)
