"""One network with exactly 100 MB of weights, in every format: how much memory does a runtime say?

Many small additions, each with weights of its own, and a ReLU after each, or OpenVINO folds all of
them into one. No runtime repacks such weights as it does those of convolutions and matrix
products, all of them are read, and the activations are small against them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

MEGABYTES = 100
LAYERS = 100
WIDTH = MEGABYTES * 10**6 // LAYERS // 4  # float32


def models(folder: Path) -> dict[str, Path]:
    """The network's file for each runtime."""
    onnx = folder / "weights.onnx"
    _write_onnx(onnx)
    xml = folder / "weights.xml"
    _write_openvino(onnx, xml)
    return {
        "onnxruntime": onnx,
        "openvino": xml,
        **_from_torch(folder),
    }


def _weights() -> list[Any]:
    generator = np.random.default_rng(0)
    return [generator.random((1, WIDTH), np.float32) for _ in range(LAYERS)]


def _write_onnx(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = []
    for i in range(LAYERS):
        nodes.append(helper.make_node("Add", [f"t{i}", f"w{i}"], [f"s{i}"]))
        nodes.append(helper.make_node("Relu", [f"s{i}"], [f"t{i + 1}"]))
    graph = helper.make_graph(
        nodes,
        "weights",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, [1, WIDTH])],
        [helper.make_tensor_value_info(f"t{LAYERS}", TensorProto.FLOAT, [1, WIDTH])],
        [numpy_helper.from_array(value, f"w{i}") for i, value in enumerate(_weights())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def _write_openvino(onnx: Path, path: Path) -> None:
    import openvino

    openvino.save_model(openvino.convert_model(onnx), path, compress_to_fp16=False)


def _from_torch(folder: Path) -> dict[str, Path]:
    import litert_torch
    import torch

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.ParameterList(map(torch.from_numpy, _weights()))

        def forward(self, x: Any) -> Any:
            for weight in self.weights:
                x = torch.relu(x + weight)
            return x

    module, feeds = Chain().eval(), (torch.zeros(1, WIDTH),)
    program, lite = folder / "weights.pt2", folder / "weights.tflite"
    torch.export.save(torch.export.export(module, feeds), program)
    litert_torch.convert(module, feeds).export(str(lite))
    return {"litert": lite, "torch": program}
