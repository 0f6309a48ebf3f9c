"""The one preprocessing gives timm's own tensor, for every crop mode and awkward size."""

import numpy as np
import pytest
import timm.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgekit.datasets import images, packaged
from edgekit.models.timm import preprocess_of
from edgekit.pixels import apply
from edgekit.records import Preprocess

TOLERANCE = 1e-5


def config(**changes):
    plain = {
        "input_size": (3, 224, 224),
        "crop_pct": 0.875,
        "crop_mode": "center",
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    return plain | changes


def largest_difference(settings_of_timm, image):
    ours = apply(preprocess_of(settings_of_timm), image)
    theirs = timm.data.create_transform(**settings_of_timm, is_training=False)(image)
    return np.abs(ours - theirs.numpy()).max()


def test_ten_photos_come_out_as_timm_makes_them():
    photos = [*packaged.golden().paths, *packaged.calibration().paths][:10]
    assert len(photos) == 10
    for path in photos:
        image = images.read(path).convert("RGB")
        assert largest_difference(config(), image) <= TOLERANCE, path.name


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(20, 400),
    height=st.integers(20, 400),
    mode=st.sampled_from(["center", "squash", "border"]),
    pct=st.sampled_from([0.875, 0.9, 0.95, 1.0]),
    size=st.sampled_from([(3, 64, 64), (3, 96, 80)]),
    interpolation=st.sampled_from(["bicubic", "bilinear", "lanczos"]),
)
def test_any_photo_in_any_mode(width, height, mode, pct, size, interpolation):
    pixels = np.random.default_rng(width * 401 + height).integers(0, 256, (height, width, 3))
    image = Image.fromarray(pixels.astype(np.uint8))
    chosen = config(crop_mode=mode, crop_pct=pct, input_size=size, interpolation=interpolation)
    assert largest_difference(chosen, image) <= TOLERANCE


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16", "1"])
def test_other_pixel_formats_become_rgb(mode):
    image = Image.new(mode, (40, 30))
    preprocess = Preprocess((32, 32), (32, 32), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    assert apply(preprocess, image).shape == (3, 32, 32)


def test_the_digest_tells_contracts_apart():
    one = Preprocess((32, 32), (32, 32), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    other = Preprocess((32, 32), (32, 32), "center", "bicubic", (0.5,) * 3, (0.5,) * 3)
    assert one.sha256 != other.sha256
    assert len(one.sha256) == 64
