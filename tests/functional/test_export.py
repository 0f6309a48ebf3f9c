"""`edgekit export` as a user runs it: what it makes, says and refuses."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit import storage
from edgekit.errors import EdgekitError
from edgekit.records import Artifact, Format, Parity, Precision

TOY = ("export", "toy", "--weights", "random", "--format", "onnx")
EVERY = [
    (format, precision)
    for format in ("onnx", "openvino", "litert", "tensorrt")
    for precision in ("fp32", "fp16", "int8")
]


def published(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def stored(artifact: Artifact, role: str) -> Path:
    path = artifact.file(role)
    assert path is not None
    assert path.is_file()
    return path


def parity_of(artifact: Artifact) -> Parity:
    assert artifact.parity is not None
    return artifact.parity


@pytest.mark.parametrize(("format", "precision"), EVERY)
def test_every_format_in_every_precision_is_sealed_and_close(toy, format, precision):
    artifact = storage.load(toy / f"{format}-{precision}")
    assert (artifact.format, artifact.precision) == (Format(format), Precision(precision))
    parity = parity_of(artifact)
    assert parity.passed
    assert parity.runtime
    assert {"1", "2"} <= set(parity.batches)
    assert stored(artifact, "golden").stat().st_size > 1000
    assert artifact.spec.weights.source == "random"
    assert artifact.tools["edgekit-ml"]
    assert artifact.parent_sha256


def test_float32_is_the_trace_in_other_words(toy):
    for format in ("torch", "onnx", "openvino", "litert"):
        parity = parity_of(storage.load(toy / f"{format}-fp32"))
        assert all(close.max_abs_error < 1e-4 for close in parity.batches.values())


@pytest.mark.parametrize("format", ["onnx", "openvino", "litert", "tensorrt"])
def test_int8_says_how_and_on_what(toy, format):
    artifact = storage.load(toy / f"{format}-int8")
    assert artifact.recipe is not None
    assert artifact.calibration is not None
    assert artifact.recipe.scheme == "w8a8-static"
    assert artifact.recipe.target == "host"
    assert len(artifact.calibration.files) >= 10
    assert "scikit-image" in artifact.calibration.source
    assert artifact.calibration.preprocess_sha256 == artifact.photos.sha256


def test_a_golden_sample_is_not_calibrated_on(toy):
    from edgekit.datasets import packaged

    calibration = storage.load(toy / "onnx-int8").calibration
    assert calibration is not None
    calibrated = {name for name, _ in calibration.files}
    assert not calibrated & {path.name for path in packaged.golden().paths}


def test_the_golden_sample_is_the_float_models(toy):
    first, second = (stored(storage.load(toy / n), "golden") for n in ("litert-int8", "onnx-fp32"))
    with np.load(first) as int8, np.load(second) as fp32:
        assert sorted(int8) == ["input:input", "output:0"]
        assert np.array_equal(int8["output:0"], fp32["output:0"])


def test_tensorrt_without_a_gpu_is_the_file_and_how_to_build_it(toy):
    artifact = storage.load(toy / "tensorrt-int8")
    assert artifact.model.name == "model.onnx"
    build = json.loads(stored(artifact, "build").read_text())
    assert build["strongly_typed"] is True
    assert "--stronglyTyped" in build["trtexec"]
    assert build["engine"]["reason"]


def test_the_qdq_file_for_tensorrt_is_symmetric_per_channel_with_float_bias(toy):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(toy / "tensorrt-int8" / "model.onnx").graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    pairs = [n for n in graph.node if n.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    assert pairs
    assert all(not constants[node.input[2]].any() for node in pairs)
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert convolutions
    for node in convolutions:
        weight = made_by[node.input[1]]
        assert weight.op_type == "DequantizeLinear"
        channels = constants[weight.input[0]].shape[0]
        assert constants[weight.input[1]].shape == (channels,)
        assert constants[node.input[2]].dtype == np.float32


def test_an_engine_is_built_for_a_named_gpu_without_one(tmp_path, run_json):
    pytest.importorskip("tensorrt_rtx_bindings")
    report = run_json(*TOY[:-1], "tensorrt", "--int8", "--target", "sm89", "--out", tmp_path)
    assert not report["failures"]
    artifact = storage.load(Path(report["artifacts"][1]["path"]))
    assert artifact.model.name == "model.engine"
    assert stored(artifact, "source").name == "model.onnx"
    assert artifact.size_bytes > 1000


def test_again_from_the_cache_changes_nothing(toy, run_json):
    before = {path: path.stat().st_mtime_ns for path in toy.rglob("*.*") if path.is_file()}
    report = run_json(*TOY[:-1], "onnx,litert", "--int8", "--out", toy.parent)
    assert all(made["cached"] for made in report["artifacts"])
    assert before == {path: path.stat().st_mtime_ns for path in toy.rglob("*.*") if path.is_file()}


def test_the_cache_needs_no_framework(toy, run_python):
    seen = run_python(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from edgekit.quantization.target import target\n"
        "from edgekit.records import Format, ModelRequest, Precision\n"
        "from edgekit.workflows.export import ExportPlan, export\n"
        f"plan = ExportPlan(ModelRequest('toy', weights='random'), (Format.ONNX,), (Precision.INT8,),"
        f" target('host'), Path({str(toy.parent)!r}))\n"
        "legs = export(plan, lambda words: None)\n"
        "frameworks = {'torch', 'onnx', 'onnxruntime', 'timm'} & set(sys.modules)\n"
        "print(json.dumps([[leg.cached for leg in legs], sorted(frameworks)]))"
    )
    assert seen == [[True, True], []]


def test_the_same_command_gives_the_same_bytes(toy, tmp_path, run_cli):
    # In a process whose sets have another order than those of the first.
    other = {"PYTHONHASHSEED": "1"}
    done = run_cli(*TOY[:-1], "torch,onnx,openvino,litert", "--out", tmp_path, env=other)
    assert done.returncode == 0, done.stderr
    for format in ("torch", "onnx", "openvino", "litert"):
        first = storage.load(toy / f"{format}-fp32")
        second = storage.load(tmp_path / "toy" / f"{format}-fp32")
        assert first.sha256 == second.sha256, format
        assert first.key == second.key


def test_a_tampered_artifact_is_made_again(tmp_path, run_json, run_cli):
    run_json(*TOY, "--out", tmp_path)
    model = tmp_path / "toy" / "onnx-fp32" / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1])
    done = run_cli(*TOY, "--out", tmp_path)
    assert done.returncode == 0
    assert "hash mismatch" in done.stderr
    assert model.read_bytes() == whole


def test_json_has_the_documented_shape(toy, run_json):
    report = run_json(*TOY, "--int8", "--out", toy.parent)
    assert sorted(report) == ["artifacts", "failures", "verdicts"]
    assert report["failures"] == []
    float32, float16, int8 = report["artifacts"]
    assert float16["recipe"]["scheme"] == "float16"
    assert {"path", "guard", "calibration", "cached"} <= set(int8)
    assert {"path", "format", "precision", "sha256", "size_bytes", "parity", "recipe"} <= set(int8)
    assert float32["recipe"] is None
    assert int8["recipe"]["scheme"] == "w8a8-static"


def test_calibration_photos_of_the_users_own(tmp_path, run_json, run_cli):
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(4):
        # Fewer than ranges need: they must be allowed.
        pixels = np.random.default_rng(index).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(photos / f"{index}.png")
    (photos / "broken.png").write_bytes(b"\x89PNG")
    command = (*TOY, "--precision", "int8", "--calib", photos, "--out", tmp_path / "out")
    refused(run_cli(*command), 6, "4 photos", "--allow-few")
    report = run_json(*command, "--allow-few", "--no-verdict")
    calibration = report["artifacts"][1]["calibration"]
    assert [name for name, _ in calibration["files"]] == ["0.png", "1.png", "2.png", "3.png"]
    assert calibration["skipped"] == ["broken.png"]


def test_an_embedding(tmp_path, run_json):
    report = run_json(*TOY, "--head", "embed", "--out", tmp_path)
    artifact = storage.load(Path(report["artifacts"][0]["path"]))
    with np.load(stored(artifact, "golden")) as golden:
        assert np.allclose(np.linalg.norm(golden["output:0"], axis=1), 1, atol=1e-5)


def test_a_fixed_batch(tmp_path, run_json):
    report = run_json(*TOY[:-1], "litert", "--batch", "4", "--out", tmp_path)
    artifact = storage.load(Path(report["artifacts"][0]["path"]))
    assert artifact.inputs[0].shape[0] == 4
    assert list(parity_of(artifact).batches) == ["4"]


# Bad input.


class Loaded:
    def __reduce__(self):
        return (os.system, ("touch /tmp/edgekit-was-here",))


def refused(done, status, *words):
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "hint: " in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_unknown_model_names_its_neighbours(tmp_path, run_cli):
    refused(run_cli("export", "efficentnet", "--out", tmp_path), 2, "efficientnet")
    assert not list(tmp_path.iterdir())


def test_impossible_pairs_name_the_possible_ones(tmp_path, run_cli):
    refused(run_cli(*TOY[:-1], "torch", "--int8", "--out", tmp_path), 2, "torch", "fp32")
    refused(run_cli(*TOY[:-1], "coreml", "--out", tmp_path), 2, "coreml", "openvino")
    refused(run_cli(*TOY, "--precision", "int4", "--out", tmp_path), 2, "int4", "int8")
    refused(run_cli(*TOY, "--target", "arm65", "--out", tmp_path), 2, "arm64")


@pytest.mark.parametrize("classes", ["0", "-3"])
def test_no_classes(tmp_path, run_cli, classes):
    refused(run_cli(*TOY, "--classes", classes, "--out", tmp_path), 2, "classes")


def test_pretrained_weights_that_nobody_has(tmp_path, run_cli):
    refused(run_cli("export", "toy", "--out", tmp_path), 6, "--weights random")


def test_calibration_folders_that_cannot_be_used(tmp_path, run_cli):
    empty, words = tmp_path / "empty", tmp_path / "words"
    empty.mkdir()
    words.mkdir()
    (words / "notes.txt").write_text("not a photo")
    for folder, word in ((tmp_path / "none", "none"), (empty, "empty"), (words, "notes.txt")):
        done = run_cli(*TOY, "--int8", "--calib", folder, "--out", tmp_path / "out")
        refused(done, 6, word)
    assert not (tmp_path / "out").exists()


def test_checkpoints_that_cannot_be_used(tmp_path, run_cli):
    import torch

    flag = Path("/tmp/edgekit-was-here")
    flag.unlink(missing_ok=True)
    code, cut, other = tmp_path / "code.pth", tmp_path / "cut.pth", tmp_path / "other.pth"
    code.write_bytes(pickle.dumps({"stem.weight": Loaded()}))
    torch.save({"some.weight": torch.zeros(3)}, other)
    cut.write_bytes(other.read_bytes()[:100])
    for path, word in ((code, "code"), (cut, "cut.pth"), (other, "stem")):
        done = run_cli("export", "toy", "--weights", path, "--format", "onnx", "--out", tmp_path)
        refused(done, 6, word)
    assert not flag.exists()


def test_a_read_only_disk(run_cli):
    # Even root can't write here.
    refused(run_cli(*TOY, "--out", "/proc/edgekit"), 6, "--out")


def test_a_full_disk(tmp_path, run_cli):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("making a small disk needs root")
    try:
        refused(run_cli(*TOY, "--out", disk), 6, "full")
        assert not list(disk.rglob("artifact.json"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def start(*args):
    return subprocess.Popen(
        [sys.executable, "-m", "edgekit", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_line(process, word):
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"{word!r} was never said")


def test_ctrl_c_leaves_nothing_half_written(tmp_path):
    process = start(*TOY, "--int8", "--out", tmp_path)
    wait_for_line(process, "making onnx-fp32")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert published(tmp_path) in ([], ["toy/.lock"])


def test_a_killed_export_is_taken_up_by_the_next(tmp_path, run_json):
    process = start(*TOY, "--int8", "--out", tmp_path)
    wait_for_line(process, "making onnx-int8")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    whole = [tmp_path / "toy" / f"onnx-{precision}" for precision in ("fp16", "fp32")]
    assert set(storage.find(tmp_path)) <= set(whole)
    run_json(*TOY, "--int8", "--no-verdict", "--out", tmp_path)
    left = [path.name for path in (tmp_path / "toy").iterdir() if path.name != ".lock"]
    assert sorted(left) == ["onnx-fp16", "onnx-fp32", "onnx-int8"]


def test_two_exports_into_one_place_both_end_well(tmp_path):
    first, second = (start(*TOY, "--out", tmp_path, "--json") for _ in range(2))
    reports = []
    for process in (first, second):
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        reports.append(json.loads(out))
    assert sorted(report["artifacts"][0]["cached"] for report in reports) == [False, True]
    assert storage.load(tmp_path / "toy" / "onnx-fp32").name == "toy/onnx-fp32"


def test_statuses_follow_the_kind_of_failure():
    assert EdgekitError.exit_code_of("UsageError") == 2
    assert EdgekitError.exit_code_of("ToolError") == 4
    assert EdgekitError.exit_code_of("unheard of") == 1
