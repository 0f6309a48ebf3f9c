"""OpenVINO IR from ONNX."""

from pathlib import Path

import openvino
from openvino._offline_transformations import apply_moc_transformations

from edgekit.exporters import Exported
from edgekit.records import Artifact, Target

MODEL = "model.xml"
WEIGHTS = "model.bin"


class _OpenvinoFromOnnx:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:  # noqa: ARG002 -- the same file for all
        # openvino.convert_model is these two steps and a report to the vendor; users of edgekit
        # were not asked for one.
        model = openvino.Core().read_model(source.model)
        apply_moc_transformations(model, cf=False, smart_reshape=True)
        # By default weights are stored as float16: an exporter doesn't change the precision.
        openvino.save_model(model, workdir / MODEL, compress_to_fp16=False)
        return Exported({MODEL: "model", WEIGHTS: "model"}, source.inputs)


OpenvinoFromOnnx = _OpenvinoFromOnnx()
