"""LiteRT (.tflite) from the torch trace, with channels last as mobile pipelines feed them."""

from pathlib import Path

import litert_torch
import torch

from edgekit.errors import UsageError
from edgekit.exporters import Exported
from edgekit.records import Artifact, Target
from edgekit.wire import TensorSpec

MODEL = "model.tflite"
# Heads that cut boxes out of their maps.
_WITH_ROIS = {"detect-rcnn"}


class _LitertFromTorch:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:  # noqa: ARG002 -- the same file for all
        _check(source)
        module = torch.export.load(source.model).module()
        images = litert_torch.to_channel_last_io(module, args=[0])
        # litert-torch has no free axes: the file is fixed at the batch that was asked for.
        _, channels, height, width = (size or 1 for size in source.inputs[0].shape)
        example = torch.zeros(source.spec.batch, height, width, channels)
        # The trace is in eval mode; a traced module just has no such mode to show.
        images.training = False
        litert_torch.convert(images, (example,)).export(str(workdir / MODEL))
        spec = TensorSpec("args_0", tuple(example.shape), "float32", "NHWC")
        return Exported({MODEL: "model"}, (spec,))


def _check(source: Artifact) -> None:
    """Refuse what litert-torch has no lowering for, in better words than its own."""
    spec = source.spec
    if spec.head in _WITH_ROIS:
        raise UsageError(
            f"LiteRT has no operator for the second stage of {spec.head!r}",
            hint="export it to onnx or openvino, or take --head detect for LiteRT",
        )
    if spec.nms:
        raise UsageError(
            "litert-torch can't put NMS into a LiteRT file",
            hint="leave --nms out for litert: `edgekit.tasks` does the same behind the file",
        )


LitertFromTorch = _LitertFromTorch()
