"""What detectors with anchors have in common: offsets to boxes, and the anchors of fixed sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torchvision.models.detection.image_list import ImageList

# Offsets of width and height are exponents: beyond this a box is larger than any image.
MOST_GROWTH = math.log(1000.0 / 16)


def to_boxes(
    offsets: torch.Tensor, anchors: torch.Tensor, weights: Sequence[float]
) -> torch.Tensor:
    """Boxes from offsets to anchors: R-CNN's parametrization (arXiv:1311.2524, appendix C).

    Args:
        offsets: Shape (..., 4): of the centre's x and y, and of the logarithms of width and
            height.
        anchors: Shape (..., 4), in pixels; broadcast against `offsets`.
        weights: What each offset is multiplied by in training, as in torchvision's `BoxCoder`.

    Returns:
        Boxes (left, top, right, bottom), in pixels.
    """
    sizes = anchors[..., 2:] - anchors[..., :2]
    centres = anchors[..., :2] + 0.5 * sizes
    shift = torch.stack([offsets[..., 0] / weights[0], offsets[..., 1] / weights[1]], dim=-1)
    growth = torch.stack([offsets[..., 2] / weights[2], offsets[..., 3] / weights[3]], dim=-1)
    middle = centres + shift * sizes
    half = 0.5 * sizes * torch.exp(growth.clamp(max=MOST_GROWTH))
    return torch.cat([middle - half, middle + half], dim=-1)


def clip(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`boxes` (..., 4) cut off at the edges of an image of `size` (height, width)."""
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)


def are_boxes(boxes: torch.Tensor, least: float) -> torch.Tensor:
    """Which of `boxes` (..., 4) have edges of `least` pixels and more."""
    edges = boxes[..., 2:] - boxes[..., :2]
    found: torch.Tensor = edges.amin(dim=-1) >= least
    return found


def fixed(generator: Any, maps: Sequence[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """All anchors of torchvision's `generator` for maps of one image of `size`: (A, 4)."""
    image = torch.zeros(1, 3, *size)
    (anchors,) = generator(ImageList(image, [size]), list(maps))
    found: torch.Tensor = anchors
    return found
