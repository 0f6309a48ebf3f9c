"""Artifacts on disk: what is written comes back, and what was touched is refused."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import publishing, storage
from edgekit.errors import DataError, UsageError
from edgekit.records import (
    Artifact,
    Calibration,
    Format,
    ModelSpec,
    Parity,
    Precision,
    Preprocess,
    Target,
    Weights,
    digest,
)
from edgekit.wire import Closeness, TensorSpec

INPUT = TensorSpec("input", (None, 3, 8, 8), "float32", "NCHW")
SPEC = ModelSpec("toy", "toy", "toy", "classify", 10, (INPUT,), (INPUT,), Weights("random"), 0, 9)
PREPROCESS = Preprocess((8, 8), (8, 8), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
CLOSE = Closeness(6, 1.0, 90.0, 1e-6, 2.0, finite=True)


def sealed(folder, files=("model.onnx",)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_bytes(name.encode())
    entries = tuple(storage.describe(folder, name, "model") for name in files)
    artifact = Artifact(
        path=folder,
        format=Format.ONNX,
        precision=Precision.INT8,
        spec=SPEC,
        inputs=(INPUT,),
        preprocess=PREPROCESS,
        recipe=None,
        calibration=Calibration(
            "somewhere", (("a.png", "0" * 64),), ("b.txt",), PREPROCESS.sha256
        ),
        files=entries,
        sha256=storage.model_sha256(entries),
        size_bytes=storage.model_size_bytes(entries),
        parent_sha256=None,
        tools={"onnx": "1"},
        target=Target("host", "x86_64", ("avx2",)),
        key="k",
        parity=Parity(True, "onnxruntime", {"1": CLOSE}, 5.0),
    )
    storage.write_record(artifact)
    return artifact


def edit(folder, change):
    path = folder / storage.RECORD
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def reseal(record):
    plain = {k: v for k, v in record.items() if k not in {"schema_version", "record_sha256"}}
    record["record_sha256"] = digest(plain)


def test_what_is_written_comes_back(tmp_path):
    artifact = sealed(tmp_path / "toy" / "onnx-int8")
    assert storage.load(artifact.path) == artifact
    assert artifact.name == "toy/onnx-int8"


def test_one_model_file_has_its_own_digest_and_several_have_sha256sums(tmp_path):
    one = sealed(tmp_path / "one")
    assert one.sha256 == storage.file_sha256(one.path / "model.onnx")
    two = sealed(tmp_path / "two", ("model.xml", "model.bin"))
    lines = "".join(f"{entry.sha256}  {entry.name}\n" for entry in two.files)
    (tmp_path / "sums").write_text(lines)
    assert two.sha256 == storage.file_sha256(tmp_path / "sums")


def test_a_record_edited_by_hand_is_refused(tmp_path):
    artifact = sealed(tmp_path / "a")
    edit(artifact.path, lambda record: record["preprocess"].update(mean=[0, 0, 0]))
    with pytest.raises(DataError, match="changed after it was written"):
        storage.load(artifact.path)


def test_a_model_changed_after_export_is_refused(tmp_path):
    artifact = sealed(tmp_path / "a")
    artifact.model.write_bytes(b"MODEL.onnx")
    with pytest.raises(DataError, match="hash mismatch"):
        storage.load(artifact.path)


def test_a_missing_file_is_refused(tmp_path):
    artifact = sealed(tmp_path / "a")
    artifact.model.unlink()
    with pytest.raises(DataError, match="missing"):
        storage.load(artifact.path)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "sub/model.onnx", "..", "..\\secret", "."]
)
def test_paths_that_leave_the_folder_are_refused_even_with_a_right_digest(tmp_path, name):
    (tmp_path / "secret").write_text("secret")
    artifact = sealed(tmp_path / "a")

    def point_outside(record):
        record["files"][0]["name"] = name
        reseal(record)

    edit(artifact.path, point_outside)
    with pytest.raises(DataError, match="outside its folder"):
        storage.load(artifact.path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    artifact = sealed(tmp_path / "a")
    outside = tmp_path / "outside"
    artifact.model.rename(outside)
    artifact.model.symlink_to(outside)
    with pytest.raises(DataError, match="outside its folder"):
        storage.load(artifact.path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record["files"].append(record["files"][0]), "twice"),
        (lambda record: record["files"][0].update(role="golden"), "no model"),
        (lambda record: record.update(size_bytes=1), "size"),
        (lambda record: record.update(inputs=[]), "no inputs"),
        (lambda record: record["inputs"][0].update(shape=[]), "without axes"),
        (lambda record: record["preprocess"].update(interpolation="magic"), "preprocessing"),
        (lambda record: record["preprocess"].update(mean=[0.1, 0.5, 0.5]), "another prep"),
        (lambda record: record["files"][0].update(name="a\0b"), "outside"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused_though_sealed(tmp_path, change, words):
    artifact = sealed(tmp_path / "a")

    def forge(record):
        change(record)
        reseal(record)

    edit(artifact.path, forge)
    with pytest.raises(DataError, match=words):
        storage.load(artifact.path)


def test_what_is_written_in_brackets_only_is_refused(tmp_path):
    artifact = sealed(tmp_path / "a")
    (artifact.path / storage.RECORD).write_text("[" * 200_000)
    with pytest.raises(DataError):
        storage.load(artifact.path)


def test_a_foreign_onnx_counts_with_its_external_data(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"...location\x12\x0bnet.weights...")
    (tmp_path / "net.weights").write_bytes(b"0" * 1000)
    (tmp_path / "other").write_bytes(b"0" * 1000)
    subject = storage.subject(tmp_path / "net.onnx")
    assert 1000 < subject.size_bytes < 2000
    (tmp_path / "net.weights").write_bytes(b"1" * 1000)
    assert storage.subject(tmp_path / "net.onnx").sha256 != subject.sha256


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1}', "\xff" * 9])
def test_a_broken_record_is_refused(tmp_path, text):
    artifact = sealed(tmp_path / "a")
    (artifact.path / storage.RECORD).write_text(text, encoding="latin-1")
    with pytest.raises(DataError):
        storage.load(artifact.path)


def test_a_record_of_another_schema_is_named(tmp_path):
    artifact = sealed(tmp_path / "a")
    edit(artifact.path, lambda record: record.update(schema_version=99))
    with pytest.raises(DataError, match="schema 99"):
        storage.load(artifact.path)


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_single_byte_of_a_record_can_be_changed_unseen(tmp_path_factory, position, byte):
    folder = tmp_path_factory.mktemp("fuzz")
    artifact = sealed(folder)
    path = folder / storage.RECORD
    text = bytearray(path.read_bytes())
    position %= len(text)
    if text[position] == byte:
        return
    text[position] = byte
    path.write_bytes(text)
    try:
        loaded = storage.load(folder)
    except DataError:
        return
    # Only what JSON itself doesn't see may differ: white space.
    assert loaded == artifact


def test_find_passes_over_hidden_folders(tmp_path):
    sealed(tmp_path / "toy" / "onnx-int8")
    sealed(tmp_path / "toy" / ".staging-1" / "onnx-int8")
    assert storage.find(tmp_path) == [tmp_path / "toy" / "onnx-int8"]


def test_a_foreign_file_is_a_subject(tmp_path):
    model = tmp_path / "net.xml"
    model.write_text("<net/>")
    (tmp_path / "net.bin").write_bytes(b"1234")
    assert storage.subject(model).size_bytes == 10
    with pytest.raises(UsageError, match="no suffix"):
        storage.subject(tmp_path / "net.bin")
    with pytest.raises(UsageError, match="there is no"):
        storage.subject(tmp_path / "nothing.onnx")


def test_publishing_replaces_the_whole_folder(tmp_path):
    destination = tmp_path / "final"
    sealed(destination, ("old.onnx",))
    staged = sealed(tmp_path / "staged").path
    publishing.publish(staged, destination)
    assert sorted(path.name for path in destination.iterdir()) == ["artifact.json", "model.onnx"]
    assert not staged.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_publish_that_was_killed_half_way_is_undone(tmp_path):
    sealed(tmp_path / ".old-onnx-int8")
    with publishing.locked(tmp_path, lambda: None), publishing.staging(tmp_path):
        assert storage.load(tmp_path / "onnx-int8").format is Format.ONNX


def test_a_writer_that_made_nothing_leaves_nothing(tmp_path):
    with publishing.locked(tmp_path / "toy", lambda: None):
        pass
    assert not (tmp_path / "toy").exists()


def test_what_a_killed_export_left_is_cleared(tmp_path):
    (tmp_path / ".staging-dead" / "half").mkdir(parents=True)
    with publishing.locked(tmp_path, lambda: None), publishing.staging(tmp_path) as fresh:
        assert fresh.is_dir()
        assert not (tmp_path / ".staging-dead").exists()
    assert not fresh.exists()


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "can't be written")]
)
def test_the_disk_speaks_plainly(tmp_path, code, words):
    with pytest.raises(DataError, match=words), publishing.disk_errors(tmp_path):
        raise OSError(code, os.strerror(code))


def test_equal_content_gives_equal_bytes(tmp_path):
    first = sealed(tmp_path / "x" / "a")
    second = sealed(tmp_path / "y" / "a")
    assert replace(first, path=Path()) == replace(second, path=Path())
    texts = [(item.path / storage.RECORD).read_bytes() for item in (first, second)]
    assert texts[0] == texts[1]
