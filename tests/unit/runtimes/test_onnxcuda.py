"""ONNX Runtime's binding to a device, where the device is the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgekit.errors import MissingDependency
from edgekit.runtimes import cudadriver, onnxcuda
from edgekit.runtimes.onnxruntime import PROVIDERS, opened, session_options


class _Marks:
    """A stream whose clock goes on by one at each mark."""

    def __init__(self) -> None:
        self.marks = 0

    def mark(self) -> None:
        self.marks += 1

    def wait(self) -> None:
        pass

    def spans_ns(self) -> list[int]:
        spans, self.marks = [1] * (self.marks - 1), 0
        return spans


@pytest.fixture
def model(tmp_path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    )
    path = tmp_path / "twice.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def test_the_parts_of_an_inference(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = opened(model, session_options(1, optimized=True), PROVIDERS)
    session = onnxcuda.BoundSession(raw, model, PROVIDERS, lambda _: (1, 3), _Marks(), "cpu")
    # What was computed is looked at, of each inference: the second one's input must be its own.
    seen: list[Any] = []

    def spied(stream: Any, copy_in: Any, compute: Any, copy_out: Any) -> dict[str, int]:
        return cudadriver.timed_parts(stream, copy_in, compute, lambda: seen.append(copy_out()))

    monkeypatch.setattr(onnxcuda, "timed_parts", spied)
    feeds = [{"x": np.full((1, 3), value, np.float32)} for value in (1.0, 4.0)]
    for feed in feeds:
        assert session.parts(feed).keys() == {"h2d", "compute", "d2h", "compute_host"}
    assert [outputs[0].tolist() for outputs in seen] == [[[2.0] * 3], [[8.0] * 3]]
    assert session.run(feeds[0])[0].tolist() == [[2.0] * 3]


def test_an_onnxruntime_without_cuda_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxcuda, "need_gpu", lambda: None)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(PROVIDERS))
    with pytest.raises(MissingDependency, match="without CUDA") as caught:
        onnxcuda.RUNTIME.load(model, threads=1, precision="fp32", shape_of=lambda _: (1, 3))
    assert "onnxruntime-gpu" in caught.value.hint
