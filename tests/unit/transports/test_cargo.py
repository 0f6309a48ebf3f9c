"""What is packed for a device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import DataError
from edgekit.transports import cargo
from edgekit.wire import EndToEnd, Job, Preprocess, Rival


def _file(path: Path, content: bytes = b"model") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def _content(item: cargo.Item) -> bytes:
    with item.open() as file:
        return file.read()


def _job(model: str, **fields: object) -> Job:
    return Job("bench", "onnxruntime", model, "fp32", threads=1, **fields)  # type: ignore[arg-type]


def test_the_worker_is_the_same_file_each_time() -> None:
    first = cargo.worker()
    cargo.worker.cache_clear()
    assert cargo.worker() == first


def test_the_worker_runs_from_its_archive_alone(tmp_path: Path) -> None:
    (tmp_path / cargo.WORKER).write_bytes(_content(cargo.worker()))
    job = {"kind": "tune", "runtime": "", "model": "", "precision": "", "threads": 1}
    done = subprocess.run(
        [sys.executable, "-m", "edgekit.measure.worker"],
        input=json.dumps({**job, "root": "/nonexistent"}) + "\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": cargo.WORKER},
        check=True,
    )
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["phase", "failure"]


def test_everything_that_a_worker_may_import_is_in_the_archive(tmp_path: Path) -> None:
    (tmp_path / cargo.WORKER).write_bytes(_content(cargo.worker()))
    program = """
import importlib, zipfile
for name in zipfile.ZipFile("worker.zip").namelist():
    if name.startswith("edgekit/measure") or name.startswith("edgekit/wire"):
        module = importlib.import_module(name[:-3].replace("/", ".").replace(".__init__", ""))
        assert "worker.zip" in module.__file__, module.__file__
"""
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": cargo.WORKER}, check=True
    )


def test_two_models_of_one_name_each_keep_what_lies_beside_them(tmp_path: Path) -> None:
    base = _file(tmp_path / "base/m.onnx", b"names weights.bin and more")
    _file(tmp_path / "base/weights.bin", b"base")
    head = _file(tmp_path / "head/m.onnx", b"names weights.bin too")
    _file(tmp_path / "head/weights.bin", b"head")
    held = cargo.pack(_job(base, rivals=[Rival(head, "fp16")]))
    assert held.job.model == "0/model.onnx"
    assert held.job.rivals == [Rival("1/model.onnx", "fp16")]
    content = {name: _content(item) for name, item in held.files.items()}
    assert content["0/weights.bin"] == b"base"
    assert content["1/weights.bin"] == b"head"


def test_openvino_finds_its_weights_by_its_own_name(tmp_path: Path) -> None:
    model = _file(tmp_path / "my model (1).xml")
    _file(tmp_path / "my model (1).bin")
    assert set(cargo.pack(_job(model)).files) == {"0/model.xml", "0/model.bin", cargo.WORKER}


def test_a_name_that_an_onnx_file_holds_must_be_possible_there(tmp_path: Path) -> None:
    model = _file(tmp_path / "m.onnx", b"names we;ights.bin")
    _file(tmp_path / "we;ights.bin")
    with pytest.raises(DataError, match="we;ights.bin"):
        cargo.pack(_job(model))


def test_all_that_a_job_names_comes_along(tmp_path: Path) -> None:
    photos = [_file(tmp_path / "a.jpg", b"a"), _file(tmp_path / "ünï.p;ng", b"b")]
    how = Preprocess((1, 1), (1, 1), "squash", "nearest", (0.0,), (1.0,))
    job = _job(
        _file(tmp_path / "m.tflite"),
        golden=_file(tmp_path / "g.npz", b"golden"),
        feeds=_file(tmp_path / "f.npz", b"feeds"),
        outputs=str(tmp_path / "out.npz"),
        end_to_end=EndToEnd(photos, how, "classify"),
    )
    held = cargo.pack(job)
    assert held.outputs == tmp_path / "out.npz"
    assert (held.job.golden, held.job.feeds) == ("golden.npz", "feeds.npz")
    assert held.job.outputs == cargo.OUTPUTS
    assert held.job.end_to_end is not None
    assert held.job.end_to_end.photos == ["photos/0.jpg", "photos/1"]
    assert {name for name in held.files if "photos" in name} == {"photos/0.jpg", "photos/1"}


def test_a_changed_file_is_another(tmp_path: Path) -> None:
    model = _file(tmp_path / "m.tflite", b"one")
    before = cargo.pack(_job(model)).files["0/model.tflite"]
    _file(tmp_path / "m.tflite", b"other")
    after = cargo.pack(_job(model)).files["0/model.tflite"]
    assert before.sha256 != after.sha256
    assert after.path == f"files/{after.sha256}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone.tflite"):
        cargo.pack(_job(str(tmp_path / "gone.tflite")))
