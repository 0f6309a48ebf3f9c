"""Writes one small network in every format, with inputs and what it must give for them.

`python tests/tiny_models.py FOLDER` in a process of its own: the frameworks warn, and are slow.
A convolution with stride 2, ReLU, the mean over the image, a matrix product: 3x16x16 -> 5.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

CLASSES = 5


class Baked(torch.nn.Module):
    """A network whose one reshape has its batch written into it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.last = torch.nn.Linear(8 * 8 * 8, CLASSES)

    def forward(self, images: Any) -> Any:
        return self.last(torch.relu(self.first(images)).reshape(1, 8 * 8 * 8))


def main(folder: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, CLASSES),
    ).eval()
    images = torch.randn(5, 3, 16, 16)
    with torch.no_grad():
        expected = module(images)
    arrays: dict[str, Any] = {"input:x": images.numpy(), "output:0": expected.numpy()}
    np.savez(folder / "golden.npz", **arrays)
    free = torch.export.export(
        module, (images[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    torch.export.save(free, folder / "torch.pt2")
    _onnx(module, folder / "onnx.onnx", "batch")
    _onnx(module, folder / "fixed.onnx", 1)
    _openvino(folder)
    _litert(module, images[:1], folder / "litert.tflite")
    _litert(Baked(), images[:1], folder / "baked.tflite")


def _onnx(module: Any, path: Path, batch: Any) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = {name: value.detach().numpy() for name, value in module.named_parameters()}
    nodes = [
        helper.make_node(
            "Conv", ["x", "0.weight", "0.bias"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "4.weight", "4.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def _openvino(folder: Path) -> None:
    import openvino

    model = openvino.Core().read_model(folder / "onnx.onnx")
    openvino.save_model(model, folder / "openvino.xml", compress_to_fp16=False)


def _litert(module: Any, image: Any, path: Path) -> None:
    import litert_torch

    litert_torch.convert(module.eval(), (image,)).export(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
