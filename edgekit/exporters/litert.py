"""LiteRT (.tflite) from the torch trace, with channels last as mobile pipelines feed them."""

from pathlib import Path

import litert_torch
import torch

from edgekit.exporters import Exported
from edgekit.records import Artifact, Target
from edgekit.wire import TensorSpec

MODEL = "model.tflite"


class _LitertFromTorch:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:  # noqa: ARG002 -- the same file for all
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


LitertFromTorch = _LitertFromTorch()
