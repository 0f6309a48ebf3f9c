"""What changes a picture and its target together, by torchvision."""

from __future__ import annotations

import math
from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from edgekit.records.training import Settings
from edgekit.tasks.masks import IGNORED

# Sides of boxes, in pixels, below which nothing is left to be found.
_LEAST_SIDE = 2.0


class Change:
    """Moves, zooms, turns, relights and mirrors.

    What moves in from outside continues the edge: a border of one colour would be learnt.

    Args:
        settings: How much of each.
        size: Height and width of pictures, in pixels.
        turn: Whether to turn: a turned box would be larger than its object.
    """

    def __init__(self, settings: Settings, size: tuple[int, int], *, turn: bool) -> None:
        self._room = math.ceil((settings.shift + settings.zoom) * max(size))
        steps: list[Any] = [
            v2.RandomAffine(
                settings.turn_degrees if turn else 0.0,
                translate=_moved(settings.shift, size, self._room),
                scale=(1 - settings.zoom, 1 + settings.zoom),
                interpolation=v2.InterpolationMode.BILINEAR,
                # A turn may bring in more than was continued: black, and of no class.
                fill={tv_tensors.Mask: IGNORED, "others": 0},
            ),
            v2.CenterCrop(list(size)),
            v2.ColorJitter(brightness=settings.light, contrast=settings.light),
        ]
        if settings.flip:
            steps.append(v2.RandomHorizontalFlip())
        self._steps = v2.Compose(steps)
        tidy = [v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes(min_size=_LEAST_SIDE)]
        self._tidy = v2.Compose(tidy)

    def alone(self, image: torch.Tensor, target: Any) -> tuple[torch.Tensor, Any]:
        """A picture, (3, H, W), uint8, whose target stays what it is."""
        return self._steps(self._padded(image)), target

    def with_boxes(
        self, image: torch.Tensor, target: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """A picture and its boxes; what is moved out of it is no object any more."""
        padded = self._padded(image)
        boxes = tv_tensors.BoundingBoxes(
            self._continued(target["boxes"], image) + self._room,
            format="XYXY",
            canvas_size=tuple(padded.shape[1:]),
        )
        sample = {"image": tv_tensors.Image(padded), "boxes": boxes, "labels": target["labels"]}
        changed = self._tidy(self._steps(sample))
        rest = {"boxes": changed["boxes"].as_subclass(torch.Tensor), "labels": changed["labels"]}
        return changed["image"].as_subclass(torch.Tensor), rest

    def with_mask(
        self, image: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A picture and its mask, (H, W)."""
        pair = tv_tensors.Image(self._padded(image)), tv_tensors.Mask(self._padded(mask[None])[0])
        changed, moved = self._steps(*pair)
        return changed.as_subclass(torch.Tensor), moved.as_subclass(torch.Tensor)

    def _continued(self, boxes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Boxes that reach the edge go on behind it, as the picture does."""
        height, width = image.shape[1:]
        most = torch.tensor([width, height])
        low, high = boxes[:, :2], boxes[:, 2:]
        low = torch.where(low <= 0, -self._room, low)
        return torch.cat([low, torch.where(high >= most, most + self._room, high)], dim=1)

    def _padded(self, image: torch.Tensor) -> torch.Tensor:
        padded: torch.Tensor = functional.pad(image, [self._room], padding_mode="edge")
        return padded


def _moved(shift: float, size: tuple[int, int], room: int) -> tuple[float, float]:
    """Shares of the padded width and height that are `shift` of the picture's own."""
    height, width = size
    return shift * width / (width + 2 * room), shift * height / (height + 2 * room)
