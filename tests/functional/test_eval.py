"""`edgekit eval` as a user runs it."""

import json

import numpy as np
import pytest
from PIL import Image

from edgekit import storage
from edgekit.datasets.images import Tensors
from edgekit.results.store import Store
from edgekit.transports import linked
from edgekit.workflows.infer import HERE, infer


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for index in range(12):
        colour = np.random.default_rng(index).integers(0, 256, 3)
        Image.new("RGB", (40, 40), tuple(map(int, colour))).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def best(toy, photos):
    """The classes of the float model for each photo, the best first."""
    artifact = storage.load(toy / "onnx-fp32")
    paths = sorted(photos.glob("*.png"))
    images = Tensors(artifact.photos, paths).stack()
    with linked(HERE) as link:
        (outputs,) = infer(link, artifact, [images], runtime="onnxruntime", batch=1, threads=1)
    return dict(zip([path.name for path in paths], np.argsort(-outputs, axis=1), strict=True))


def test_top1_and_top5_count_what_is_right(toy, photos, best, results_folder, run_json):
    # The first three are labelled right, the next three with the second best, the rest wrong.
    ranks = [0] * 3 + [1] * 3 + [9] * 6
    right = {name: [int(best[name][rank])] for name, rank in zip(sorted(best), ranks, strict=True)}
    (photos / "labels.json").write_text(json.dumps(right))
    report = run_json("eval", toy / "onnx-fp32", "--data", photos)
    assert {"metric", "score", "float32", "agreement", "images", "lost_points"} <= set(report)
    score = report["score"]
    assert (report["images"], report["metric"], score["value"]) == (12, "top1", 3 / 12)
    assert score["others"]["top5"] == 6 / 12
    (photos / "labels.json").unlink()
    # And it is kept, for whoever draws this file's latency.
    kept = Store(results_folder).accuracy_of(report["sha256"])
    assert kept is not None
    assert (kept.images, kept.value) == (12, 3 / 12)


@pytest.mark.parametrize("artifact", ["openvino-fp32", "litert-fp32", "torch-fp32", "litert-fp16"])
def test_every_float_format_gives_the_same_classes(toy, photos, run_json, artifact):
    report = run_json("eval", toy / artifact, "--data", photos)
    assert report["agreement"] == 1.0
    assert report["score"] is None


def test_int8_is_compared_with_the_float_file_beside_it(toy, photos, run_json):
    report = run_json("eval", toy / "onnx-int8", "--data", photos)
    assert 0.5 <= report["agreement"] <= 1.0


def test_a_file_for_a_gpu_is_run_by_the_reference(toy, photos, run_json):
    report = run_json(
        "eval", toy / "tensorrt-int8", "--data", photos, "--runtime", "onnxruntime-reference"
    )
    assert report["agreement"] >= 0.5


def test_images_that_were_calibrated_on_are_refused(tmp_path, photos, run_json, run_cli):
    out = tmp_path / "out"
    common = ("export", "toy", "--weights", "random", "--format", "onnx", "--precision", "int8")
    run_json(*common, "--out", out, "--calib", photos, "--allow-few", "--no-verdict")
    done = run_cli("eval", out / "toy" / "onnx-int8", "--data", photos)
    assert done.returncode == 6
    assert "calibrated on 12 of these images: 00.png" in done.stderr


def test_bad_input(toy, photos, tmp_path, run_cli):
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = [
        ((toy / "onnx-fp32", "--data", tmp_path / "none"), 6, "no folder"),
        ((toy / "onnx-fp32", "--data", empty), 6, "empty"),
        ((empty, "--data", photos), 6, "artifact.json"),
        ((toy / "onnx-fp32", "--data", photos, "--metric", "map"), 2, "top1"),
        ((toy / "onnx-fp32", "--data", photos, "--runtime", "litert"), 2, "can't read"),
        ((toy / "onnx-fp32", "--data", photos, "--runtime", "cntk"), 2, "onnxruntime"),
    ]
    for arguments, status, word in cases:
        done = run_cli("eval", *arguments)
        assert done.returncode == status, done.stderr
        assert word in done.stderr
        assert "Traceback" not in done.stderr
