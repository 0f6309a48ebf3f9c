"""Quantizers: change the precision of a file and never its format, as a recipe says.

To add one: write a module here with an object that meets `Quantizer` and add its line to the
table below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from edgekit.records import Artifact, Recipe
from edgekit.registry import Entry, Registry

# One mapping an image: input name to a float32 array in that input's shape and layout.
Feeds = Sequence[Mapping[str, Any]]


class Quantizer(Protocol):
    """Carries recipes out with one format's own library."""

    def quantize(
        self, source: Artifact, recipe: Recipe, feeds: Feeds, workdir: Path
    ) -> dict[str, str]:
        """Write `source`, quantized, into `workdir`.

        Args:
            source: The float32 artifact.
            recipe: What to do.
            feeds: Calibration inputs, in the artifact's own names; empty for a recipe without
                calibration.
            workdir: Where to write.

        Returns:
            Role (as in `ArtifactFile`) of each file written, by name, the one that a runtime
            loads first.

        Raises:
            ToolError: The framework could not do it.
        """
        ...


QUANTIZERS: Registry[Quantizer] = Registry(
    "quantizer",
    {
        "onnx": Entry("edgekit.quantizers.onnx:QUANTIZER", "onnx", ("onnx", "onnxruntime")),
        "openvino": Entry(
            "edgekit.quantizers.openvino:QUANTIZER", "openvino", ("openvino", "nncf")
        ),
        "litert": Entry("edgekit.quantizers.litert:QUANTIZER", "litert", ("ai_edge_quantizer",)),
    },
)
