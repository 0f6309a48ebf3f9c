"""A whole application: the one preprocessing, the best classes, and the parts add up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit import wire
from edgekit.datasets import images, packaged
from edgekit.errors import DataError, MissingDependency, UsageError
from edgekit.measure.end_to_end import PARTS, Application, best_classes, time_parts
from edgekit.records import Preprocess
from edgekit.wire import EndToEnd, Job, Profile, TensorSpec
from tests.fakes import Clock

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
JOB = Job("bench", "calm", "any.onnx", "fp32", 1, layouts={"x": "NHWC"})
MS = 1_000_000


class Model:
    """Takes photos of 48 x 40 pixels, gives scores of seven classes."""

    def __init__(self, batch: int = 1, layout: str = "NCHW", count: int = 1) -> None:
        shape = (batch, 3, 48, 40) if layout == "NCHW" else (batch, 48, 40, 3)
        self.inputs: Sequence[TensorSpec] = [TensorSpec("x", shape, "float32", layout)] * count
        self.outputs: Sequence[TensorSpec] = [TensorSpec("y", (batch, 7), "float32")]
        self.fed: list[Any] = []

    def run(self, feeds: Any) -> list[Any]:
        self.fed.append(feeds["x"])
        return [np.arange(7.0)[None].repeat(len(feeds["x"]), 0)]

    def settings(self) -> dict[str, str]:
        return {}

    def execution(self, feeds: Any) -> list[Any]:
        return []


def _contract(mode: str) -> wire.Preprocess:
    return wire.Preprocess((48, 40), (56, 48), mode, "bicubic", MEAN, STD)


def _asked(photos: list[str], mode: str = "center") -> EndToEnd:
    return EndToEnd(photos, _contract(mode), "classify")


def _job(layout: str) -> Job:
    return Job("bench", "calm", "any.onnx", "fp32", 1, layouts={"x": layout})


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_what_is_fed_is_what_calibration_and_parity_see_to_the_bit(mode: str, layout: str) -> None:
    paths = packaged.golden().paths[:3]
    model = Model(layout=layout)
    asked = _asked([str(path) for path in paths], mode)
    application = Application(_job(layout), asked, model)
    for group in application.groups:
        application.once(group, Clock())
    stored = Preprocess((48, 40), (56, 48), mode, "bicubic", MEAN, STD)
    expected = images.Tensors(stored, paths).stack()
    axes = (0, 1, 2, 3) if layout == "NCHW" else (0, 2, 3, 1)
    assert np.array_equal(np.concatenate(model.fed), expected.transpose(axes))
    assert all(array.flags.c_contiguous for array in model.fed)


def test_a_batch_takes_as_many_photos(tmp_path: Path) -> None:
    photos = []
    for shade in (0, 100, 200):
        Image.new("L", (60, 50), shade).save(tmp_path / f"{shade}.png")
        photos.append(str(tmp_path / f"{shade}.png"))
    model = Model(batch=2)
    application = Application(_job("NCHW"), _asked(photos), model)
    application.once(application.groups[1], Clock())
    assert model.fed[0].shape == (2, 3, 48, 40)
    # The third photo, and the first again.
    assert model.fed[0][0].mean() > model.fed[0][1].mean()


def test_the_parts_are_those_of_the_clock_and_their_sum_is_the_total(tmp_path: Path) -> None:
    Image.new("RGB", (60, 50)).save(tmp_path / "a.jpg")
    application = Application(_job("NCHW"), _asked([str(tmp_path / "a.jpg")]), Model())
    readings = iter(range(10_000))
    # Each reading is 1, 2, 3, ... ms after the last.
    found = time_parts(
        application,
        Profile(3, 0.0, 60.0, 0, 0.0, 0.0),
        lambda: sum(range(next(readings) + 1)) * MS,
    )
    assert set(found) == {*PARTS, "total"}
    assert {len(times) for times in found.values()} == {3}
    for row in zip(*(found[name] for name in (*PARTS, "total")), strict=True):
        *parts, total = row
        assert parts == sorted(parts)
        assert sum(parts) == total


def test_the_best_classes_are_softmax_in_order() -> None:
    scores = np.array([[1.0, 3.0, 2.0], [1000.0, 0.0, 1000.0]])
    order, shares = best_classes(scores)
    assert order.tolist() == [[1, 2, 0], [0, 2, 1]]
    powers = np.exp([3.0, 2.0, 1.0])
    assert np.allclose(shares[0], powers / powers.sum())
    assert np.allclose(shares[1], [0.5, 0.5, 0.0])


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependency) as error:
        Application(JOB, _asked([]), Model())
    assert "pip install" in error.value.hint


def test_a_photo_that_is_gone_and_a_model_of_two_inputs_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone"):
        Application(JOB, _asked([str(tmp_path / "gone.jpg")]), Model())
    with pytest.raises(UsageError, match="2 inputs"):
        Application(JOB, _asked([]), Model(count=2))


def test_a_photo_is_decoded_as_the_host_reads_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    application = Application(_job("NCHW"), _asked([str(tmp_path / "a.jpg")]), Model())
    (decoded,) = application.decode([(tmp_path / "a.jpg").read_bytes()])
    assert np.array_equal(np.asarray(decoded), np.asarray(images.read(tmp_path / "a.jpg")))
