"""Heads behind the whole backbone: class scores, or a feature vector."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edgekit.models import Setting


class Normalize(nn.Module):
    """Scales each sample's vector to length 1, so that a dot product is a cosine."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalize `features`, one row a sample."""
        return nn.functional.normalize(features, dim=1)


@dataclass(frozen=True)
class Classify:
    """The backbone's own classifier: one score a class, before softmax."""

    outputs: tuple[str, ...] = ("logits",)
    embed: bool = False
    necks: tuple[str, ...] = ()

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:  # noqa: ARG002 -- flat
        """`module` as it is."""
        return module


@dataclass(frozen=True)
class Embed:
    """Pooled features of length 1."""

    outputs: tuple[str, ...] = ("embedding",)
    embed: bool = True
    necks: tuple[str, ...] = ()

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:  # noqa: ARG002 -- flat
        """`module` and the normalization."""
        return nn.Sequential(module, Normalize())


CLASSIFY = Classify()
EMBED = Embed()
