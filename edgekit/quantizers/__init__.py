"""Quantizers: change the precision of a file and never its format, as a recipe says.

To add one: write a module here with an object that meets `Quantizer` and add its line to the
table below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgekit.quantization.solve import Observed
from edgekit.records import Artifact, Recipe
from edgekit.registry import Entry, Registry

# One mapping an image: input name to a float32 array in that input's shape and layout.
Feeds = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """A layer and what its 8 bits cost.

    Attributes:
        name: Name of the operator in the float file, as in `Recipe.float_layers`.
        sqnr_db: Signal to noise of the network's outputs with this layer alone in 8 bits; the
            lower, the dearer.
    """

    name: str
    sqnr_db: float


class Quantizer(Protocol):
    """Carries recipes out on files of one format."""

    def observe(self, source: Artifact, feeds: Feeds) -> Observed:
        """Run calibration inputs through `source` once, for every recipe that is to come.

        Args:
            source: The float32 artifact.
            feeds: Calibration inputs, in the artifact's own names.

        Raises:
            DataError: A layer gives NaN or infinity on them.
        """
        ...

    def quantize(
        self, source: Artifact, recipe: Recipe, observed: Observed | None, workdir: Path
    ) -> dict[str, str]:
        """Write `source`, quantized, into `workdir`.

        Args:
            source: The float32 artifact.
            recipe: What to do.
            observed: What calibration showed; None for a recipe without calibration.
            workdir: Where to write.

        Returns:
            Role (as in `ArtifactFile`) of each file written, by name, the one that a runtime
            loads first.

        Raises:
            ToolError: The framework could not do it.
        """
        ...

    def ends(self, source: Artifact) -> tuple[str, ...]:
        """Names of the operators that no layer reads: what is behind the last ones.

        Where the results are coordinates, or scores that are put together, they stay in float.

        Args:
            source: The float32 artifact.
        """
        ...

    def rank(
        self, source: Artifact, recipe: Recipe, observed: Observed, feeds: Feeds
    ) -> tuple[LayerCost, ...]:
        """What each layer costs if it alone is in 8 bits and all others in float, worst first.

        Args:
            source: The float32 artifact.
            recipe: The recipe whose layers are tried.
            observed: What calibration showed.
            feeds: A few inputs to measure on.
        """
        ...


QUANTIZERS: Registry[Quantizer] = Registry(
    "quantizer",
    {
        "onnx": Entry("edgekit.quantizers.onnx:QUANTIZER", "onnx", ("onnx", "onnxruntime")),
        "openvino": Entry("edgekit.quantizers.openvino:QUANTIZER", "openvino", ("openvino",)),
        "litert": Entry("edgekit.quantizers.litert:QUANTIZER", "litert", ("ai_edge_quantizer",)),
    },
)
