"""Photos with what was found drawn on them."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgekit.records.predictions import Thing

# Of neighbouring classes, hues that lie far apart: steps of the golden ratio.
_STEP = 0.618034
_COVER = 0.5
# How bright red, green and blue look (ITU-R BT.601), and from where black reads better on it.
_LUMINANCE, _BRIGHT = (0.299, 0.587, 0.114), 140
# Of the photo's shorter edge, and at least that many pixels.
_LINE, _LEAST_LINE = 1 / 200, 2
_LETTERS, _LEAST_LETTERS = 1 / 24, 11
# What is smaller is enlarged before it is drawn on: names would cover it. A long edge isn't.
_LEAST_EDGE, _MOST_EDGE = 320, 2048


def draw(photo: Image.Image, things: Sequence[Thing], mask: Any = None) -> Image.Image:
    """A copy of `photo` with boxes and their names on it, a mask over it, or names alone.

    Args:
        photo: The photo; a small one is enlarged.
        things: What was found.
        mask: Class of each pixel, shape (height, width), 0 for the background, which isn't
            coloured; None where there is none.
    """
    picture = photo.convert("RGB")
    if mask is not None:
        picture = _covered(picture, mask)
    wanted, most = -(-_LEAST_EDGE // min(picture.size)), _MOST_EDGE // max(picture.size)
    zoom = max(1, min(wanted, most))
    picture = picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.BOX)
    pen = _Pen(picture)
    boxed = [thing for thing in things if thing.box]
    for thing in reversed(boxed):  # the surest one on top
        pen.box(thing, zoom)
    if not boxed:
        pen.listed(things)
    return picture


def _color(number: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(number * _STEP % 1, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def _covered(picture: Image.Image, mask: Any) -> Image.Image:
    pixels = np.array(picture, np.float32)
    for kind in np.unique(mask[mask > 0]):
        there = mask == kind
        pixels[there] += _COVER * (np.array(_color(int(kind)), np.float32) - pixels[there])
    return Image.fromarray(pixels.round().astype(np.uint8))


class _Pen:
    """Draws on a picture, in a size that can be seen on it."""

    def __init__(self, picture: Image.Image) -> None:
        edge = min(picture.size)
        self._draw = ImageDraw.Draw(picture)
        self._width = picture.width
        self._line = max(_LEAST_LINE, round(edge * _LINE))
        self._font = ImageFont.load_default(max(_LEAST_LETTERS, round(edge * _LETTERS)))
        self._height = self._draw.textbbox((0, 0), "Ag", font=self._font)[3] + self._line

    def box(self, thing: Thing, zoom: int) -> None:
        corners = [zoom * edge for edge in thing.box or ()]
        color = _color(thing.index)
        self._draw.rectangle(corners, outline=color, width=self._line)
        # Above the box, so that what is in it can be seen; inside where there is no room.
        above = corners[1] - self._height
        top = above if above >= 0 else corners[1]
        self._label(f"{thing.name} {thing.score:.2f}", corners[0], top, color)

    def listed(self, things: Sequence[Thing]) -> None:
        top = 0.0
        for thing in things:
            top = self._label(f"{thing.name} {100 * thing.score:.1f} %", 0, top, (32, 32, 32))

    def _label(self, text: str, left: float, top: float, color: tuple[int, int, int]) -> float:
        """Write `text` on `color`, inside the picture; gives where it ends below."""
        width = self._draw.textlength(text, font=self._font)
        left = max(0.0, min(left, self._width - width))
        self._draw.rectangle((left, top, left + width, top + self._height), fill=color)
        dark = np.dot(color, _LUMINANCE) < _BRIGHT
        self._draw.text((left, top), text, fill="white" if dark else "black", font=self._font)
        return top + self._height
