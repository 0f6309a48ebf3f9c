"""What is fed to a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import DataError, UsageError
from edgekit.measure.inputs import (
    ShapeChooser,
    Stored,
    batch_of,
    check_inputs,
    check_types,
    random_feeds,
)
from edgekit.wire import Job, TensorSpec


def _job(**fields: Any) -> Job:
    return Job("bench", "onnxruntime", "m.onnx", "fp32", 1, **fields)


def _image(*shape: int | None, layout: str = "") -> TensorSpec:
    return TensorSpec("x", shape, "float32", layout)


@pytest.mark.parametrize(
    ("spec", "shape", "defaulted"),
    [
        (_image(None, 3, 32, 32), (4, 3, 32, 32), {}),
        (_image(1, 3, 32, 32), (4, 3, 32, 32), {}),
        (_image(None, 3, None, None), (4, 3, 224, 224), {"x": [2, 3]}),
        (_image(None, None, None, 3), (4, 224, 224, 3), {"x": [1, 2]}),
        (_image(None, None, None, None, layout="NHWC"), (4, 224, 224, 3), {"x": [1, 2, 3]}),
        (TensorSpec("x", (None, None), "int64"), (4, 1), {"x": [1]}),
        (TensorSpec("x", (), "float32"), (), {}),
        (_image(2, 3, 32, 32), (2, 3, 32, 32), {}),
    ],
)
def test_free_axes_get_a_size_and_are_noted(
    spec: TensorSpec, shape: tuple[int, ...], defaulted: dict[str, list[int]]
) -> None:
    chooser = ShapeChooser(_job(batch=4))
    assert chooser(spec) == shape
    assert chooser.defaulted == defaulted


def test_a_given_shape_is_taken_and_is_no_default() -> None:
    chooser = ShapeChooser(_job(shapes={"x": [1, 3, 64, 96]}))
    assert chooser(_image(None, 3, None, None)) == (1, 3, 64, 96)
    assert chooser.defaulted == {}


@pytest.mark.parametrize("given", [[1, 4, 64, 64], [1, 3, 64], [1, 3, 64, 64, 1]])
def test_a_shape_that_does_not_fit_is_refused(given: list[int]) -> None:
    with pytest.raises(UsageError, match=r"\?x3x\?x\?"):
        ShapeChooser(_job(shapes={"x": given}))(_image(None, 3, None, None))


def test_an_unknown_input_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        check_inputs(_job(shapes={"data": [1]}), [_image(1, 3, 8, 8)])
    assert "x=1x3x8x8" in caught.value.hint


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch_of_another_size_is_refused(batch: int) -> None:
    with pytest.raises(UsageError) as caught:
        check_inputs(_job(batch=batch), [_image(2, 3, 8, 8)])
    assert "--batch 2" in caught.value.hint


def test_a_batch_that_nobody_asked_for_is_the_files_own() -> None:
    inputs = [_image(4, 3, 16, 16), TensorSpec("threshold", (1,), "float32")]
    chooser = ShapeChooser(_job())
    assert [chooser(spec)[0] for spec in inputs] == [4, 1]
    assert chooser(_image(None, 3, 16, 16))[0] == 1
    check_inputs(_job(), inputs)
    assert batch_of(inputs) == 4


def test_a_batch_that_is_asked_for_is_no_matter_of_side_inputs() -> None:
    inputs = [_image(4, 3, 16, 16), TensorSpec("threshold", (1,), "float32")]
    check_inputs(_job(batch=4), inputs)
    assert ShapeChooser(_job(batch=4))(inputs[1]) == (1,)
    with pytest.raises(UsageError, match="fixed at batch 4"):
        check_inputs(_job(batch=1), [TensorSpec("x", (4, 16), "float32")])


@pytest.mark.parametrize("dtype", ["string", "bfloat16", "seq(tensor(float))", "object"])
def test_an_input_of_a_type_that_numpy_has_not_is_refused(dtype: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_types([TensorSpec("words", (1,), dtype)])
    assert "words" in str(caught.value)
    assert dtype in str(caught.value)


def test_made_up_inputs_are_distinct_valid_and_repeatable() -> None:
    specs = [
        _image(1, 3, 8, 8),
        TensorSpec("tokens", (1, 16), "int64"),
        TensorSpec("pixels", (1, 8, 8, 3), "uint8"),
        TensorSpec("half", (1, 4), "float16"),
    ]
    feeds = random_feeds(specs, 8, seed=3)
    assert len({feed["x"].tobytes() for feed in feeds}) == 8
    for feed, again in zip(feeds, random_feeds(specs, 8, seed=3), strict=True):
        assert all(np.array_equal(feed[name], again[name]) for name in feed)
        assert {name: str(array.dtype) for name, array in feed.items()} == {
            spec.name: spec.dtype for spec in specs
        }
        assert set(np.unique(feed["tokens"])) <= {0, 1}
        assert np.abs(feed["x"]).max() < 10
    assert not np.array_equal(feeds[0]["x"], random_feeds(specs, 1, seed=4)[0]["x"])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "golden.npz"
    array = np.arange(5 * 3 * 2 * 4, dtype=np.float32).reshape(5, 3, 2, 4)
    arrays: dict[str, Any] = {"input:image": array, "output:0": np.zeros((5, 7))}
    np.savez(path, **arrays)
    return path


def test_stored_images_are_turned_into_the_layout_of_the_session(images: Path) -> None:
    spec = TensorSpec("args_0", (2, 2, 4, 3), "float32", "NHWC")
    stored = Stored(images, [spec], _job(batch=2))
    feed, count = next(stored.batches(2))
    assert (feed["args_0"].shape, count) == ((2, 2, 4, 3), 2)
    assert feed["args_0"].flags.c_contiguous
    with np.load(images) as file:
        assert np.array_equal(feed["args_0"].transpose(0, 3, 1, 2), file["input:image"][:2])


def test_the_job_knows_a_layout_that_the_file_does_not_tell(images: Path) -> None:
    spec = TensorSpec("args_0", (1, 2, 4, 3), "float32")
    assert Stored(images, [spec], _job(layouts={"args_0": "NHWC"})).count == 5
    with pytest.raises(DataError, match="2x4x3"):
        Stored(images, [spec], _job())


def test_batches_hold_every_sample_once_and_the_last_is_filled_up(images: Path) -> None:
    spec = TensorSpec("x", (2, 3, 2, 4), "float32", "NCHW")
    parts = [(feed["x"], n) for feed, n in Stored(images, [spec], _job(batch=2)).batches(2)]
    assert [n for _, n in parts] == [2, 2, 1]
    assert all(array.shape == (2, 3, 2, 4) for array, _ in parts)
    with np.load(images) as file:
        assert np.array_equal(np.concatenate([a[:n] for a, n in parts]), file["input:image"])


def test_timing_gets_as_many_feeds_as_there_are_samples(images: Path) -> None:
    spec = TensorSpec("x", (3, 3, 2, 4), "float32", "NCHW")
    feeds = Stored(images, [spec], _job(batch=3)).rotation(3)
    assert len({feed["x"].tobytes() for feed in feeds}) == 5


@pytest.mark.parametrize(
    "specs",
    [
        [TensorSpec("x", (1, 3, 2, 4), "int8", "NCHW")],
        [TensorSpec("x", (1, 3, 8, 8), "float32", "NCHW")],
        [TensorSpec("x", (1, 3, 2, 4), "float32", "NCHW"), TensorSpec("y", (1,), "float32")],
    ],
)
def test_samples_of_another_model_are_refused(images: Path, specs: list[TensorSpec]) -> None:
    with pytest.raises(DataError):
        Stored(images, specs, _job())


@pytest.mark.parametrize("keep", [0, 100])
def test_a_cut_file_is_refused(images: Path, keep: int) -> None:
    images.write_bytes(images.read_bytes()[:keep])
    with pytest.raises(DataError, match="golden"):
        Stored(images, [TensorSpec("x", (1, 3, 2, 4), "float32", "NCHW")], _job())
