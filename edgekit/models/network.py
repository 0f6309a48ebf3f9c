"""A network ready to be traced: built from a seed, with weights, neck and head, fused."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edgekit.errors import ToolError, UsageError
from edgekit.models import FAMILIES, HEADS, Head, dense, loading
from edgekit.models.fusion import fuse, outputs_of
from edgekit.models.tracing import example
from edgekit.records import ModelRequest, Preprocess, Weights
from edgekit.tasks import TASKS
from edgekit.wire import DETECTIONS

# What networks raise where they can't take an input of some size.
MISFITS = (RuntimeError, ValueError, AssertionError, TypeError, IndexError)


@dataclass(frozen=True, slots=True)
class Network:
    """A network in eval mode.

    Attributes:
        module: The network and its head.
        preprocess: How a photo becomes its input.
        labels: Names of its classes in order; empty if they aren't known.
        weights: Where its weights came from.
        shapes: Shape of each output for one sample, without the batch.
        dtypes: NumPy's name of the element type of each output.
        names: Name of each output.
        classes: Number of its classes; 0 for none.
        neck: Name of its neck; empty if it has none.
    """

    module: nn.Module
    preprocess: Preprocess
    labels: tuple[str, ...]
    weights: Weights
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    names: tuple[str, ...]
    classes: int
    neck: str = ""

    @property
    def features(self) -> int:
        """Values of the first output for one sample, along its last axis."""
        return self.shapes[0][-1]

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def build(request: ModelRequest, family: str, backbone: str) -> Network:
    """Build what `request` asks for.

    Args:
        request: The model, its weights, its neck and its head.
        family: Name of the family.
        backbone: The family's exact name.

    Raises:
        UsageError: The backbone can't be built as asked.
        DataError: Its weights can't be had, read, or made to fit.
        ToolError: Fusing changed what it computes.
    """
    head = HEADS.get(request.head)
    if dense.is_dense(request, head, family):
        return _dense(request, family, backbone)
    return _flat(request, head, family, backbone)


def _flat(request: ModelRequest, head: Head, family: str, backbone: str) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        net = FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=head.embed, input_size=request.input_size
        )
    weights = loading.load(net.module, family, backbone, request)
    module = head.attach(net.module).eval().requires_grad_(requires_grad=False)
    image = example(net.preprocess.size)
    outputs = _run(module, image, backbone)
    if len(outputs) != 1 or outputs[0].ndim != 2:  # noqa: PLR2004 -- samples, values
        message = f"{backbone} gives no single vector a sample"
        raise ToolError(message, hint="take a classification model: edgekit models")
    features = int(outputs[0].shape[1])
    # Only weights that were trained with those classes give scores those names.
    named = weights.source.startswith(loading.PRETRAINED_SOURCES) and features == len(net.labels)
    return Network(
        fuse(module, image),
        net.preprocess,
        net.labels if named else (),
        weights,
        *_specs(outputs),
        names=head.outputs,
        classes=0 if head.embed else features,
    )


def _dense(request: ModelRequest, family: str, backbone: str) -> Network:
    built = dense.build(request, family, backbone)
    image = example(built.preprocess.size)
    # Run once before anything is changed: it shows whether the input fits.
    _run(built.module, image, backbone)
    task = TASKS.get(request.head)
    fused = fuse(built.module, image, task.paired)
    module, names = fused, built.names
    if request.nms:
        module, names = dense.finished(fused, request, built.preprocess.size)
        task = TASKS.get(DETECTIONS)
    return Network(
        module,
        built.preprocess,
        built.labels,
        built.weights,
        *_specs(_run(module, image, backbone)),
        names=names,
        classes=built.classes,
        neck=built.neck,
    )


def _specs(
    outputs: tuple[torch.Tensor, ...],
) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    shapes = tuple(tuple(map(int, output.shape[1:])) for output in outputs)
    return shapes, tuple(str(output.dtype).removeprefix("torch.") for output in outputs)


def _run(module: nn.Module, image: torch.Tensor, backbone: str) -> tuple[torch.Tensor, ...]:
    """Outputs of one run, which shows whether the input fits."""
    try:
        with torch.no_grad():
            return outputs_of(module(image))
    except MISFITS as error:
        size = "x".join(map(str, image.shape[2:]))
        message = f"{backbone} can't take an input of {size} pixels: {error}"
        raise UsageError(message, hint="leave --input-size out for the model's own") from error
