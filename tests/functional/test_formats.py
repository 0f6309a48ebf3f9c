"""`edgekit formats` as a user runs it."""

import pytest

from edgekit.records import Format, Precision
from edgekit.workflows import routes


def test_every_format_in_every_precision_once(run_json):
    rows = [(row["format"], row["precision"]) for row in run_json("formats")["formats"]]
    possible = {(f, p) for f, precisions in routes.PRECISIONS.items() for p in precisions}
    assert len(rows) == len(possible)
    assert set(rows) == {(f.value, p.value) for f, p in possible}


def test_a_row_says_how_and_where(run_json):
    rows = run_json("formats")["formats"]
    row = next(r for r in rows if (r["format"], r["precision"]) == ("openvino", "int8"))
    assert row["route"] == ["torch", "onnx", "openvino"]
    assert row["quantizer"] == "onnx"
    assert [runtime["name"] for runtime in row["runtimes"]] == ["openvino"]
    assert {"torch", "onnx", "openvino"} <= set(row["extras"])


def test_for_people(run_cli):
    done = run_cli("formats")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("torch", "onnx", "openvino", "litert", "tensorrt"))
    assert done.stderr == ""


HIDE = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == {hidden!r} else real(name, *a)
from edgekit.__main__ import main
sys.argv = ["edgekit", "formats", "--json"]
main()
"""


@pytest.mark.parametrize(
    ("hidden", "made", "precision", "extra"),
    [
        ("onnxruntime", "openvino", "int8", "onnx"),
        ("litert_torch", "litert", "fp32", "litert"),
        ("onnxscript", "tensorrt", "fp16", "onnx"),
    ],
)
def test_what_is_missing_comes_with_the_command(run_python, hidden, made, precision, extra):
    found = run_python(HIDE.format(hidden=hidden))
    row = next(r for r in found["formats"] if (r["format"], r["precision"]) == (made, precision))
    assert row["missing"] == [hidden]
    assert row["install"] == f"pip install 'edgekit-ml[{extra}]'"


def test_float_needs_no_quantizer(run_python):
    found = run_python(HIDE.format(hidden="ai_edge_quantizer"))
    row = next(r for r in found["formats"] if (r["format"], r["precision"]) == ("litert", "fp32"))
    assert row["missing"] == []
    assert row["install"] == ""


def test_the_tables_name_every_format():
    for table in (routes.PRECISIONS, routes.RUNTIME_OF):
        assert set(table) == set(Format)
    deployed = set(Format) - {Format.TORCH}
    assert set(routes.SOURCE) == deployed
    assert {format for format, _ in routes.QUANTIZED_AS} == deployed
    assert all(Precision.FP32 in precisions for precisions in routes.PRECISIONS.values())
