"""`edgekit inspect` as a user runs it."""

import json
import shutil
from collections import Counter
from dataclasses import replace

import onnx
import pytest

from edgekit import storage
from edgekit.records import Precision
from tests.graph_files import MAKERS, WEIGHTS


@pytest.fixture(params=sorted(MAKERS))
def int8_file(request, tmp_path):
    path = tmp_path / f"foreign{request.param}"
    MAKERS[request.param](path, "int8")
    return path


def test_a_foreign_file(run_json, int8_file):
    found = run_json("inspect", int8_file)
    assert found["artifact"] is None
    assert found["name"] == int8_file.name
    shares = {row["precision"]: row for row in found["precisions"]}
    assert shares["int8"]["count"] >= 1
    assert shares["fp32"]["count"] >= 1
    assert sum(row["share"] for row in found["precisions"]) == pytest.approx(1)
    # Conversions are listed, and are no operators that compute.
    computing = sum(row["count"] for row in found["precisions"])
    assert computing < sum(row["count"] for row in found["operators"])
    assert sum(row["count"] for row in found["left_in_float"]) == shares["fp32"]["count"]
    assert WEIGHTS <= found["largest"][0]["weight_bytes"] < found["size_bytes"]


def test_what_was_left_in_float_is_named(run_cli, tmp_path):
    path = tmp_path / "foreign.onnx"
    MAKERS[".onnx"](path, "int8")
    done = run_cli("inspect", path)
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "stem" in line and "conv2" in line)
    assert row.split()[:2] == ["Conv", "2"]
    assert "Softmax" in done.stdout


def test_a_float_file_has_nothing_left_in_float(run_json, tmp_path):
    path = tmp_path / "foreign.onnx"
    MAKERS[".onnx"](path, "float")
    found = run_json("inspect", path)
    assert found["left_in_float"] == []
    assert [row["precision"] for row in found["precisions"]] == ["fp32"]


def test_an_artifact_tells_its_history(run_json, toy):
    found = run_json("inspect", toy / "onnx-int8")
    artifact = found["artifact"]
    assert found["name"] == "toy/onnx-int8"
    assert found["sha256"] == artifact["sha256"]
    assert artifact["recipe"]["weight_type"] == "int8"
    assert artifact["calibration"]["files"]
    assert artifact["spec"]["weights"]["source"] == "random"
    assert artifact["tools"]["edgekit-ml"]
    float_one = run_json("inspect", toy / "onnx-fp32")
    assert artifact["parent_sha256"] == float_one["sha256"]
    int8 = next(row for row in found["precisions"] if row["precision"] == "int8")
    assert int8["share"] > 0.5


def test_an_artifact_for_people(run_cli, toy):
    done = run_cli("inspect", toy / "onnx-int8")
    assert done.returncode == 0
    for word in (
        "computes in",
        "recipe",
        "calibration",
        "preprocess",
        "parity",
        "tools",
        "random",
    ):
        assert word in done.stdout, word
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("make", "status", "word"),
    [
        (lambda path: None, 2, "there is no"),
        (lambda path: path.write_bytes(b"junk"), 6, "not an ONNX file"),
    ],
)
def test_what_cannot_be_read_ends_in_a_hint(run_cli, tmp_path, make, status, word):
    path = tmp_path / "foreign.onnx"
    make(path)
    done = run_cli("inspect", path)
    assert done.returncode == status
    assert done.stdout == ""
    assert word in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_of_an_unknown_kind(run_cli, tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"")
    done = run_cli("inspect", path)
    assert done.returncode == 2
    assert ".onnx" in done.stderr


def test_a_changed_artifact_is_refused(run_cli, toy, tmp_path):
    copy = tmp_path / "toy" / "onnx-fp32"
    copy.mkdir(parents=True)
    for file in (toy / "onnx-fp32").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    model = copy / json.loads((copy / "artifact.json").read_text())["files"][0]["name"]
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    done = run_cli("inspect", copy)
    assert done.returncode == 6
    assert "hash mismatch" in done.stderr


def altered(source, folder, **changes):
    """A copy of an artifact with a record that says otherwise, sealed anew."""
    shutil.copytree(source, folder)
    artifact = replace(storage.load(folder), **changes)
    storage.write_record(artifact)
    return folder


def test_an_artifact_that_is_int8_in_name_only(run_json, toy, tmp_path):
    path = altered(toy / "onnx-fp32", tmp_path / "onnx-int8", precision=Precision.INT8)
    found = run_json("inspect", path)
    assert "nothing in it computes in int8" in " ".join(found["notes"])


def test_an_engine_is_read_through_what_it_was_built_from(run_json, toy, tmp_path):
    folder = tmp_path / "tensorrt-int8"
    shutil.copytree(toy / "tensorrt-int8", folder)
    (folder / "model.engine").write_bytes(b"an engine")
    artifact = storage.load(folder)
    engine = storage.describe(folder, "model.engine", "model")
    files = (
        engine,
        *(replace(e, role="source" if e.role == "model" else e.role) for e in artifact.files),
    )
    sealed = replace(artifact, files=files, sha256=engine.sha256, size_bytes=engine.size_bytes)
    storage.write_record(sealed)
    found = run_json("inspect", folder)
    assert found["size_bytes"] == len(b"an engine")
    assert "model.onnx" in " ".join(found["notes"])
    # The toy's mean over rows and columns has no int8 kernel, and reads what a bound gives.
    floats = {row["op"] for row in found["left_in_float"]}
    assert floats == {"Clip", "ReduceMean"}


def test_bench_says_the_same_of_litert(run_json, toy):
    folder = toy / "litert-int8"
    ran = run_json("bench", folder)["results"][0]["launches"][0]["execution"]
    found = run_json("inspect", folder)["operators"]
    assert {(row["op"], row["precision"]): row["count"] for row in found} == Counter(
        (row["op"], row["precision"]) for row in ran
    )


def test_a_name_does_not_steer_the_terminal(run_cli, tmp_path):
    path = tmp_path / "foreign.onnx"
    MAKERS[".onnx"](path, "int8")
    model = onnx.load(path)
    for node in model.graph.node:
        node.name += "\x1b]0;owned\x07\n"
    onnx.save(model, path)
    done = run_cli("inspect", path)
    assert done.returncode == 0
    assert done.stdout.replace("\n", "").isprintable()
    assert "stem ]0;owned" in done.stdout


def test_a_torch_artifact_has_a_history_and_no_operators(run_json, toy):
    found = run_json("inspect", toy / "torch-fp32")
    assert found["operators"] == []
    assert ".pt2" in " ".join(found["notes"])
    assert found["artifact"]["parent_sha256"] is None


def test_float16_in_storage_is_not_called_float16_in_compute(run_json, toy):
    notes = {
        name: " ".join(run_json("inspect", toy / f"{name}-fp16")["notes"])
        for name in ("onnx", "openvino", "litert")
    }
    assert "stored in fp16" in notes["openvino"]
    assert "stored in fp16" in notes["litert"]
    assert "stored in fp16" not in notes["onnx"]
