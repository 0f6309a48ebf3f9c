"""OpenVINO float16 weights, by OpenVINO itself. Its int8 files come from quantized ONNX."""

from pathlib import Path

import openvino

from edgekit.errors import UsageError
from edgekit.quantization.solve import Observed
from edgekit.quantizers import Feeds, LayerCost
from edgekit.records import Artifact, Recipe

MODEL = "model.xml"
WEIGHTS = "model.bin"


class _OpenvinoQuantizer:
    def observe(self, source: Artifact, feeds: Feeds) -> Observed:  # noqa: ARG002 -- not here
        raise _elsewhere()

    def quantize(
        self,
        source: Artifact,
        recipe: Recipe,
        observed: Observed | None,  # noqa: ARG002 -- float16 needs no calibration
        workdir: Path,
    ) -> dict[str, str]:
        if recipe.scheme != "float16":
            raise _elsewhere()
        model = openvino.Core().read_model(source.model)
        openvino.save_model(model, workdir / MODEL, compress_to_fp16=True)
        return {MODEL: "model", WEIGHTS: "model"}

    def ends(self, source: Artifact) -> tuple[str, ...]:  # noqa: ARG002 -- not here
        raise _elsewhere()

    def rank(
        self,
        source: Artifact,  # noqa: ARG002 -- not here
        recipe: Recipe,  # noqa: ARG002
        observed: Observed,  # noqa: ARG002
        feeds: Feeds,  # noqa: ARG002
    ) -> tuple[LayerCost, ...]:
        raise _elsewhere()


def _elsewhere() -> UsageError:
    return UsageError(
        "an OpenVINO file is not brought to 8 bits itself",
        hint="quantize its ONNX file: `edgekit quantize MODEL.onnx --format openvino`",
    )


QUANTIZER = _OpenvinoQuantizer()
