"""Small ONNX files as others write them, and photos to calibrate them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

CLASSES = 5
SIZE = 16
# Differ from zero mean and one spread, so that what is folded shows.
_WEIGHTS: dict[str, tuple[int, ...]] = {
    "w": (8, 3, 3, 3),
    "w2": (8, 8, 3, 3),
    "fw": (CLASSES, 8),
    "fb": (CLASSES,),
    "gain": (8,),
    "shift": (8,),
    "mean": (8,),
}


def net(opset: int = 17, axes: tuple[Any, ...] = ("N", 3, SIZE, SIZE)) -> onnx.ModelProto:
    """Two convolutions, BatchNormalization left behind the first, weights as Constant nodes.

    It pads by what it computes of a shape, as the older exporters of SAME padding do.
    """
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=shape).astype(np.float32) for name, shape in _WEIGHTS.items()}
    values |= {"var": rng.uniform(0.5, 2, 8).astype(np.float32)}
    values["gain"] += 3
    whole = {"ax": np.array(2), "half": np.array(0.0625, np.float32), "one": np.array([1])}
    whole |= {"zeros": np.zeros(2, np.int64), "back": np.array([0, 0])}
    w = numpy_helper.from_array(values.pop("w"), "w")
    nodes = [
        helper.make_node("Constant", [], ["cw"], value=w),
        helper.make_node("Conv", ["x", "cw"], ["c"], "conv1", pads=[1] * 4),
        helper.make_node(
            "BatchNormalization", ["c", "gain", "shift", "mean", "var"], ["n"], "norm"
        ),
        helper.make_node("Relu", ["n"], ["r"], "relu"),
        # 16 pixels / 16 = 1 pixel of padding, in floats.
        helper.make_node("Shape", ["r"], ["s"], "shape"),
        helper.make_node("Gather", ["s", "ax"], ["h"], "height", axis=0),
        helper.make_node("Cast", ["h"], ["hf"], "float", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["hf", "half"], ["p"], "pixels"),
        helper.make_node("Cast", ["p"], ["pi"], "whole", to=TensorProto.INT64),
        helper.make_node("Reshape", ["pi", "one"], ["pad"], "axis"),
        helper.make_node("Concat", ["zeros", *["pad"] * 2, *["zeros"], *["pad"] * 2], ["pads"], "pads", axis=0),
        helper.make_node("Pad", ["r", "pads"], ["padded"], "pad"),
        helper.make_node("Conv", ["padded", "w2"], ["d"], "conv2"),
        helper.make_node("Relu", ["d"], ["e"], "relu2"),
        helper.make_node("GlobalAveragePool", ["e"], ["g"], "mean_"),
        helper.make_node("Flatten", ["g"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "fw", "fb"], ["y"], "head", transB=1),
    ]  # fmt: skip
    constants = {**values, **whole}
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [axes[0], CLASSES])],
        [
            numpy_helper.from_array(value, name)
            for name, value in constants.items()
            if name in used
        ],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7 if opset < 15 else 10
    )
    onnx.checker.check_model(made)
    return made


def with_constant(model: onnx.ModelProto, name: str, values: Any) -> onnx.ModelProto:
    """`model` with other values in one of its constants."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(values, np.float32), name))
    return model


def saved(path: Path, **options: Any) -> Path:
    """`net` in a file."""
    onnx.save(net(**options), path)
    return path


def photos(folder: Path, count: int = 32, seed: int = 0) -> Path:
    """Photos of random colours and edges, each another, in `folder`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        small.resize((32, 32)).save(folder / f"{index:03}.png")
    return folder
