"""What a network gives: class scores, or a feature vector."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


class Normalize(nn.Module):
    """Scales each sample's vector to length 1, so that a dot product is a cosine."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalize `features`, one row a sample."""
        return nn.functional.normalize(features, dim=1)


@dataclass(frozen=True)
class Classify:
    """The backbone's own classifier: one score a class, before softmax."""

    output: str = "logits"
    embed: bool = False

    def attach(self, module: nn.Module) -> nn.Module:
        """`module` as it is."""
        return module


@dataclass(frozen=True)
class Embed:
    """Pooled features of length 1."""

    output: str = "embedding"
    embed: bool = True

    def attach(self, module: nn.Module) -> nn.Module:
        """`module` and the normalization."""
        return nn.Sequential(module, Normalize())


CLASSIFY = Classify()
EMBED = Embed()
