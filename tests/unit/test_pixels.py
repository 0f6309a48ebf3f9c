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


contracts = st.builds(
    lambda mode, size, larger: preprocess(
        mode, size, tuple(round(edge * larger) for edge in size) if mode == "center" else size
    ),
    st.sampled_from(["center", "squash", "border"]),
    st.tuples(st.integers(16, 40), st.integers(16, 40)),
    st.floats(1.0, 1.3),
)


@settings(deadline=None, max_examples=60)
@given(contracts, st.tuples(sizes, sizes), st.integers(0, 99))
def test_boxes_come_back_to_the_photo(contract, photo, seed):
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.8, (5, 2)) * photo
    boxes = np.concatenate([low, low + random.uniform(1, 9, (5, 2))], axis=1)
    scale, offset = pixels.placement(contract, *photo)
    placed = boxes * np.tile(scale, 2) + np.tile(offset, 2)
    expected = [
        [min(max(value, 0.0), edge) for value, edge in zip(box, photo * 2, strict=True)]
        for box in boxes
    ]
    found = pixels.lift_boxes(contract, photo, placed)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert pixels.lift_boxes(contract, photo, np.zeros((0, 4))).shape == (0, 4)


@settings(deadline=None, max_examples=40)
@given(contracts, st.tuples(sizes, sizes), st.integers(1, 2), st.integers(0, 99))
def test_masks_come_back_to_the_photo(contract, photo, coarser, seed):
    # A head may give one value for several pixels of the input.
    height, width = (-(-edge // coarser) for edge in contract.size)
    mask = np.random.default_rng(seed).integers(1, 9, (height, width), np.uint8)
    scale, offset = pixels.placement(contract, *photo)
    expected = np.zeros((photo[1], photo[0]), np.uint8)
    for y in range(photo[1]):
        for x in range(photo[0]):
            row = ((y + 0.5) * scale[1] + offset[1]) * height / contract.size[0]
            column = ((x + 0.5) * scale[0] + offset[0]) * width / contract.size[1]
            if 0 <= row < height and 0 <= column < width:
                expected[y, x] = mask[int(row), int(column)]
    np.testing.assert_array_equal(pixels.lift_mask(contract, photo, mask), expected)
