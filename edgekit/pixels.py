"""The one preprocessing: a photo becomes the model's input. NumPy and Pillow, nothing else.

Calibration, parity and the host use it, and so does a device that times a whole application.
It follows timm's evaluation transform step by step (`timm/data/transforms_factory.py`), so that
it gives the same tensor: Pillow resizes 8-bit values, the crop is centred with Python's rounding,
and what the picture doesn't cover is padded.
"""

from __future__ import annotations

from typing import Any, Sequence, Tuple

import numpy as np
from PIL import Image

from edgekit.wire import Preprocess


def apply(preprocess: Preprocess, image: Image.Image) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The input for one photo.

    Args:
        preprocess: What to do.
        image: Any Pillow image.

    Returns:
        Array of shape (3, H, W), float32.
    """
    scaled = place(preprocess, image).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    mean = np.asarray(preprocess.mean, np.float32)[:, None, None]
    std = np.asarray(preprocess.std, np.float32)[:, None, None]
    return np.ascontiguousarray((scaled - mean) / std)


def place(preprocess: Preprocess, image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What the network sees of one photo, before it is normalized: (H, W, 3), 0 to 255."""
    rgb = image.convert("RGB")
    width, height = _resized(preprocess, rgb.width, rgb.height)
    rgb = rgb.resize((width, height), Image.Resampling[preprocess.interpolation.upper()])
    fill = tuple(round(255 * value) for value in preprocess.mean)
    placed: np.ndarray[Any, np.dtype[np.uint8]] = _center(
        np.asarray(rgb), preprocess.size, fill if preprocess.mode == "border" else 0
    )
    return placed


def place_mask(preprocess: Preprocess, mask: Image.Image, fill: int) -> Any:
    """The mask of a photo as `place` has the photo: (H, W); `fill` where there is no photo."""
    width, height = _resized(preprocess, mask.width, mask.height)
    resized = mask.resize((width, height), Image.Resampling.NEAREST)
    return _center(np.asarray(resized)[..., None], preprocess.size, fill)[..., 0]


def placement(
    preprocess: Preprocess, width: int, height: int
) -> Tuple[Tuple[float, float], Tuple[float, float]]:
    """Where `place` puts the pixels of a photo of `width` x `height`.

    Returns:
        Scale and offset, each (x, y): a point p of the photo is at `p * scale + offset` of the
        input, in pixels.
    """
    resized = _resized(preprocess, width, height)
    scale = (resized[0] / width, resized[1] / height)
    starts = [_start(have, want) for have, want in zip(resized, preprocess.size[::-1])]
    return scale, (float(starts[0]), float(starts[1]))


def lift_boxes(preprocess: Preprocess, size: Tuple[int, int], boxes: Any) -> Any:
    """Boxes of the input in pixels of the photo, cut off at its edges: (n, 4), float32.

    Args:
        preprocess: How the photo was placed.
        size: Width and height of the photo.
        boxes: Left, top, right, bottom in pixels of the input, shape (n, 4).
    """
    scale, offset = placement(preprocess, *size)
    corners = (np.asarray(boxes, np.float64) - np.tile(offset, 2)) / np.tile(scale, 2)
    return np.clip(corners, 0, np.tile(size, 2)).astype(np.float32)


def lift_mask(preprocess: Preprocess, size: Tuple[int, int], mask: Any) -> Any:
    """A mask of the input in pixels of the photo: (height, width), 0 where no pixel was seen.

    Each pixel of the photo takes what the mask has at its centre.

    Args:
        preprocess: How the photo was placed.
        size: Width and height of the photo.
        mask: Shape (H, W), over the whole input.
    """
    scale, offset = placement(preprocess, *size)
    places, inside = [], []
    for axis, (count, have, want) in enumerate(zip(size, mask.shape[::-1], preprocess.size[::-1])):
        found = ((np.arange(count) + 0.5) * scale[axis] + offset[axis]) * have / want
        places.append(np.floor(found).astype(np.int64))
        inside.append((places[-1] >= 0) & (places[-1] < have))
    (columns, rows), (across, down) = places, inside
    lifted = np.zeros(size[::-1], mask.dtype)
    lifted[np.ix_(down, across)] = mask[np.ix_(rows[down], columns[across])]
    return lifted


def _resized(preprocess: Preprocess, width: int, height: int) -> Tuple[int, int]:
    """Width and height after resizing."""
    to_height, to_width = preprocess.resize
    if preprocess.mode == "squash":
        return to_width, to_height
    if preprocess.mode == "center" and to_height == to_width:
        # torchvision's rule: the shorter edge is exact, the longer one is cut to an integer.
        if width <= height:
            return to_width, int(to_width * height / width)
        return int(to_height * width / height), to_height
    ratios = (height / to_height, width / to_width)
    ratio = max(ratios) if preprocess.mode == "border" else min(ratios)
    return round(width / ratio), round(height / ratio)


def _start(have: int, want: int) -> int:
    """Where a line of `have` pixels begins among the `want` in whose centre it is put or cut."""
    padded = max(want, have)
    return max(want - have, 0) // 2 - round((padded - want) / 2)


def _center(pixels: Any, size: Sequence[int], fill: Any) -> Any:
    """The centre of `pixels` (H, W, C) in `size`, padded with `fill` where it is smaller."""
    lacks = [max(want - have, 0) for want, have in zip(size, pixels.shape[:2])]
    if any(lacks):
        edges = (pixels.shape[0] + lacks[0], pixels.shape[1] + lacks[1])
        padded = np.empty((*edges, pixels.shape[2]), np.uint8)
        padded[:] = fill
        top, left = lacks[0] // 2, lacks[1] // 2
        padded[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        pixels = padded
    top = round((pixels.shape[0] - size[0]) / 2)
    left = round((pixels.shape[1] - size[1]) / 2)
    return pixels[top : top + size[0], left : left + size[1]]
