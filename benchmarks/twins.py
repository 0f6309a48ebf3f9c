"""Twins of an ONNX model: the same outputs to the last bit, for a known share of extra work.

Some of the model's convolutions are there a second time, with weights that differ by a
ten-thousandth so that no optimizer merges them; the mean of what they give, times zero, is added
to the first output. Which ones: those whose share of the time, by ONNX Runtime's own profile, adds
up to what is asked for. How much slower the twin is in truth is measured, not believed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx  # noqa: TID253 -- a benchmark
import onnxruntime as ort  # noqa: TID253
from onnx import helper, numpy_helper  # noqa: TID253

_PROFILED_RUNS = 40
_SUFFIX = "_kernel_time"


def make(source: Path, target: Path, share: float) -> None:
    """Write a twin of `source` to `target` that takes about `share` more time.

    Args:
        source: A model with convolutions.
        target: Where to write it.
        share: Of the model's time, from 0 to 1.
    """
    model = onnx.load(source)
    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    output = graph.output[0].name
    total = f"{output}/model"
    for node in graph.node:
        node.output[:] = [total if name == output else name for name in node.output]
    graph.initializer.append(numpy_helper.from_array(np.float32(0.0), "twin/zero"))
    chosen = _chosen(source, graph, share)
    for number, node in enumerate(chosen):
        name = f"twin/{number}"
        extra = onnx.NodeProto()
        extra.CopyFrom(node)
        weight = numpy_helper.to_array(weights[node.input[1]])
        graph.initializer.append(numpy_helper.from_array(weight * np.float32(1.0001), f"{name}/w"))
        extra.name, extra.input[1], extra.output[:] = name, f"{name}/w", [f"{name}/out"]
        after = output if node is chosen[-1] else f"{name}/sum"
        graph.node.extend(
            [
                extra,
                helper.make_node("GlobalAveragePool", [f"{name}/out"], [f"{name}/pooled"]),
                helper.make_node("ReduceMean", [f"{name}/pooled"], [f"{name}/mean"], keepdims=0),
                helper.make_node("Mul", [f"{name}/mean", "twin/zero"], [f"{name}/nothing"]),
                helper.make_node("Add", [total, f"{name}/nothing"], [after]),
            ]
        )
        total = after
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _chosen(source: Path, graph: Any, share: float) -> list[Any]:
    """The convolutions to repeat, the most expensive that still fit first."""
    times_us = _profile(source)
    activated = {
        node.input[0]: node.output[0] for node in graph.node if node.op_type in {"Relu", "Clip"}
    }

    def time_us(node: Any) -> float:
        # An optimized node has the name of what it gives, after what was fused into it.
        outputs = (node.output[0], activated.get(node.output[0], ""))
        names = [f"{name}{suffix}" for name in outputs for suffix in ("", "_nchwc")]
        return next((times_us[name] for name in (*names, node.name) if name in times_us), 0.0)

    left_us = share * sum(times_us.values())
    convolutions = [node for node in graph.node if node.op_type == "Conv" and time_us(node)]
    chosen = []
    for node in sorted(convolutions, key=time_us, reverse=True):
        if time_us(node) <= left_us * 1.05:
            chosen.append(node)
            left_us -= time_us(node)
    return chosen


def _profile(source: Path) -> dict[str, float]:
    """Time of each node of the optimized graph, in us, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
        first = session.get_inputs()[0]
        shape = [size if isinstance(size, int) else 1 for size in first.shape]
        feed = {first.name: np.random.default_rng(0).random(shape, np.float32)}
        for _ in range(_PROFILED_RUNS):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    times: dict[str, list[float]] = {}
    for event in events:
        if event["name"].endswith(_SUFFIX):
            times.setdefault(event["name"].removesuffix(_SUFFIX), []).append(event["dur"])
    return {name: median(each) for name, each in times.items()}
