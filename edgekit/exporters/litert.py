"""LiteRT (.tflite) from the torch trace, with channels last as mobile pipelines feed them."""

import contextlib
import io
import warnings
from pathlib import Path

import litert_torch
import torch

from edgekit.records import Artifact, Target

MODEL = "model.tflite"


class _LitertFromTorch:
    packages = ("torch", "litert-torch", "litert-converter")

    def export(self, source: Artifact, target: Target, workdir: Path) -> dict[str, str]:  # noqa: ARG002 -- the same file for all
        module = torch.export.load(source.model).module()
        images = litert_torch.to_channel_last_io(module, args=[0])
        # litert-torch has no free axes: the file is fixed at the batch that was asked for.
        _, channels, height, width = (size or 1 for size in source.inputs[0].shape)
        example = torch.zeros(source.spec.batch, height, width, channels)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            litert_torch.convert(images, (example,)).export(str(workdir / MODEL))
        return {MODEL: "model"}


LitertFromTorch = _LitertFromTorch()
