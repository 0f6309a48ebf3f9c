"""What a suite's file may say, and what becomes of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.errors import DataError, EdgekitError, UsageError
from edgekit.records import Format, ModelRequest, Precision, TextRequest
from edgekit.reports import sweep as report
from edgekit.workflows import suites

WHOLE = """
formats = ["torch", "onnx", "litert"]
precisions = ["fp32", "int8"]
[[models]]
name = "toy"
weights = "random"
[[models]]
name = "efficientnet"
weights = "mine.pt"
input_size = 128
[[targets]]
name = "host"
devices = ["local"]
[[targets]]
name = "arm64"
[int8]
calib = "photos"
max_drop = 1.0
recipe = "w8-dynamic"
[evaluate]
data = "labelled"
[bench]
profile = "quick"
threads = 1
"""
LEAST = 'formats = ["onnx"]\nprecisions = ["fp32"]\n[[models]]\nname = "toy"\n'


def _file(folder: Path, text: str) -> Path:
    path = folder / "suite.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _plan(folder: Path, text: str) -> suites.SweepPlan:
    return suites.plan(suites.read(_file(folder, text)), folder / "out")


def test_a_whole_suite(tmp_path: Path) -> None:
    plan = _plan(tmp_path, WHOLE)
    assert len(plan.cells) == 2 * 3 * 2 * 2
    assert plan.devices == ("local",)
    # torch has no int8; the other formats of a model are made in one go.
    groups = {(build.plan.formats, build.plan.precisions) for build in plan.builds}
    whole = (Precision.FP32, Precision.INT8)
    assert groups == {
        ((Format.TORCH,), (Precision.FP32,)),
        ((Format.ONNX, Format.LITERT), whole),
    }
    assert len(plan.builds) == 2 * 2 * 2
    made = {cell for build in plan.builds for cell in build.cells}
    assert made | plan.impossible.keys() == set(plan.cells)
    assert not made & plan.impossible.keys()
    assert {cell.precision for cell in plan.impossible} == {Precision.INT8}
    assert {cell.format for cell in plan.impossible} == {Format.TORCH}
    # Paths are the suite's folder's, words are words; each target has a folder of its own.
    weights = {getattr(build.plan.request, "weights", "") for build in plan.builds}
    assert weights == {"random", str(tmp_path / "mine.pt")}
    assert {build.plan.out for build in plan.builds} == {
        tmp_path / "out" / "host",
        tmp_path / "out" / "arm64",
    }
    int8 = plan.builds[0].plan.int8
    assert (int8.calib, int8.max_drop, int8.scheme) == (tmp_path / "photos", 1.0, "w8-dynamic")
    assert plan.suite.evaluate is not None
    assert plan.suite.evaluate.data == str(tmp_path / "labelled")


HEADS = """
formats = ["onnx", "litert"]
precisions = ["fp32", "int8"]
models = [
    { name = "toy", weights = "random", head = "detect", neck = "fpn", nms = true, classes = 3 },
    { name = "ssdlite320_mobilenet_v3_large", weights = "random" },
    { name = "bert:mine", weights = "random", seed = 7 },
    { name = "gpt:tiny", head = "next-token-cached" },
    { name = "gpt:tiny" },
]
[int8]
calib = "photos"
texts = "texts.txt"
cut = true
[evaluate]
data = "labelled"
pairs = "pairs.tsv"
"""


def test_a_suite_says_of_a_model_what_an_export_would(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    plan = _plan(tmp_path, HEADS)
    requests = {build.plan.folder.name: build.plan.request for build in plan.builds}
    assert requests == {
        "toy": ModelRequest("toy", "detect", 3, "random", neck="fpn", nms=True),
        "ssdlite320_mobilenet_v3_large": ModelRequest(
            "ssdlite320_mobilenet_v3_large", "detect-ssd", None, "random"
        ),
        # The checkpoint is the suite's folder's; a name that is no folder there stays a name.
        "bert-mine": TextRequest(f"bert:{tmp_path / 'mine'}", "", "random", 7),
        "gpt-tiny-next-token-cached": TextRequest("gpt:tiny", "next-token-cached"),
        "gpt-tiny": TextRequest("gpt:tiny"),
    }
    # A text network is in no format that fixes its length: those are missing, the others are made.
    without = {cell.name for cell in plan.impossible}
    text = ("bert-mine", "gpt-tiny", "gpt-tiny-next-token-cached")
    assert without == {f"{name}/host/litert-{p}" for name in text for p in ("fp32", "int8")}
    calib = {build.name.partition("/")[0]: build.plan.int8.calib for build in plan.builds}
    assert calib["toy"] == tmp_path / "photos"
    assert calib["bert-mine"] == tmp_path / "texts.txt"
    assert all(build.plan.int8.cut for build in plan.builds)
    assert plan.suite.evaluate is not None
    assert plan.suite.evaluate.pairs == str(tmp_path / "pairs.tsv")


def test_the_least_suite_makes_files_for_this_machine(tmp_path: Path) -> None:
    plan = _plan(tmp_path, LEAST)
    assert [cell.name for cell in plan.cells] == ["toy/host/onnx-fp32"]
    assert plan.devices == ()


def test_it_is_shown_before_it_runs(tmp_path: Path) -> None:
    plan = _plan(tmp_path, WHOLE)
    text = report.plan(plan.suite, plan.cells, plan.impossible)
    assert "2 models x 3 formats x 2 precisions x 2 targets: 24 files" in text
    assert "not toy/host/torch-int8: torch can't be exported in int8" in text
    assert "files for host measured on local" in text
    assert "files for arm64 measured on no device" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "models"),
        ("models = 3", "models"),
        ('formats = ["onnx"\n', "no suite"),
        (LEAST.replace("onnx", "onnxx"), "onnxx"),
        (LEAST + "[bench]\nprofile = 'endless'\n", "endless"),
        (LEAST + "[bench]\nthreads = 0\n", "threads"),
        (LEAST + "[bench]\nthreads = true\n", "threads"),
        (LEAST + "[bench]\ntimeout_s = nan\n", "timeout_s"),
        (LEAST + "[int8]\nmax_drop = 101\n", "max_drop"),
        (LEAST + "[int8]\nmax_drop = nan\n", "max_drop"),
        (LEAST + "[evaluate]\n", "data"),
        (LEAST.replace('"fp32"', ""), "precisions"),
        ("color = 1\n" + LEAST, "color"),
        (LEAST + "size = 1\n", "size"),
        (LEAST + "[bench]\nprofiles = 'quick'\n", "profiles"),
        (LEAST + "[[targets]]\nname = 'host'\ndevice = 'local'\n", "device"),
        ("a = " + "[" * 2000 + "]" * 2000, "no suite"),
        ("x" * 2**21, "bytes"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        suites.read(_file(tmp_path, text))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LEAST + '[[models]]\nname = "toy"\n', "the model 'toy' twice"),
        (LEAST.replace('"fp32"', '"fp32", "fp32"'), "the precision 'fp32' twice"),
        (LEAST + "[[targets]]\nname = 'z80'\n", "no target named 'z80'"),
        (LEAST + "[[targets]]\ndevices = ['nowhere']\n", "no device named 'nowhere'"),
        (LEAST + "[[targets]]\ndevices = ['local', 'local']\n", "'local' twice"),
        (LEAST + "[bench]\nruntimes = ['none']\n", "no runtime named 'none'"),
        (LEAST + "[int8]\nkeep = true\n", "--keep"),
        (LEAST + "[int8]\nrecipe = 'w1'\n", "no recipe"),
        (LEAST.replace("toy", "bert") + "classes = 3\n", "classes of bert means nothing"),
        (LEAST.replace("toy", "gpt") + "nms = true\n", "nms of gpt means nothing"),
        (LEAST.replace("toy", "gpt:a/b") + '[[models]]\nname = "gpt:c/b"\n', "'gpt-b' twice"),
    ],
)
def test_what_there_is_not_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        _plan(tmp_path, text)
    assert words in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        suites.read(tmp_path / "none.toml")
    with pytest.raises(DataError):
        suites.read(tmp_path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60), st.integers(0, len(WHOLE)), st.integers(0, 20))
def test_no_file_is_a_traceback(tmp_path: Path, noise: bytes, at: int, gone: int) -> None:
    path = tmp_path / "suite.toml"
    whole = WHOLE.encode()
    path.write_bytes(whole[:at] + noise + whole[at + gone :])
    with contextlib.suppress(EdgekitError):
        suites.plan(suites.read(path), tmp_path)
