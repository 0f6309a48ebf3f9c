"""TensorRT's program as a builder, played by a script that prints what the real one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit import trtexec
from edgekit.errors import DataError, ToolError

DATA = Path(__file__).parents[1] / "data" / "devices"
SHAPES = trtexec.fixed({"x": (1, 3, 8, 8)})
SCRIPT = """#!/bin/sh
echo "$*" >>'{log}'
for word in "$@"; do case $word in --saveEngine=*) plan=${{word#--saveEngine=}};; esac; done
cat '{text}'
[ -n "$plan" ] && [ -n '{engine}' ] && printf %s '{engine}' >"$plan"
exit {status}
"""


def stand_in(folder: Path, said: str, engine: str = "", status: int = 0) -> str:
    program = folder / "trtexec"
    text, log = DATA / f"{said}.txt", folder / "asked"
    program.write_text(SCRIPT.format(log=log, text=text, engine=engine, status=status))
    program.chmod(0o755)
    return str(program)


def test_an_old_one_is_told_the_precision() -> None:
    words = trtexec.command("trtexec", Path("m.onnx"), Path("m.engine"), SHAPES, (8, 5, 2), "fp16")
    assert words == [
        "trtexec",
        "--onnx=m.onnx",
        "--saveEngine=m.engine",
        "--profilingVerbosity=detailed",
        "--buildOnly",
        "--fp16",
        "--minShapes=x:1x3x8x8",
        "--optShapes=x:1x3x8x8",
        "--maxShapes=x:1x3x8x8",
    ]


def test_a_new_one_takes_it_from_the_file() -> None:
    words = trtexec.command("trtexec", Path("m"), Path("e"), {}, (10, 3, 0), "int8")
    assert words[4:] == ["--stronglyTyped", "--skipInference"]


def test_names_with_colons_are_quoted() -> None:
    shapes = {"in:0": ((1, 4), (2, 4), (8, 4)), "mask": ((1,), (2,), (8,))}
    words = trtexec.command("trtexec", Path("m"), Path("e"), shapes, (10, 3, 0))
    assert "--optShapes='in:0':2x4,mask:2" in words


@pytest.mark.parametrize(
    ("name", "passed", "version", "seconds"),
    [
        ("trtexec-8.5", True, (8, 5, 2), 158.024),
        ("trtexec-10.3", True, (10, 3, 0), 90.7714),
        ("trtexec-failed", False, (8, 5, 2), None),
    ],
)
def test_what_it_prints(
    name: str, *, passed: bool, version: tuple[int, ...], seconds: float | None
) -> None:
    told = trtexec.parse((DATA / f"{name}.txt").read_text())
    assert told[:3] == (passed, version, seconds)


def test_an_engine_is_built(tmp_path: Path) -> None:
    program = stand_in(tmp_path, "trtexec-8.5", engine="an engine")
    assert trtexec.build(program, Path("my model.onnx"), SHAPES, "fp16") == b"an engine"
    asked, built = (tmp_path / "asked").read_text().splitlines()
    assert asked == "--help"
    assert built.startswith(f"--onnx={Path('my model.onnx').absolute()} --saveEngine=/")
    assert "--fp16" in built.split()


def test_a_file_that_its_parser_refuses(tmp_path: Path) -> None:
    program = stand_in(tmp_path, "trtexec-failed", status=1)
    with pytest.raises(DataError, match="can't parse m.onnx: .*NonZero"):
        trtexec.build(program, Path("m.onnx"), {})


def test_a_success_without_an_engine_is_none(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="built no engine") as caught:
        trtexec.build(stand_in(tmp_path, "trtexec-10.3"), Path("m.onnx"), {})
    assert "--verbose" in caught.value.hint


def test_an_engine_of_a_build_that_failed_is_none(tmp_path: Path) -> None:
    program = stand_in(tmp_path, "trtexec-failed", engine="half an engine", status=1)
    with pytest.raises(DataError):
        trtexec.build(program, Path("m.onnx"), {})


def test_a_program_that_does_not_end(tmp_path: Path) -> None:
    program = tmp_path / "trtexec"
    program.write_text('#!/bin/sh\n[ "$1" = --help ] && exit 0\nexec sleep 60\n')
    program.chmod(0o755)
    with pytest.raises(ToolError, match="not done after 0.2 s"):
        trtexec.build(str(program), Path("m.onnx"), {}, timeout_s=0.2)


def test_a_program_that_can_not_be_started() -> None:
    with pytest.raises(ToolError, match="can't be started"):
        trtexec.version("/nonexistent/trtexec")


PIECES = st.sampled_from(
    ["&&&& PASSED TensorRT.trtexec [TensorRT v8502]", "&&&& ", "[TensorRT v999999]", "\n", " ",
     "Engine built in 3 sec", "Engine built in x sec", "[t] [E] bad", "[E]", "PASSED"]
)  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_output_is_read(text: str) -> None:
    told = trtexec.parse(text)
    assert len(told.version) in (0, 3)
    assert not told.passed or "PASSED" in text
