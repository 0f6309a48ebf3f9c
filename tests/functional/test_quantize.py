"""`edgekit quantize` as a user runs it: files that edgekit did not export."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgekit import storage
from edgekit.records import Format, Precision
from tests.foreign_files import CLASSES, SIZE, net, photos, saved, with_constant

# Marks of what its weights learnt from, as they lie beside a file that edgekit exported.
LEARNT = ("0" * 16, "f" * 16)
QUICK = ("--no-verdict", "--json")


def refused(done, status, *words):
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr + done.stdout
    for word in words:
        assert word in said, said


@pytest.fixture(scope="module")
def calib(tmp_path_factory):
    return photos(tmp_path_factory.mktemp("calib") / "photos")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A file in opset 11 with BatchNormalization behind a layer, and names of its classes."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "labels.txt").write_text("\n".join("abcde") + "\n")
    storage.write_learnt(folder, LEARNT)
    return saved(folder / "theirs.onnx", opset=11)


@pytest.fixture(scope="module")
def made(old, calib, tmp_path_factory, run_cli):
    """What is said and published of it, in every format that it can be had in."""
    out = tmp_path_factory.mktemp("exported")
    formats = ("--format", "onnx,openvino,tensorrt")
    done = run_cli(
        "quantize", old, "--calib", calib, "--preprocess", "imagenet", *formats, "--out", out, *QUICK
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, out / "theirs"


@pytest.mark.parametrize("format", ["onnx", "openvino", "tensorrt"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_each_format_is_sealed_and_close_to_the_file(made, old, format, precision):
    artifact = storage.load(made[1] / f"{format}-{precision}")
    assert (artifact.format, artifact.precision) == (Format(format), Precision(precision))
    assert artifact.parity is not None
    assert artifact.parity.passed
    spec = artifact.spec
    assert (spec.family, spec.backbone, spec.head) == ("file", "theirs.onnx", "classify")
    assert spec.classes == CLASSES
    assert spec.weights.source == "file:theirs.onnx"
    assert spec.weights.sha256 == storage.file_sha256(old)
    assert artifact.photos.size == (SIZE, SIZE)
    assert artifact.file("labels") is not None
    assert storage.learnt(artifact) == set(LEARNT)


def test_it_says_what_was_done(made):
    said = made[0].stderr
    assert "theirs.onnx is in opset 11: brought to 13" in said
    assert "folded 1 BatchNormalization" in said
    assert "calibrating on 32 photos" in said


def test_the_golden_sample_is_what_the_file_itself_gives(made, old):
    import onnxruntime

    path = storage.load(made[1] / "onnx-int8").file("golden")
    assert path is not None
    session = onnxruntime.InferenceSession(str(old), providers=["CPUExecutionProvider"])
    with np.load(path) as golden:
        given = session.run(None, {"x": golden["input:x"]})[0]
        assert np.allclose(golden["output:0"], given, atol=1e-4)


def test_the_quantized_file_is_quantized_and_has_the_same_ends(made):
    graph = onnx.load(made[1] / "onnx-int8" / "model.onnx").graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["x", "y"]
    kinds = [node.op_type for node in graph.node]
    assert "QuantizeLinear" in kinds
    assert not {"BatchNormalization", "Shape", "Pad"} & set(kinds)


def test_again_it_comes_from_the_cache_and_another_file_does_not(
    made, old, calib, tmp_path, run_json
):
    out = tmp_path / "out"
    shutil.copytree(made[1].parent, out)
    same = ("--calib", calib, "--preprocess", "imagenet", "--out", out, "--no-verdict")
    report = run_json("quantize", old, *same)
    assert [leg["cached"] for leg in report["artifacts"]] == [True] * 3
    changed = with_constant(net(opset=11), "fb", np.ones(CLASSES))
    (tmp_path / "new").mkdir()
    onnx.save(changed, tmp_path / "new" / "theirs.onnx")
    report = run_json("quantize", tmp_path / "new" / "theirs.onnx", *same)
    assert [leg["cached"] for leg in report["artifacts"]] == [False] * 3


def test_bench_eval_and_inspect_take_it(made, calib, run_json):
    folder = made[1] / "onnx-int8"
    others = photos(calib.parent / "other", 4, seed=9)
    assert run_json("eval", folder, "--data", others)["images"] == 4
    assert run_json("inspect", folder)["artifact"]["spec"]["family"] == "file"
    (row,) = run_json("bench", folder, "--profile", "quick")["results"]
    assert row["valid"], row


def test_a_new_file_with_a_fixed_batch_and_a_guard(calib, tmp_path, run_json):
    path = saved(tmp_path / "new.onnx", opset=22, axes=(1, 3, SIZE, SIZE))
    guard = ("--max-drop", "100", "--data", photos(tmp_path / "data", 4, seed=3))
    options = ("--calib", calib, "--preprocess", "unit", *guard, "--name", "mine")
    report = run_json("quantize", path, *options, "--out", tmp_path, "--no-verdict")
    assert report["failures"] == []
    int8 = storage.load(tmp_path / "mine" / "onnx-int8")
    assert int8.guard is not None
    assert int8.guard.met
    assert int8.inputs[0].shape == (1, 3, SIZE, SIZE)
    assert int8.parity is not None
    assert list(int8.parity.batches) == ["1"]


def test_a_file_of_any_size_is_made_for_the_size_that_is_said(calib, tmp_path, run_json):
    path = saved(tmp_path / "any.onnx", axes=("N", 3, "H", "W"))
    prepared = {
        "size": [32, 48],
        "resize": [32, 48],
        "mode": "squash",
        "interpolation": "bilinear",
    }
    word = json.dumps({**prepared, "mean": [0.5] * 3, "std": [0.5] * 3})
    options = ("--calib", calib, "--preprocess", word, "--out", tmp_path, "--no-verdict")
    report = run_json("quantize", path, *options, "--format", "onnx,openvino")
    assert report["failures"] == []
    assert storage.load(tmp_path / "any" / "openvino-int8").inputs[0].shape == (None, 3, 32, 48)


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_what_edgekit_exported_comes_back_as_good(toy, tmp_path, run_json, format):
    # An ONNX file says its preprocessing itself; a LiteRT one has its record beside it.
    source = storage.load(toy / f"{format}-fp32").model
    report = run_json("quantize", source, "--name", "again", "--out", tmp_path, "--no-verdict")
    assert report["failures"] == []
    name = f"{format}-int8"
    ours, theirs = storage.load(toy / name), storage.load(tmp_path / "again" / name)
    assert theirs.preprocess == ours.preprocess
    assert ours.parity is not None
    assert theirs.parity is not None
    first, second = (float(p.batches["1"].sqnr_db or 99) for p in (ours.parity, theirs.parity))
    assert second > first - 1.0


# Bad input.


def test_nothing_is_written_of_what_is_refused(old, calib, tmp_path, run_cli):
    base = ("quantize", old, "--calib", calib, "--out", tmp_path / "out")
    refused(run_cli(*base), 2, "nothing says how a photo", "--preprocess imagenet")
    wrong = '{"size": [224, 224], "resize": [256, 256], "mode": "center", "interpolation": "bilinear", "mean": [0, 0, 0], "std": [1, 1, 1]}'
    refused(run_cli(*base, "--preprocess", wrong), 2, "16 x 16", "224 x 224")
    refused(
        run_cli(*base, "--preprocess", "unit", "--format", "litert"), 2, "onnx, openvino, tensorrt"
    )
    assert not (tmp_path / "out").exists()


def test_a_quantized_file_is_not_quantized_again(made, tmp_path, run_cli):
    model = made[1] / "openvino-int8" / "model.xml"
    refused(run_cli("quantize", model, "--out", tmp_path), 2, ".onnx or .tflite")
    model = made[1] / "onnx-int8" / "model.onnx"
    refused(
        run_cli("quantize", model, "--out", tmp_path), 2, "quantized already", "edgekit inspect"
    )


def test_photos_that_cannot_be_calibrated_on(old, tmp_path, run_cli):
    from PIL import Image

    few, alike = photos(tmp_path / "few", 8), tmp_path / "alike"
    alike.mkdir()
    for index in range(32):  # other bytes, the same pixels
        Image.new("RGB", (30, 30)).save(alike / f"{index}.png", dpi=(index + 1, 1))
    base = ("quantize", old, "--preprocess", "imagenet", "--out", tmp_path / "out", "--no-verdict")
    refused(run_cli(*base, "--calib", few), 6, "holds 8 photos", "--allow-few")
    refused(run_cli(*base, "--calib", alike), 6, "all alike", "of one colour")
    overlap = ("--allow-few", "--calib", few, "--max-drop", "5", "--data", few)
    refused(run_cli(*base, *overlap), 6, "both calibrated on and measured on", "000.png")


def test_a_recipe_for_something_else(made, old, calib, tmp_path, run_cli):
    record = json.loads((made[1] / "onnx-int8" / "artifact.json").read_text())["recipe"]
    how = ("--calib", calib, "--preprocess", "imagenet", "--no-verdict")
    base = ("quantize", old, *how, "--out", tmp_path / "out")

    def given(**changes):
        path = tmp_path / "recipe.json"
        path.write_text(json.dumps({**record, **changes}))
        return ("--recipe", path)

    layer = {"name": "nobody", "reason": "by hand"}
    refused(run_cli(*base, *given(target="sm89")), 2, "sm89")
    refused(run_cli(*base, *given(format="openvino")), 2, "openvino")
    refused(run_cli(*base, *given(network="0" * 64)), 2, "another network")
    refused(run_cli(*base, *given(float_layers=[layer])), 2, "nobody", "edgekit inspect")


def test_weights_that_are_no_numbers_name_the_first_tensor(calib, tmp_path, run_cli):
    weights = np.ones((8, 8, 3, 3))
    weights[0, 0, 0, 0] = np.nan
    onnx.save(with_constant(net(), "w2", weights), tmp_path / "broken.onnx")
    done = run_cli("quantize", tmp_path / "broken.onnx", "--calib", calib, "--preprocess", "unit", "--out", tmp_path, *QUICK)  # fmt: skip
    refused(done, 6, "'d'", "NaN")
    assert not storage.find(tmp_path)


def test_an_opset_without_a_way_back(calib, tmp_path, run_cli):
    new = net(opset=23)
    new.graph.initializer.append(numpy_helper.from_array(np.ones(CLASSES, np.float32), "ones"))
    new.graph.node[-1].output[0] = "z"
    new.graph.node.append(helper.make_node("RMSNormalization", ["z", "ones"], ["y"], "rms"))
    onnx.save(new, tmp_path / "new.onnx")
    done = run_cli("quantize", tmp_path / "new.onnx", "--calib", calib, "--preprocess", "unit", "--out", tmp_path)  # fmt: skip
    refused(done, 2, "opset 23", "opset_version=20")
