"""Where the one preprocessing puts a photo's pixels: boxes and masks follow the picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit import pixels
from edgekit.records import Preprocess

HALF = (0.5, 0.5, 0.5)
sizes = st.integers(20, 120)


def preprocess(mode, size, resize):
    return Preprocess(size, resize, mode, "bilinear", HALF, HALF)


@settings(deadline=None, max_examples=60)
@given(
    mode=st.sampled_from(["center", "squash", "border"]),
    photo=st.tuples(sizes, sizes),
    size=st.tuples(st.integers(24, 48), st.integers(24, 48)),
    larger=st.floats(1.0, 1.3),
    seed=st.integers(0, 99),
)
def test_a_bright_patch_is_where_the_placement_says(mode, photo, size, larger, seed):
    resize = tuple(round(edge * larger) for edge in size) if mode != "squash" else size
    contract = preprocess(mode, size, resize)
    width, height = photo
    random = np.random.default_rng(seed)
    left, top = random.integers(0, width - 15), random.integers(0, height - 15)
    patch = np.zeros((height, width, 3), np.uint8)
    patch[top : top + 15, left : left + 15] = 255
    placed = pixels.place(contract, Image.fromarray(patch))
    scale, offset = pixels.placement(contract, width, height)
    expected = np.zeros(size)
    bounds = [
        (edge * scale[axis] + offset[axis])
        for axis, edges in enumerate(((left, left + 15), (top, top + 15)))
        for edge in edges
    ]
    x0, x1, y0, y1 = (round(bound) for bound in bounds)
    expected[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 1
    found = placed[..., 0] > 127
    # Rounding and the edges of the filter: a line of pixels on each side.
    inner = np.zeros(size, bool)
    inner[max(y0 + 2, 0) : max(y1 - 2, 0), max(x0 + 2, 0) : max(x1 - 2, 0)] = True
    outer = np.zeros(size, bool)
    outer[max(y0 - 2, 0) : max(y1 + 2, 0), max(x0 - 2, 0) : max(x1 + 2, 0)] = True
    lit = found & ~_border(contract, photo)
    assert (lit <= outer).all()
    assert (inner <= (found | _border(contract, photo))).all()


def _border(contract, photo):
    """Where the placed picture shows no photo."""
    mask = pixels.place_mask(contract, Image.new("L", photo, 1), 255)
    return mask == 255


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("photo", [(40, 30), (30, 40), (100, 20), (32, 32)])
def test_a_mask_is_placed_as_its_photo(mode, photo):
    contract = preprocess(mode, (32, 32), (36, 36) if mode == "center" else (32, 32))
    columns = np.tile(np.arange(photo[0], dtype=np.uint8), (photo[1], 1))
    picture = Image.fromarray(np.repeat(columns[..., None] * 2, 3, axis=2))
    placed = pixels.place(contract, picture)[..., 0] / 2
    mask = pixels.place_mask(contract, Image.fromarray(columns), 255)
    there = mask != 255
    assert mask.shape == (32, 32)
    assert there.any()
    scale = pixels.placement(contract, *photo)[0][0]
    assert np.abs(placed[there] - mask[there]).max() <= 1 + 1 / scale
