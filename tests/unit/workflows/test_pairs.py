"""Which file is compared with which, and which can't be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import DataError, EdgekitError, UsageError
from edgekit.records import Limits, Outcome, Precision
from edgekit.workflows.alike import notes
from edgekit.workflows.pairs import GateRequest, Pairs, aa_plans, pairs
from tests import foreign_files, gate_files
from tests.gate_files import INPUT


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Base and head: folders of two artifacts each, one of them of one name."""
    for name in (
        "base/net/onnx-fp32",
        "base/net/onnx-int8",
        "head/net/onnx-fp32",
        "head/new/onnx-fp32",
    ):
        precision = Precision(name.rpartition("-")[2])
        gate_files.artifact(tmp_path / name, precision=precision)
    return tmp_path


def asked(root: Path, base: str = "base", head: str = "head", **fields: object) -> Pairs:
    return pairs(GateRequest(str(root / base), str(root / head), **fields))  # type: ignore[arg-type]


def test_folders_are_matched_by_the_paths_below_them(two):
    found = asked(
        two, limits=Limits(slowdown=0.1), budget_s=7.0, data=two, threads=1, notes=("a note",)
    )
    (plan,) = found.plans
    assert (plan.name, plan.budget_s, plan.data, plan.limits.slowdown) == (
        "net/onnx-fp32",
        7.0,
        two,
        0.1,
    )
    assert plan.base.subject.path == two / "base/net/onnx-fp32/model.onnx"
    assert plan.head.subject.path == two / "head/net/onnx-fp32/model.onnx"
    assert plan.base.runtime == plan.head.runtime == "onnxruntime"
    assert plan.base.threads == 1
    (missing,) = found.done
    assert (missing.plan.name, missing.outcome) == ("net/onnx-int8", Outcome.FAIL)
    assert [check.metric for check in missing.checks] == ["missing"]
    assert found.notes == ("a note", "only head has new/onnx-fp32")


def test_two_artifacts_and_two_files(two):
    (one,) = asked(two, "base/net/onnx-int8", "head/net/onnx-fp32").plans
    assert one.name == "net/onnx-fp32"
    files = [foreign_files.saved(two / name) for name in ("a.onnx", "b.onnx")]
    (plan,) = asked(two, "a.onnx", "b.onnx", batch=4).plans
    assert (plan.base.subject.path, plan.head.subject.path) == tuple(files)
    assert (plan.base.batch, plan.head.batch, plan.name) == (4, 4, "b.onnx")
    # Folders of plain files, as an export command of any project may write them.
    for side in ("x", "y"):
        (two / side / "sub").mkdir(parents=True)
        shutil.copy(files[0], two / side / "sub" / "m.onnx")
    (plan,) = asked(two, "x", "y").plans
    assert plan.name == "sub/m.onnx"


def test_a_foreign_file_gets_the_batch_of_the_artifact_beside_it(two):
    fixed = replace(INPUT, shape=(2, *INPUT.shape[1:]))
    gate_files.artifact(two / "fixed", inputs=(fixed,))
    foreign_files.saved(two / "a.onnx")
    (plan,) = asked(two, "fixed", "a.onnx").plans
    assert (plan.base.batch, plan.head.batch) == (2, 2)


@pytest.mark.parametrize(
    ("base", "head", "message", "hint"),
    [
        ("base", "base", "they can't differ", "--aa"),
        ("base", "base/../base/", "they can't differ", "--aa"),
        ("nothing", "head", "there is no ", "edgekit export"),
        ("empty", "head", "there is no artifact", "edgekit export"),
        ("base", "head/new", "no file in common", "matched by their path"),
        ("base", "head/net/onnx-fp32", "head is one file and base a folder of 2", "on both"),
    ],
)
def test_what_is_nothing_to_compare(two, base, head, message, hint):
    (two / "empty").mkdir()
    with pytest.raises(UsageError, match=message) as caught:
        asked(two, base, head)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"threads": 0}, "--threads is 0"),
        ({"batch": 0}, "--batch is 0"),
        ({"device": "jetson"}, "no device named 'jetson'"),
        ({"runtime": "litert"}, "litert can't read"),
        ({"runtime": "nope"}, "no runtime named 'nope'"),
    ],
)
def test_options_are_checked(two, fields, message):
    with pytest.raises(UsageError, match=message):
        asked(two, "base/net/onnx-fp32", "head/net/onnx-fp32", **fields)


@pytest.mark.parametrize(
    "changed",
    [{"name": "y"}, {"shape": (None, 3, 8, 8)}, {"dtype": "float16"}, {"layout": "NHWC"}],
)
def test_other_inputs_are_refused_alone_and_failed_among_others(two, changed):
    shutil.rmtree(two / "head/net")
    gate_files.artifact(two / "head/net/onnx-int8", inputs=(replace(INPUT, **changed),))
    gate_files.artifact(two / "head/net/onnx-fp32")
    with pytest.raises(UsageError, match="other inputs: base takes x: float32 .x3x16x16 NCHW"):
        asked(two, "base/net/onnx-int8", "head/net/onnx-int8")
    found = asked(two)
    assert [plan.name for plan in found.plans] == ["net/onnx-fp32"]
    (pair,) = found.done
    assert pair.outcome is Outcome.FAIL
    assert pair.failure is not None
    assert "other inputs" in pair.failure.message


def test_a_broken_artifact_is_an_error_alone_and_a_failure_among_others(two):
    gate_files.artifact(two / "head/net/onnx-int8", precision=Precision.INT8)
    (two / "head/net/onnx-int8/model.onnx").write_bytes(b"changed")
    with pytest.raises(DataError, match="hash mismatch"):
        asked(two, "base/net/onnx-int8", "head/net/onnx-int8")
    (pair,) = asked(two).done
    assert pair.failure is not None
    assert pair.failure.kind == "DataError"


def test_other_formats_need_a_runtime_that_reads_both(tmp_path):
    for name in ("a.onnx", "a.xml", "a.tflite"):
        (tmp_path / name).write_bytes(b"never read")
    (plan,) = asked(tmp_path, "a.onnx", "a.xml").plans
    assert plan.base.runtime == plan.head.runtime == "openvino"
    with pytest.raises(UsageError, match="no runtime reads both"):
        asked(tmp_path, "a.onnx", "a.tflite")


def test_base_against_itself(two):
    one, other = aa_plans(GateRequest(str(two / "base"), ""))
    assert [one.name, other.name] == ["net/onnx-fp32", "net/onnx-int8"]
    assert one.base == one.head
    with pytest.raises(EdgekitError, match="there is no"):
        aa_plans(GateRequest(str(two / "nothing"), ""))


def test_notes_say_how_two_artifacts_came_about_differently(tmp_path):
    base = gate_files.artifact(
        tmp_path / "a", tools={"onnx": "1.18", "edgekit": "1", "torch": "2"}
    )
    head = replace(
        base,
        sha256="other",
        tools={"onnx": "1.19", "edgekit": "1"},
        inputs=(replace(INPUT, shape=(1, *INPUT.shape[1:])),),
        preprocess=replace(base.photos, mode="center"),
    )
    assert notes(base, head) == (
        "base takes x as ?x3x16x16, head as 1x3x16x16",
        "photos become the input in another way: mode is squash of base, center of head",
        "base was made with onnx 1.18, head with 1.19",
    )
    assert notes(base, base) == ("base and head are the same file, bit for bit",)
    assert notes(None, head) == ()
