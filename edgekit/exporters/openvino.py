"""OpenVINO IR from ONNX."""

from pathlib import Path

import openvino

from edgekit.exporters import Exported
from edgekit.records import Artifact, Target

MODEL = "model.xml"
WEIGHTS = "model.bin"


class _OpenvinoFromOnnx:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:  # noqa: ARG002 -- the same file for all
        # Not openvino.convert_model: it does the same here and reports to the vendor as well.
        model = openvino.Core().read_model(source.model)
        # By default weights are stored as float16: an exporter doesn't change the precision.
        openvino.save_model(model, workdir / MODEL, compress_to_fp16=False)
        return Exported({MODEL: "model", WEIGHTS: "model"}, source.inputs)


OpenvinoFromOnnx = _OpenvinoFromOnnx()
