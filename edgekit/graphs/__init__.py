"""Graphs: what stands in a model file, read from the file itself.

To add one: write a module here with an object that meets `Graph` and add its line, by the suffix
that it reads, to the table below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgekit.records import GraphOp
from edgekit.registry import Entry, Registry


class Graph(Protocol):
    """A reader of one kind of model file."""

    def read(self, model: Path) -> tuple[GraphOp, ...]:
        """The operators of `model`, each with the precision that it computes in.

        An operator whose data inputs are all dequantized from 8 bits computes in int8 if a
        runtime has such a kernel: that is what runtimes fuse. Quantize and dequantize themselves
        are listed as operators too.

        Raises:
            DataError: The file is not what its suffix says, or is cut short.
        """
        ...


GRAPHS: Registry[Graph] = Registry(
    "graph reader",
    {
        ".onnx": Entry("edgekit.graphs.onnx:GRAPH", "onnx", ("onnx",)),
        ".xml": Entry("edgekit.graphs.openvino:GRAPH", "openvino", ("openvino",)),
        ".tflite": Entry("edgekit.graphs.litert:GRAPH", "litert", ("ai_edge_litert",)),
    },
)
