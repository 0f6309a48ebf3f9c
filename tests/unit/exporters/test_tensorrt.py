"""An engine for the GPU that is here, where only TensorRT's program is: played by a script."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from edgekit import trtexec
from edgekit.exporters import tensorrt
from edgekit.records import Precision, Target
from tests.unit.test_trtexec import stand_in

ORIN = Target("host", "aarch64", sm=87)


@pytest.fixture
def source(tmp_path: Path) -> Any:
    """A file with an input whose batch is free, and one that is fixed."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "y"], ["z"])],
        "sum",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3]),
        ],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 3])],
    )
    path = tmp_path / "source.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return SimpleNamespace(
        model=path, spec=SimpleNamespace(batch=1), precision=Precision.FP16, inputs=()
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tensorrt, "is_installed", lambda _: False)
    made = tmp_path / "out"
    made.mkdir()
    return made


def test_the_program_builds_where_the_module_is_missing(
    source: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(tmp_path, "trtexec-8.5", engine="an engine")
    monkeypatch.setattr(trtexec, "find", lambda: program)
    exported = tensorrt.TensorrtFromOnnx.export(source, ORIN, folder)
    assert exported.files["model.engine"] == "model"
    assert (folder / "model.engine").read_bytes() == b"an engine"
    engine = json.loads((folder / "build.json").read_text())["engine"]
    assert engine == {"compute_capability": 87, "builder": program, "reason": ""}
    words = (tmp_path / "asked").read_text().splitlines()[-1].split()
    # What is fixed isn't told: the program takes no shape for it.
    assert {"--minShapes=x:1x3", "--maxShapes=x:8x3", "--fp16"} <= set(words)


def test_without_either_the_file_is_built_where_it_runs(
    source: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trtexec, "find", lambda: None)
    exported = tensorrt.TensorrtFromOnnx.export(source, ORIN, folder)
    assert exported.files["model.onnx"] == "model"
    assert "where it will run" in exported.note


def test_the_program_builds_for_no_other_gpu(
    source: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trtexec, "find", lambda: pytest.fail("asked"))
    exported = tensorrt.TensorrtFromOnnx.export(source, Target("sm87", "cuda", sm=87), folder)
    assert "model.engine" not in exported.files
