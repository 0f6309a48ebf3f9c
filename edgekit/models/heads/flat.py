"""Heads behind the whole backbone: class scores, or a feature vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import nn

from edgekit.errors import UsageError
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

    def losses(
        self, module: nn.Module, images: torch.Tensor, targets: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Cross entropy with the classes `targets` (N,) of `images` (N, 3, H, W)."""
        return {"classes": nn.functional.cross_entropy(module(images), targets)}


@dataclass(frozen=True)
class Embed:
    """Pooled features of length 1."""

    outputs: tuple[str, ...] = ("embedding",)
    embed: bool = True
    necks: tuple[str, ...] = ()

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:  # noqa: ARG002 -- flat
        """`module` and the normalization."""
        return nn.Sequential(module, Normalize())

    def losses(self, module: Any, images: Any, targets: Any) -> NoReturn:  # noqa: ARG002
        """Refused: vectors are trained by the classes that they tell apart."""
        raise UsageError(
            "a network that gives vectors is not trained as it is",
            hint="train it with --head classify, and export the checkpoint with --head embed",
        )


CLASSIFY = Classify()
EMBED = Embed()
