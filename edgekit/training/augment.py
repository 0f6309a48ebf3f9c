"""What changes a picture and its target together, by torchvision."""

from __future__ import annotations

import math
from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from edgekit.records.training import Settings

# Sides of boxes, in pixels, below which nothing is left to be found.
_LEAST_SIDE = 2.0


def transform(settings: Settings, size: tuple[int, int], *, turn: bool) -> v2.Transform:
    """Moves, zooms, turns, relights and mirrors, as `settings` says.

    Args:
        settings: How much of each.
        size: Height and width of pictures, in pixels.
        turn: Whether to turn: a turned box would be larger than its object.
    """
    # What moves in from outside continues the edge: a border of one colour would be learnt.
    room = math.ceil((settings.shift + settings.zoom) * max(size))
    steps: list[Any] = [
        v2.Pad(room, padding_mode="edge"),
        v2.RandomAffine(
            settings.turn_degrees if turn else 0.0,
            translate=_moved(settings.shift, size, room),
            scale=(1 - settings.zoom, 1 + settings.zoom),
            interpolation=v2.InterpolationMode.BILINEAR,
        ),
        v2.CenterCrop(list(size)),
        v2.ColorJitter(brightness=settings.light, contrast=settings.light),
    ]
    if settings.flip:
        steps.append(v2.RandomHorizontalFlip())
    return v2.Compose(steps)


def _moved(shift: float, size: tuple[int, int], room: int) -> tuple[float, float]:
    """Shares of the padded width and height that are `shift` of the picture's own."""
    height, width = size
    return shift * width / (width + 2 * room), shift * height / (height + 2 * room)


def with_boxes(
    change: v2.Transform, image: torch.Tensor, target: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Change a picture and its boxes; what is moved out of it is no object any more."""
    size = (image.shape[1], image.shape[2])
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=size)
    sample = {"image": tv_tensors.Image(image), "boxes": boxes, "labels": target["labels"]}
    tidy = v2.Compose([v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes(min_size=_LEAST_SIDE)])
    changed = tidy(change(sample))
    rest = {"boxes": changed["boxes"].as_subclass(torch.Tensor), "labels": changed["labels"]}
    return changed["image"].as_subclass(torch.Tensor), rest


def with_mask(
    change: v2.Transform, image: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Change a picture and its mask."""
    changed, moved = change(tv_tensors.Image(image), tv_tensors.Mask(mask))
    return changed.as_subclass(torch.Tensor), moved.as_subclass(torch.Tensor)
