"""Exporters: change the format of a network and never its precision.

To add one: write a module here with an object that meets `Exporter`, named `<Target>From<Source>`,
add its line to the table below, and its route in `edgekit.workflows.routes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgekit.records import Artifact, Target
from edgekit.registry import Entry, Registry
from edgekit.wire import TensorSpec


@dataclass(frozen=True, slots=True)
class Exported:
    """What an exporter wrote.

    Attributes:
        files: Role (as in `ArtifactFile`) of each file, by name, the one that a runtime loads
            first.
        inputs: Inputs of the file, with its own names and layout.
        note: What the user should know of it; empty if nothing.
    """

    files: dict[str, str]
    inputs: tuple[TensorSpec, ...]
    note: str = ""


class Exporter(Protocol):
    """A converter from one format to another."""

    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:
        """Write `source` in the new format into `workdir`.

        Args:
            source: The artifact to convert.
            target: Where the result will run; most formats don't depend on it.
            workdir: Where to write.

        Raises:
            ToolError: The framework could not convert it.
        """
        ...


EXPORTERS: Registry[Exporter] = Registry(
    "exporter",
    {
        "onnx": Entry(
            "edgekit.exporters.onnx:OnnxFromTorch", "onnx", ("torch", "onnx", "onnxscript")
        ),
        "openvino": Entry(
            "edgekit.exporters.openvino:OpenvinoFromOnnx", "openvino", ("openvino",)
        ),
        "litert": Entry("edgekit.exporters.litert:LitertFromTorch", "litert", ("litert_torch",)),
        "tensorrt": Entry("edgekit.exporters.tensorrt:TensorrtFromOnnx", "onnx", ("onnx",)),
    },
)
