"""Dense heads as a user exports them: several outputs all the way, int8, NMS in the file."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from edgekit import storage
from edgekit.tasks import TASKS

TOY = ("export", "toy", "--weights", "random", "--input-size", "64", "--classes", "3")
ONNX = (*TOY, "--format", "onnx", "--no-verdict")


@pytest.fixture(scope="module")
def exported(tmp_path_factory, run_cli):
    """The folder of a small detector, float and int8, with what the command said."""
    out = tmp_path_factory.mktemp("heads")
    done = run_cli(*ONNX, "--head", "detect", "--precision", "int8", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out / "toy", json.loads(done.stdout)


def test_parity_and_the_golden_sample_hold_every_output(exported):
    folder, report = exported
    assert [made["precision"] for made in report["artifacts"]] == ["fp32", "int8"]
    for made in report["artifacts"]:
        assert made["parity"]["passed"]
        assert set(made["parity"]["batches"]) == {"1", "2"}
    artifact = storage.load(folder / "onnx-int8")
    spec = artifact.spec
    assert [(one.name, one.shape) for one in spec.outputs] == [
        ("boxes", (None, 84, 4)),
        ("scores", (None, 84, 3)),
    ]
    assert (spec.head, spec.neck, spec.classes, spec.task) == ("detect", "pan", 3, "detect")
    with np.load(folder / "onnx-int8" / "golden.npz") as golden:
        assert [golden[f"output:{i}"].shape[1:] for i in range(2)] == [(84, 4), (84, 3)]


def test_what_is_behind_the_layers_stays_float_in_the_int8_file(exported):
    folder, _ = exported
    recipe = storage.load(folder / "onnx-int8").recipe
    assert recipe is not None
    assert any("behind the last layers" in layer.reason for layer in recipe.float_layers)
    behind = {layer.name for layer in recipe.float_layers}
    graph = onnx.load(folder / "onnx-int8" / "model.onnx").graph
    assert sum(node.op_type == "QuantizeLinear" for node in graph.node) > 20
    made = {name for node in graph.node if node.name in behind for name in node.output}
    quantized = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    assert {output.name for output in graph.output} <= made
    assert not made & quantized


def test_a_photo_goes_all_the_way_to_boxes(exported, run_json):
    folder, _ = exported
    report = run_json("bench", folder / "onnx-fp32", "--profile", "quick", "--end-to-end")
    assert report["failures"] == []
    (result,) = report["results"]
    launch = result["launches"][0]
    assert launch["golden"]["agreement"] == 1.0
    assert launch["parts_ns"]["postprocess"]


def test_nms_in_the_file_gives_what_the_task_makes_of_raw_outputs(tmp_path, run_json):
    weights = _sure_of_something(tmp_path / "weights.pth")
    size, found = (64, 64), {}
    for more in ((), ("--nms",)):
        out = tmp_path / f"out{len(more)}"
        report = run_json(*ONNX, "--head", "detect", "--weights", weights, "--out", out, *more)
        path = out / "toy" / "onnx-fp32"
        assert report["artifacts"][0]["parity"]["passed"]
        artifact = storage.load(path)
        session = onnxruntime.InferenceSession(path / "model.onnx")
        with np.load(path / "golden.npz") as golden:
            images = golden["input:input"]
        outputs = session.run(None, {"input": images})
        found[artifact.spec.task] = TASKS.get(artifact.spec.task).decode(outputs, size)
    assert any(len(one) for one in found["detect"])
    for ours, theirs in zip(found["detections"], found["detect"], strict=True):
        np.testing.assert_array_equal(ours.classes, theirs.classes)
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-4)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-2)


def _sure_of_something(path):
    """A checkpoint whose scores differ and often pass the bound, as a trained one's do."""
    import torch

    from edgekit.models import dense
    from edgekit.records import ModelRequest

    module = dense.build(ModelRequest("toy", "detect", 3, "random", 64), "toy", "toy").module
    with torch.no_grad():
        for branch in module.head.scores:
            branch.last.weight.mul_(100)
            branch.last.bias.fill_(-2)
        for branch in module.head.boxes:
            branch.last.weight.mul_(50)
    torch.save(module.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--head", "detect", "--input-size", "100"), ("100x100", "--input-size 96")),
        (("--head", "segment", "--nms"), ("--nms suppresses", "--head detect")),
        (("--head", "segment-fpn", "--neck", "none"), ("can't stand on", "fpn, pan")),
        (("--head", "yolo"), ("no head named 'yolo'", "detect")),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(tmp_path, run_cli, options, words):
    done = run_cli(*ONNX, *options, "--out", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert not list(tmp_path.rglob("model.*"))


def test_litert_says_what_it_cannot_hold(tmp_path, run_cli):
    done = run_cli(
        *TOY, "--format", "litert", "--head", "detect", "--nms", "--no-verdict", "--out", tmp_path
    )
    assert done.returncode == 2
    assert "can't put NMS into a LiteRT file" in done.stderr + done.stdout
    assert "leave --nms out" in done.stderr + done.stdout
