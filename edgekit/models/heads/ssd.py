"""torchvision's SSD detectors as they come, ending in boxes in pixels and scores from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from edgekit.errors import UsageError
from edgekit.models import Setting
from edgekit.models.heads import anchors


class OneStage(nn.Module):
    """A torchvision SSD without its resizing and its suppression of duplicates.

    Args:
        detector: The SSD.
        size: Height and width of the input, in pixels.
    """

    anchors: torch.Tensor

    def __init__(self, detector: Any, size: tuple[int, int]) -> None:
        super().__init__()
        self.detector = detector
        with torch.no_grad():
            maps = list(detector.eval().backbone(torch.zeros(1, 3, *size)).values())
        found = anchors.fixed(detector.anchor_generator, maps, size)
        self.register_buffer("anchors", found, persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """`boxes` (N, A, 4), in pixels, and `scores` (N, A, classes), from 0 to 1."""
        maps = list(self.detector.backbone(image).values())
        raw = self.detector.head(maps)
        weights = self.detector.box_coder.weights
        boxes = anchors.to_boxes(raw["bbox_regression"], self.anchors, weights)
        # The first class is the background.
        return boxes, torch.softmax(raw["cls_logits"], dim=-1)[..., 1:]


@dataclass(frozen=True)
class Ssd:
    """The head that torchvision's SSDs come with."""

    outputs: tuple[str, ...] = ("boxes", "scores")
    embed: bool = False
    necks: tuple[str, ...] = ()

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:
        """`module`, a whole SSD, for fixed sizes."""
        if setting is None or not hasattr(module, "anchor_generator"):
            raise UsageError(
                "detect-ssd is the head of torchvision's own SSD, not one to put on a backbone",
                hint="take --head detect, or the model ssdlite320_mobilenet_v3_large",
            )
        return OneStage(module, setting.size)

    def losses(
        self, module: Any, images: torch.Tensor, targets: Sequence[Mapping[str, torch.Tensor]]
    ) -> dict[str, torch.Tensor]:
        """The losses of torchvision, as in `edgekit.models.heads.rcnn`."""
        found: dict[str, torch.Tensor] = module.detector(
            list(images), [{"boxes": t["boxes"], "labels": t["labels"] + 1} for t in targets]
        )
        return found


SSD = Ssd()
