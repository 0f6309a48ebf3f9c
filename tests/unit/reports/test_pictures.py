"""Photos with what was found drawn on them."""

import numpy as np
import pytest
from PIL import Image

from edgekit.records.predictions import Thing
from edgekit.reports.pictures import draw

GRAY = (90, 90, 90)


def painted(drawn: Image.Image) -> np.ndarray:
    return (np.asarray(drawn) != GRAY).any(axis=-1)


def test_a_box_is_drawn_round_what_was_found():
    photo = Image.new("RGB", (400, 400), GRAY)
    there = painted(draw(photo, [Thing("cup", 0, 0.9, (100, 120, 300, 350))]))
    columns, rows = np.flatnonzero(there.any(0)), np.flatnonzero(there[:, 299])
    assert (columns[0], columns[-1], rows[0], rows[-1]) == (100, 300, 120, 350)
    assert there[110:118, 105:150].any()  # its name is above it
    assert not there[200:300, 150:250].any()
    assert photo.getpixel((100, 200)) == GRAY  # the photo itself stays


def test_a_small_photo_is_enlarged_so_that_names_fit():
    drawn = draw(Image.new("RGB", (64, 32), GRAY), [Thing("cup", 0, 0.9, (32, 16, 64, 32))])
    assert drawn.size == (640, 320)
    assert not painted(drawn)[:130].any()
    assert painted(drawn)[160, 330:].all()


@pytest.mark.parametrize("left", [0, 399])
def test_a_name_stays_inside(left):
    drawn = draw(
        Image.new("RGB", (400, 400), GRAY), [Thing("a long name", 0, 0.9, (left, 0, 400, 9))]
    )
    assert painted(drawn)[2:9].sum() > 9 * 50


def test_classes_of_a_mask_have_colours_and_the_background_has_none():
    mask = np.zeros((400, 400), np.uint8)
    mask[200:, :200], mask[200:, 200:] = 1, 2
    drawn = np.asarray(draw(Image.new("RGB", (400, 400), GRAY), [], mask))
    assert (drawn[:200] == GRAY).all()
    one, other = drawn[300, 100], drawn[300, 300]
    assert (one != GRAY).any()
    assert (other != GRAY).any()
    assert (one != other).any()


def test_classes_are_written_below_each_other():
    photo = Image.new("RGB", (400, 400), GRAY)
    one, two = (
        painted(draw(photo, [Thing(name, 0, 0.5) for name in names])).sum()
        for names in (("cat",), ("cat", "cat"))
    )
    assert two == pytest.approx(2 * one, rel=0.1)


@pytest.mark.parametrize("size", [(1, 900), (3000, 2)])
def test_a_thin_photo_is_not_enlarged_to_fill_the_memory(size):
    drawn = draw(Image.new("RGB", size), [])
    assert max(drawn.size) == max(1800, *size)
